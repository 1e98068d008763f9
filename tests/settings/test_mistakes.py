"""Mistakes in a settings file: a sentence each with file, line and what would be right; none of them stops a look."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vlmtui.cli import look, main
from vlmtui.display.pieces import plain
from vlmtui.settings.config_file import MAX_BYTES, read_config
from vlmtui.settings.in_force import Settings, all_mistakes
from vlmtui.settings.kinds import CheckContext, WholeNumber
from vlmtui.settings.listing import listing_json, setting_rows
from vlmtui.settings.table import BY_NAME, SETTINGS

CHINA = str(Path(__file__).parents[2] / "sample_images" / "china.jpg")
TEN = """\
# ten mistakes
modle = "demo"
device = "gpu"
model = "demo-vti"  # and from here on
lenses = ["/no/such/folder"]
theme = "drakula"
panels = ["words",
  "nroms"]

[keys]
serach = "f6"
find = "F6"
overlay = "f9"
zoom = ["f9", "f10"]

[profile.far]
dtype = "bf16"
"""
TEN_SENTENCES = """\
2: no setting is named "modle": did you mean model?
3: device is "gpu", not one of auto, cpu, cuda, cuda:N, mps: did you mean "cpu"?
4: model is "demo-vti": did you mean "demo-vit"?
5: lenses has "/no/such/folder", which is not a folder: check the path
6: theme is "drakula", not one of THEMES: did you mean "dracula"?
7: one of panels is "nroms", not one of facts, answer, words, numbers, norms, patch: did you mean "norms"?
11: no action of keys is named "serach": did you mean find?
12: keys.find is "F6", which is not a key: did you mean "f6"?
14: keys.zoom is "f9", which keys.overlay has already: choose another
17: dtype is "bf16", not one of auto, float32, bfloat16, float16: did you mean "bfloat16"?
"""


def file_of(folder: Path, content: str | bytes) -> Path:
    file = folder / "config.toml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def sentences(file: Path) -> list[str]:
    """All mistakes, without the name of the file."""
    told = [str(mistake) for mistake in all_mistakes(read_config(file))]
    assert all(line.startswith(f"{file}:") for line in told)
    return [line.removeprefix(f"{file}:").strip() for line in told]


def test_a_file_with_ten_mistakes(tmp_path: Path) -> None:
    from vlmtui.tui.terminal.theme import theme_names

    expected = TEN_SENTENCES.replace("THEMES", ", ".join(theme_names())).splitlines()
    assert len(expected) == 10
    assert sentences(file_of(tmp_path, TEN)) == expected


def test_the_rest_holds(tmp_path: Path) -> None:
    found = Settings(read_config(file_of(tmp_path, TEN)), environment={})
    assert found["panels"] == ("words",)
    assert found.action_keys() == {"overlay": ("f9",), "zoom": ("f10",)}
    assert (found["model"], found["k"], found["theme"], found["lenses"]) == ("demo", 8, "vlmtui-dark", ())


def test_none_of_them_stops_a_look(
    warm_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VLMTUI_CONFIG", str(file_of(tmp_path, TEN)))
    assert main([CHINA, "--format", "csv", "--patch", "3,3"]) == 0
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if "config.toml" in line]
    # those of the explorer, and of a profile that is not used, are not told here
    assert [line.split("config.toml:")[1].split(":")[0] for line in lines] == ["2", "3", "4", "5"]
    assert out.startswith("image,")


def test_quiet_tells_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VLMTUI_CONFIG", str(file_of(tmp_path, TEN)))
    monkeypatch.setattr(look, "_run_report", lambda *arguments: 0)
    assert main([CHINA, "--format", "csv", "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("k = 5\nmodel = demo\n", '2: not TOML (Invalid value): put text in quotes; true and false are lower case'),
        ("k = 5\n[keys]\nfind = 'x'\nfind = 'y'\n", "4: not TOML (Cannot overwrite a value): it is given twice"),
        ("[keys]\n[keys]\n", "2: not TOML (Cannot declare ('keys',) twice): it is given twice"),
        ("model\n", "1: not TOML (Expected '=' after a key in a key/value pair): a line is NAME = VALUE"),
        ('k = 5\nmodel = """demo\n', "2: not TOML (Unterminated string): text begins and ends"),
        ('model = "demo\nk = 5', "1: not TOML (Illegal character '\\n'): text in quotes ends in its line"),
        ('panels = ["words"\n\n\n', "1: not TOML (Unclosed array): a list ends with ]"),
        ("[keys\n", "1: not TOML (Expected ']' at the end of a table declaration): a table is written [NAME]"),
        ("k = 8 9\n", "1: not TOML (Expected newline or end of document after a statement): put text in quotes, and"),
        ('model = "C:\\models"\n', "1: not TOML (Unescaped '\\' in a string): write \\\\ for a backslash"),
        (b'k = 5\nmodel = "\xe9"\n', "2: not UTF-8: save it in that encoding"),
        (f"k = {'9' * 5000}\n", "not TOML that can be read (ValueError)"),
        (f"k = {'[' * 5000}{']' * 5000}\n", "not TOML that can be read (RecursionError)"),
        ("#" * (MAX_BYTES + 1), "larger than 64 KiB: name a file of settings"),
        ('profile = "far"', '1: profile is "far": profiles are tables such as [profile.gpu-box], and default-profile'),
        ('[profile]\nfar = 1', "2: profile.far is 1: a profile begins with [profile.far]"),
        ('default-profile = "fra"\n[profile.far]', '1: default-profile is "fra", which is not a profile: did you mean'),
        ("default-profile = 1", '1: default-profile is 1: give text, such as "gpu-box"'),
        ('[profile.far]\ndefault-profile = "far"', "2: default-profile has no place in a profile: move it to the top"),
        ('[far]\nmodel = "demo"', '1: no setting is named "far": a profile begins with [profile.far]'),
        ("zzzz = 1", '1: no setting is named "zzzz": the settings are remote, remote-command, model, device'),
        ("model = ''", "1: model is \"\": give text, such as"),
        ('remote = "-oProxyCommand=x"', "1: remote is \"-oProxyCommand=x\": --remote '-oProxyCommand=x' is not a host"),
        ("metric = ['l2']", '1: metric is ["l2"], not one of cosine, cosine-centred, l2, dot, omp, omp-positive'),
        ("k = 0", "1: k is 0: give a whole number of at least 1"),
        (r'model = "~\u0000"', r'1: model is "~\u0000": give text, such as "llava-1.5-7b"'),
        (f"model = '{'x' * 300}'", f'1: model is "{"x" * 59}…: give text, such as "llava-1.5-7b"'),
        (r'lenses = ["~\u0000"]', r'1: lenses has "~\u0000", which is not a folder: check the path'),
        (f"lenses = ['{'x' * 300}']", f'1: lenses has "{"x" * 59}…, which is not a folder: check the path'),
        ("k = true", "1: k is true: give a whole number of at least 1"),
        ("k = 8.0", "1: k is 8.0: give a whole number of at least 1"),
        ("keys = 'x'", '1: keys is "x": give a table of actions and their keys'),
        ("keys.find = 6", '1: keys.find is 6: give a key, such as "f6", or a list'),
        ("keys.find = ['x', 'x']", '1: keys.find is "x", which it has already: choose another'),
        ("panels = []", "1: panels is []: give a list of some of facts, answer, words"),
        ("panels = ['words', 'norms', 'words']", '1: panels has "words" more than once: name it once'),
        ("lenses = '~/lenses'", '1: lenses is "~/lenses": give a list of folders'),
        ("color = 256", '1: color is 256, not one of auto, truecolor, 256: did you mean "256"?'),
        ("colour = 'auto'", '1: no setting is named "colour": did you mean color?'),
    ],
)  # fmt: skip
def test_a_mistake(content: str | bytes, said: str, tmp_path: Path) -> None:
    (told,) = sentences(file_of(tmp_path, content))
    assert told.startswith(said)
    assert "\n" not in told.strip()


