"""Order of precedence: command line, environment, profile, file, default; by the query that the command line makes."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vlmtui import open_session
from vlmtui.api import session as api_session
from vlmtui.cli import look, main
from vlmtui.errors import ModelError
from vlmtui.query.options import LoadOptions, Query
from vlmtui.session.discovery import SessionLocation

CHINA = str(Path(__file__).parents[2] / "sample_images" / "china.jpg")
LEVELS = "command line", "environment", "profile", "file"
WRONG: Mapping[str, Any] = {"model": 5, "device": "gpu", "dtype": "int8", "metric": "l3", "k": 0, "max-pixels": "many"}
RIGHT: Mapping[str, tuple[Any, ...]] = {
    "model": ("demo-siglip", "demo-vit", "demo-captioned", "someone/some-model"),
    "device": ("cpu", "cuda", "cuda:1", "mps"),
    "dtype": ("float32", "bfloat16", "float16"),
    "metric": ("cosine", "dot", "omp", "pinv"),
    "k": (1, 2, 3, 4),
    "max-pixels": (10**6, 10**7, 10**8, 10**9),
}
DEFAULTS: Mapping[str, Any] = {
    "model": "demo", "device": "auto", "dtype": "auto", "metric": "cosine", "k": 8, "max-pixels": 200_000_000,
}  # fmt: skip
VARIABLES = {"model": "VLMTUI_MODEL"}


def asked(query: Query) -> dict[str, Any]:
    """What a query has of each setting."""
    return {
        "model": query.load.model,
        "device": query.load.device,
        "dtype": query.load.dtype,
        "metric": query.search.metric,
        "k": query.search.k,
        "max-pixels": query.read.max_pixels,
    }


@st.composite
def given_values(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """What each level says of some settings; files may say what is wrong."""
    said: dict[str, dict[str, Any]] = {level: {} for level in LEVELS}
    for name, right in RIGHT.items():
        for level in draw(st.sets(st.sampled_from(LEVELS))):
            if level == "environment" and name not in VARIABLES:
                continue
            may_be_wrong = [WRONG[name]] if level in ("profile", "file") else []
            said[level][name] = draw(st.sampled_from([*right, *may_be_wrong]))
    return said


def table(values: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[Query]:
    """The queries of reports, which are not run."""
    found: list[Query] = []

    def run(sources: tuple[str, ...], query: Query, *rest: object) -> int:
        found.append(query)
        return 0

    monkeypatch.setattr(look, "_run_report", run)
    return found


@pytest.mark.parametrize("by", ["--profile", "VLMTUI_PROFILE", "default-profile"])
def test_the_first_right_value_holds(
    by: str, queries: list[Query], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(given_values())
    def held(said: dict[str, dict[str, Any]]) -> None:
        top = 'default-profile = "far"\n' if by == "default-profile" else ""
        file.write_text(f"{top}{table(said['file'])}\n[profile.other]\nk = 99\n[profile.far]\n{table(said['profile'])}")
        words = ["report", CHINA, *(["--profile", "far"] if by == "--profile" else [])]
        for name, value in said["command line"].items():
            words += ["-k" if name == "k" else f"--{name}", str(value)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VLMTUI_CONFIG", str(file))
            if by == "VLMTUI_PROFILE":
                patch.setenv("VLMTUI_PROFILE", "far")
            for name, value in said["environment"].items():
                patch.setenv(VARIABLES[name], value)
            queries.clear()
            assert main(words) == 0
        right = [{name: value for name, value in said[level].items() if value != WRONG[name]} for level in LEVELS]
        expected = {name: ChainMap(*right, dict(DEFAULTS))[name] for name in DEFAULTS}
        assert [asked(query) for query in queries] == [expected]
        told = capfd.readouterr().err.splitlines()
        wrong = [(level, name) for level in LEVELS for name, value in said[level].items() if value == WRONG[name]]
        assert len(told) == len(wrong)
        assert all(line.startswith(f"vlmtui: {file}:") for line in told)

    held()


def test_the_remote_goes_before_in_the_same_order(
    queries: list[Query], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'remote = "a"\nremote-command = "/a/vlmtui"\n[profile.b]\nremote = "b"\n[profile.here]\nremote = ""'
    )
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))

    def where(*words: str) -> tuple[str | None, str]:
        assert main(["report", CHINA, *words]) == 0
        location = queries[-1].load.where
        return location.remote, location.remote_command

    assert where() == ("a", "/a/vlmtui")
    assert where("--profile", "b") == ("b", "/a/vlmtui")
    assert where("--profile", "here") == (None, "vlmtui")
    assert where("--remote", "") == (None, "vlmtui")
    assert where("--remote", "c", "--remote-command", "/c") == ("c", "/c")
    assert where("--remote", "c", "--profile", "here") == ("c", "/a/vlmtui")
    monkeypatch.setenv("VLMTUI_REMOTE", "d")
    assert where("--profile", "b") == ("d", "/a/vlmtui")
    monkeypatch.setenv("VLMTUI_REMOTE_COMMAND", "/d")
    assert where() == ("d", "/d")


def test_a_command_without_a_host_is_no_setting_that_stops(
    queries: list[Query], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('remote-command = "/a/vlmtui"')
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    assert main(["report", CHINA]) == 0
    assert queries[-1].load.where.remote is None
    assert main(["report", CHINA, "--remote-command", "/a/vlmtui"]) == 2


def test_a_model_of_another_machine_is_not_looked_for_here(
    queries: list[Query], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('model = "/there/model"\n[profile.far]\nremote = "gpu-box"')
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    for words, model in (["--profile", "far"], "/there/model"), (["--remote", "x"], "/there/model"), ([], "demo"):
        assert main(["report", CHINA, *words]) == 0
        assert queries[-1].load.model == model
        assert capfd.readouterr().err.count("no model folder /there/model") == (model == "demo")


def test_the_colour_depth(queries: list[Query], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text('color = "256"')
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    asked_for: list[str] = []

    def explore(source: str, query: Query, color: str, *rest: object) -> int:
        asked_for.append(color)
        return 0

    monkeypatch.setattr(look, "_explore", explore)
    monkeypatch.setattr(look, "can_explore", lambda source: True)
    assert main([CHINA]) == 0
    assert main([CHINA, "--color", "truecolor"]) == 0
    assert main([CHINA, "--format", "ansi"]) == 0
    assert asked_for == ["256", "truecolor"]
    assert queries[-1].output.drawing.deep is False


@pytest.mark.parametrize(
    ("words", "run"),
    [
        (["vocabulary"], "vlmtui.reports.commands.vocabulary.run_vocabulary"),
        (["serve"], "vlmtui.web.server.run_server"),
        (["ask", CHINA, "What?"], "vlmtui.reports.commands.ask.run_ask"),
        (["classify", CHINA], "vlmtui.reports.commands.classify.run_classify"),
        (["outliers", CHINA, CHINA, CHINA], "vlmtui.reports.commands.outliers.run_outliers"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_other_commands(words: list[str], run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text('model = "demo-vit"\ndtype = "float16"\nk = 3\nmetric = "omp"')
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    given: list[object] = []
    monkeypatch.setattr(run, lambda *arguments: given.extend(arguments) or 0)
    assert main(words) == 0
    (load,) = (argument for argument in given if isinstance(argument, LoadOptions))
    assert (load.model, load.dtype) == ("demo-vit", "float16")
    # their own -k and --metric are another matter
    for argument in given:
        assert getattr(argument, "k", 8) == 8
        assert getattr(argument, "metric", "cosine") == "cosine"


def test_python_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text('model = "demo-vit"\ndtype = "float16"\ndevice = "cuda"\nremote = "gpu-box"')
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    asked_for: list[object] = []

    class NoClient:
        def load(self, model: str, **options: object) -> None:
            asked_for.extend((model, options))
            raise ModelError("enough")

        def close(self) -> None: ...

    def connect(where: SessionLocation) -> NoClient:
        asked_for.append(where)
        return NoClient()

    monkeypatch.setattr(api_session, "connect", connect)
    with pytest.raises(ModelError, match="enough"):
        open_session(progress=False)
    usual = {"revision": None, "processor": None, "device": "auto", "dtype": "auto"}
    assert asked_for == [SessionLocation(), "demo", usual]
