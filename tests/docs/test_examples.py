"""Every example of README and documentation: run as it stands with the demo models, or marked with the reason why not.

A comment `% not run: REASON` before a block of commands, in the README `<!-- not run: REASON -->`, says why; the
options of its commands are checked all the same.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import typer.main

from tests.docs.blocks import DOCS, ROOT
from vlmtui.cli import app
from vlmtui.settings.config_file import read_config
from vlmtui.settings.in_force import all_mistakes

FENCE = re.compile(
    r"(?:^(?:%|<!--) (?P<mark>[^\n]+?)(?: -->)?\n)?^```(?P<language>[^\n`]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LANGUAGES = {"sh", "python", "sql", "text", "toml"}
DIRECTIVES = re.compile(r"\{(toctree|eval-rst|include|literalinclude|warning)\}.*")
PARTS = re.compile(r"\s(?:\||&&)\s")


@dataclass(frozen=True)
class Example:
    """A block of a page; `mark` is the comment before it."""

    page: str
    language: str
    body: str
    mark: str

    @property
    def lines(self) -> list[str]:
        return [line for line in self.body.splitlines() if line.strip()]


def examples() -> Iterator[Example]:
    for page in [ROOT / "README.md", ROOT / "vlmtui" / "demo" / "CARD.md", *sorted(DOCS.rglob("*.md"))]:
        for found in FENCE.finditer(page.read_text(encoding="utf-8")):
            yield Example(
                str(page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT)),
                found["language"],
                found["body"],
                found["mark"] or "",
            )


EXAMPLES = list(examples())
COMMANDS = sorted(
    dict.fromkeys(line for one in EXAMPLES if one.language == "sh" and not one.mark for line in one.lines),
    key=lambda command: re.findall(r" -m (\S+)", command),
)
"""Each once, and those with one model one after the other: the session has to load it once."""
NOT_RUN = [(one.page, line) for one in EXAMPLES if one.language == "sh" and one.mark for line in one.lines]
CODE = [one for one in EXAMPLES if one.language == "python"]
SETTINGS = [one for one in EXAMPLES if one.language == "toml"]
QUERIES = [line for one in EXAMPLES if one.language == "sql" for line in one.lines]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the files that the pages name, and a warm session."""
    folder = tmp_path_factory.mktemp("desk")
    for name, source in (
        ("photo.jpg", "china.jpg"),
        ("album/one.jpg", "flower.jpg"),
        ("album/deep/two.jpg", "china.jpg"),
        ("scans/deep/three.png", "scene-town.png"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "sample_images" / source, folder / name)
    (folder / "sample_images").symlink_to(ROOT / "sample_images")
    shutil.copy(DOCS / "sharpness.py", folder)
    (folder / "names.txt").write_text("album/one.jpg\nalbum/deep/two.jpg\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {name: str(tmp_path_factory.mktemp(name.lower())) for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")}
    environment = os.environ | own | {"PATH": path}
    for name in ("VLMTUI_MODEL", "VLMTUI_CONFIG"):
        environment.pop(name, None)
    subprocess.run(["vlmtui", "config", "init"], env=environment, check=True)
    subprocess.run(["vlmtui", "session", "start", "-m", "demo"], env=environment, check=True)
    subprocess.run(["vlmtui", "report", "album", "-o", "words.parquet"], cwd=folder, env=environment, check=True)
    yield folder, environment
    subprocess.run(["vlmtui", "session", "stop"], env=environment, check=True)


def test_every_block_is_of_a_kind_that_is_looked_at() -> None:
    others = {(one.page, one.language) for one in EXAMPLES if one.language not in LANGUAGES}
    assert [(page, language) for page, language in others if not DIRECTIVES.fullmatch(language)] == []
    marked = [(one.page, one.mark) for one in EXAMPLES if one.mark]
    assert [mark for mark in marked if not re.match(r"not run: \w|run by tests/", mark[1])] == []
    assert len(COMMANDS) > 50
    assert len(CODE) > 3
    assert QUERIES


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works(command: str, desk: tuple[Path, dict[str, str]]) -> None:
    folder, environment = desk
    if "| jq " in command and not shutil.which("jq"):
        pytest.skip("there is no jq on this machine")
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )
    # head closes the pipe when it has enough, and what writes into it then ends by a signal
    assert done.returncode == 0 or ("| head" in command and done.returncode == 141)
    # what a lens says of its values beside a table of them
    assert (
        done.stderr.removeprefix("vlmtui: find: approximate, by each patch alone through SigLIP's pooling head\n") == ""
    )
    if file := re.search(r"(?:-o|--vectors) (\S+)", command):
        assert (folder / file[1]).stat().st_size > 100
    else:
        assert done.stdout.strip() not in ("", "null")


@pytest.mark.parametrize(("page", "command"), NOT_RUN)
def test_a_command_that_is_not_run_has_options_that_there_are(page: str, command: str) -> None:
    group = typer.main.get_command(app)
    for part in PARTS.split(command):
        words = shlex.split(part)
        if words[0] != "vlmtui":
            continue
        with group.make_context("vlmtui", words[1:]) as context:
            name, command_of, rest = group.resolve_command(context, [*context._protected_args, *context.args])
            command_of.make_context(name, rest, parent=context)


@pytest.mark.parametrize("example", CODE, ids=lambda one: one.page)
def test_code_runs(example: Example, desk: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, environment = desk
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_RUNTIME_DIR", environment["XDG_RUNTIME_DIR"])
    exec(compile(example.body, example.page, "exec"), {})


@pytest.mark.parametrize("example", SETTINGS, ids=lambda one: one.page)
def test_settings_are_right(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lenses").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "config.toml"
    file.write_text(example.body)
    assert all_mistakes(read_config(file)) == []


def test_queries_are_answered(desk: tuple[Path, dict[str, str]]) -> None:
    folder, environment = desk
    subprocess.run(["vlmtui", "report", "album", "-o", "words.parquet"], cwd=folder, env=environment, check=True)
    ask = duckdb.connect()
    for query in QUERIES:
        assert ask.execute(query.replace("'words.parquet'", f"'{folder / 'words.parquet'}'")).fetchall()


NO_FILES = r"vlmtui/\w+/\d|vlmtui/config\.toml"
"""Schemas, and a file in the user's folder for configuration."""


def test_files_that_pages_name_are_there() -> None:
    """Tests, and files of the repository."""
    for page in DOCS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"`((?:tests|examples|vlmtui|benchmarks|sample_images|demo_training)/[\w./-]+)`", text)
        files = [name for name in named if not re.fullmatch(NO_FILES, name)]
        assert [name for name in files if not (ROOT / name).exists()] == [], page