def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (told,) = read_config(tmp_path).mistakes
    assert str(told) == f"{tmp_path}: a folder: name the file in it; no setting of the file is used"
    missing = tmp_path / "none" / "config.toml"
    assert read_config(missing).mistakes == ()
    monkeypatch.setenv("VLMTUI_CONFIG", str(missing))
    (told,) = read_config(missing).mistakes
    assert "VLMTUI_CONFIG names this file, and it does not exist: vlmtui config init writes it" in str(told)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    file = file_of(tmp_path, "k = 5")
    file.chmod(0)
    (told,) = read_config(file).mistakes
    assert "cannot be read (Permission denied): check its permissions" in str(told)


@pytest.mark.parametrize("content", ["[profile.far]\n[profile.near]", "", "k = "])
def test_a_profile_that_is_not_there(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = file_of(tmp_path, content)
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    assert main(["report", CHINA, "--profile", "fra"]) == 2
    said = capfd.readouterr().err.strip().splitlines()[-1]
    there = "did you mean far? its profiles are far, near" if "far" in content else "add [profile.fra] to it"
    assert said == f"vlmtui: --profile 'fra' is not in {file}: {there}"
    monkeypatch.setenv("VLMTUI_PROFILE", "fra")
    (told,) = [str(one) for one in Settings(read_config(file)).mistakes() if "VLMTUI_PROFILE" in str(one)]
    assert told == f'{file}: VLMTUI_PROFILE is "fra", which is not a profile: {there}'


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_is_in_the_file(content: bytes) -> None:
    """Never an exception, and a sentence for everything that is not empty."""
    with tempfile.TemporaryDirectory() as folder:
        file = file_of(Path(folder), content)
        found = read_config(file)
        for mistake in all_mistakes(found):
            assert mistake.line is None or 1 <= mistake.line <= content.count(b"\n") + 1
        assert found.content or found.mistakes or not found.text.strip() or "#" in found.text or "[" in found.text


SCALARS = st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.dates()
VALUES = st.sampled_from(["~\0", "~nobody-here/x", "x" * 300, "a/b", "cuda:99", "f6", "../..", "-x"]) | st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["find", "zoom", "", "é"]), inner),
    max_leaves=5,
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{toml(key)} = {toml(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        return '"' + "".join(c if c.isalnum() or c in "~/-:. " else f"\\U{ord(c):08x}" for c in value) + '"'
    return str(value).lower()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from([*BY_NAME, "profile", "other"]), VALUES),
    st.dictionaries(st.sampled_from([*BY_NAME, "other"]), VALUES),
)
def test_whatever_a_setting_is(top: dict[str, object], profile: dict[str, object]) -> None:
    """No exception, a line for every mistake, and a value for every setting that its own check calls right."""
    top = {name: value for name, value in top.items() if name != "profile" or not profile}
    lines = [f"{name} = {toml(value)}" for name, value in top.items()]
    lines += ["[profile.a]", *(f"{name} = {toml(value)}" for name, value in profile.items())] if profile else []
    with tempfile.TemporaryDirectory() as folder:
        file = read_config(file_of(Path(folder), "\n".join(lines)))
        assert file.mistakes == ()
        for mistake in all_mistakes(file):
            assert mistake.line is not None
            assert 1 <= mistake.line <= len(lines)
            assert "\n" not in plain(str(mistake))
        found = Settings(file, "a" if profile else None, environment={})
        rows = {row.name: row for row in setting_rows(found)}
        json.dumps(listing_json(found))
        wrong = {mistake.line for mistake in found.mistakes(explorer=True)}
        for row in rows.values():
            if row.line is not None and row.line not in wrong and row.source != "default":
                assert row.value is not None
        assert all(setting.name in rows for setting in SETTINGS if setting.name not in ("keys", "default-profile"))


def test_a_number_that_no_session_takes_is_left_out() -> None:
    kind = WholeNumber(1)
    assert kind.check("k", (1 << 63) - 1, CheckContext()).value == (1 << 63) - 1
    ((_, said),) = kind.check("k", 1 << 63, CheckContext()).wrong
    assert said == "k is 9223372036854775808: give a smaller number, of at most 64 bits"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.toml")
    (mistake,) = read_config(tmp_path / "config.toml").mistakes
    assert "a pipe: name a file of settings; no setting of the file is used" in str(mistake)
