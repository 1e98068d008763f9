"""`vlmtui config`: what is in force, the file, its mistakes; and what a start costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, check_block, markdown_table
from tests.settings.test_mistakes import TEN, TEN_SENTENCES
from tests.test_imports import HEAVY, imported
from vlmtui.cli import main
from vlmtui.cli.options import LoadArguments, QueryArguments, RemoteArguments
from vlmtui.cli.report_options import DrawingArguments
from vlmtui.cli.user_settings import UserSettings
from vlmtui.settings.config_file import read_config
from vlmtui.settings.in_force import all_mistakes
from vlmtui.settings.listing import table_rows, template
from vlmtui.settings.table import BY_NAME, SETTINGS
from vlmtui.tui.actions.key_table import ACTIONS
from vlmtui.tui.options import ExplorerSettings
from vlmtui.tui.panels.registry import PANELS
from vlmtui.tui.terminal.theme import DARK_NAME


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file, which is not there yet."""
    path = tmp_path / "vlmtui" / "config.toml"
    monkeypatch.setenv("VLMTUI_CONFIG", str(path))
    return path


def written(file: Path, content: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)


def run(capfd: pytest.CaptureFixture[str], *words: str, status: int = 0) -> tuple[str, str]:
    assert main(["config", *words]) == status
    return capfd.readouterr()


FULL = """\
model = "demo-vit"
k = 5
device = "cpu"
default-profile = "far"
keys.find = ["f6"]
[profile.far]
remote = "gpu-box"
device = "cuda"
keys.zoom = []
[profile.near]
k = 3
"""


def test_what_is_in_force_and_where_from(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    written(file, FULL)
    monkeypatch.setenv("VLMTUI_REMOTE", "other-box")
    out, err = run(capfd)
    assert err == ""
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[:2] == [f"file {file}", "profile far"]
    for line in (
        "setting value from default",
        'remote "other-box" VLMTUI_REMOTE ""',
        'model "demo-vit" line 1 "demo"',
        'device "cuda" profile far, line 8 "auto"',
        'dtype "auto" default "auto"',
        "k 5 line 2 8",
        'keys.find ["f6"] line 5 ["slash"]',
        'keys.zoom [] profile far, line 9 ["z"]',
    ):
        assert line in lines
    out, _ = run(capfd, "--profile", "near")
    assert "k 3 profile near, line 11 8" in [" ".join(line.split()) for line in out.splitlines()]


def test_the_same_as_json(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    written(file, f"{FULL}k_ = 1\n")
    out, err = run(capfd, "--format", "json")
    assert err == ""
    told = json.loads(out)
    assert {key: told[key] for key in ("schema", "file", "exists", "profile")} == {
        "schema": "vlmtui/config/1", "file": str(file), "exists": True, "profile": "far",
    }  # fmt: skip
    found = {row["name"]: row for row in told["settings"]}
    assert found["device"] == {"name": "device", "value": "cuda", "source": "profile", "line": 8, "default": "auto"}
    assert found["keys.find"]["value"] == ["f6"]
    assert found["theme"]["source"] == "default"
    assert told["mistakes"] == []  # those of another profile
    assert json.loads(run(capfd, "--format", "json", "--profile", "near")[0])["mistakes"][0]["line"] == 12


def test_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("VLMTUI_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    expected = tmp_path / "vlmtui" / "config.toml" if sys.platform == "linux" else None
    out, err = run(capfd)
    assert err == ""
    assert "does not exist: vlmtui config init writes it" in out
    assert expected is None or run(capfd, "path") == (f"{expected}\n", "")
    assert run(capfd, "check", status=1)[1].startswith("vlmtui: ")


def test_a_file_to_begin_with(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "init") == ("", f"vlmtui: wrote {file}\n")
    assert run(capfd, "check") == (f"{file}: no mistakes\n", "")
    assert tomllib.loads(file.read_text()) == {}
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    before = file.stat()
    assert run(capfd, "init", status=1)[1] == (
        f"vlmtui: {file} exists: vlmtui config edit opens it, or remove it first\n"
    )
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_link_that_leads_nowhere_is_not_written_over(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.parent.mkdir()
    file.symlink_to("nowhere")
    assert "exists" in run(capfd, "init", status=1)[1]
    assert file.is_symlink()


def test_a_file_that_cannot_be_written(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.parent.write_text("a file")
    assert "cannot be written" in run(capfd, "init", status=1)[1]


def test_the_file_to_begin_with_has_every_setting(tmp_path: Path) -> None:
    """Without its comments it is right, and changes nothing but a profile and a key."""
    file = tmp_path / "config.toml"
    lines = [line.removeprefix("# ") for line in template().splitlines()]
    of_setting = re.compile(rf"\[[\w.-]+\]$|find = \[|(?:{'|'.join(BY_NAME)}) = ")
    statements = [line for line in lines if of_setting.match(line)]
    file.write_text("\n".join(statements))
    found = read_config(file)
    assert all_mistakes(found) == []
    assert {*found.content} == {*BY_NAME, "profile"}
    for setting in SETTINGS:
        if setting.name not in ("keys", "default-profile"):
            usual = setting.without
            assert found.content[setting.name] == (list(usual) if isinstance(usual, tuple) else usual)


def test_a_check_names_every_mistake(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    written(file, TEN)
    out, err = run(capfd, "check", status=1)
    assert err == ""
    assert [line.split(":")[1] for line in out.splitlines()] == [
        line.split(":")[0] for line in TEN_SENTENCES.splitlines()
    ]
    other = file.with_name("other.toml")
    other.write_text("k = 3\n")
    assert run(capfd, "check", str(other)) == (f"{other}: no mistakes\n", "")
    assert "does not exist" in run(capfd, "check", str(other.with_name("none.toml")), status=1)[1]


def test_an_editor(file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f'{sys.executable} -c \'import sys; open(sys.argv[1], "a").write("k = 0")\'')
    out, _ = run(capfd, "edit", status=1)
    assert out.endswith(": k is 0: give a whole number of at least 1\n")
    assert file.read_text().startswith(template())
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    assert "the editor '/no/such/editor' cannot be run" in run(capfd, "edit", status=1)[1]
    monkeypatch.setenv("VISUAL", f"{sys.executable} -c 'raise SystemExit(3)'")
    assert "ended with status 3" in run(capfd, "edit", status=1)[1]


def test_the_actions_and_their_keys(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    written(file, 'keys.find = ["f6", "o"]')
    rows = [line.split("  ") for line in run(capfd, "keys")[0].splitlines()]
    assert [row[0].strip() for row in rows[1:]] == [action.name for action in ACTIONS]
    found = {row[0].strip(): row[-1] and [part for part in map(str.strip, row[1:]) if part] for row in rows}
    assert found["find"][0] == "f6 o"
    assert len(found["overlay"]) == 1  # it has no key


def test_the_defaults_are_those_of_the_options() -> None:
    groups = LoadArguments(), QueryArguments(), RemoteArguments(), DrawingArguments()
    options = {name: value for group in groups for name, value in vars(group).items()}
    for setting in SETTINGS:
        if setting.option:
            usual = options[setting.option.strip("-").replace("-", "_")]
            assert usual in (None, setting.without), setting.name
    assert BY_NAME["theme"].without == DARK_NAME
    assert BY_NAME["panels"].without == tuple(panel.name for panel in PANELS)


def test_the_documentation_lists_them() -> None:
    head = "setting", "value", "default", ""
    check_block(DOCS / "settings.md", "settings", markdown_table(head, table_rows()))


def test_a_start_reads_no_settings_where_none_are_needed(file: Path) -> None:
    written(file, "k = 5")
    modules = imported("from vlmtui.cli import main\nmain(['--version'])")
    assert not modules.intersection(("tomllib", "vlmtui.settings", "platformdirs"))
    modules = imported("from vlmtui.cli import main\nmain(['config', 'path'])")
    assert "tomllib" not in modules


def test_a_command_reads_its_settings_without_the_explorers(file: Path) -> None:
    code = "from vlmtui.cli import main\nmain(['report', '/no/such.png'])"
    none = f"import os\ndel os.environ['VLMTUI_CONFIG']\nos.environ['XDG_CONFIG_HOME'] = {str(file.parent)!r}\n"
    assert not imported(none + code).intersection(("tomllib", "vlmtui.settings.in_force", "vlmtui.settings.table"))
    written(file, 'k = 5\ntheme = "nowhere"\nkeys.find = "f6"')
    modules = imported(code)
    assert "tomllib" in modules
    assert not modules.intersection((*HEAVY, "textual"))


def test_a_profile_on_the_command_line_of_other_commands(file: Path) -> None:
    written(file, "[profile.a]\nk = 1")
    for words in (["verify", "demo"], ["vocabulary"], ["serve"], ["match", "x.png", "--text", "x"], ["lenses"]):
        done = subprocess.run(
            [sys.executable, "-m", "vlmtui", *words, "--profile", "b"], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"vlmtui: --profile 'b' is not in {file}: its profiles are a\n"


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLMTUI_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("vlmtui.settings.in_force.read_settings", None)  # it is not called
    settings = UserSettings()
    assert (settings.model, settings.lens_folders, settings.explorer()) == ("demo", (), ExplorerSettings())
    assert settings.defaults({"device": ("--device",)}) == {}
    settings.tell()
    monkeypatch.setenv("VLMTUI_MODEL", "demo-vit")
    assert UserSettings().model == "demo-vit"
