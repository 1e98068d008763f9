"""The README's commands for reports and pictures, run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SECTIONS = "### Many pictures, and only what matters of them", "### Across images", "### Draw"


def section(title: str) -> str:
    return README.split(f"{title}\n", 1)[1].split("\n### ", 1)[0]


def commands(title: str) -> list[str]:
    return [line for block in re.findall(r"```\n(.*?)```", section(title), re.DOTALL) for line in block.splitlines()]


COMMANDS = [command for title in SECTIONS for command in commands(title)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the pictures that the README speaks of, and a warm session with the demo model."""
    folder = tmp_path_factory.mktemp("desk")
    for name, source in (
        ("photo.jpg", "china.jpg"),
        ("album/one.jpg", "flower.jpg"),
        ("album/deep/two.jpg", "china.jpg"),
        ("scans/deep/three.png", "scene-town.png"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "sample_images" / source, folder / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "XDG_RUNTIME_DIR": str(tmp_path_factory.mktemp("warm"))}
    subprocess.run(["vlmtui", "session", "start", "-m", "demo"], env=environment, check=True)
    subprocess.run(["vlmtui", "report", "album", "-o", "words.parquet"], cwd=folder, env=environment, check=True)
    yield folder, environment
    subprocess.run(["vlmtui", "session", "stop"], env=environment, check=True)


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 19
    assert all(re.search("vlmtui (report|atlas|vocabulary) ", command) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works(command: str, desk: tuple[Path, dict[str, str]]) -> None:
    folder, environment = desk
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    if file := re.search(r"(?:-o|--vectors) (\S+)", command):
        assert (folder / file[1]).stat().st_size > 100
    else:
        assert done.stdout


def test_the_questions_are_answered(desk: tuple[Path, dict[str, str]]) -> None:
    folder, environment = desk
    subprocess.run(["vlmtui", "report", "album", "-o", "words.parquet"], cwd=folder, env=environment, check=True)
    (block,) = re.findall(r"```sql\n(.*?)```", section(SECTIONS[0]), re.DOTALL)
    ask = duckdb.connect()
    for question in block.replace("'words.parquet'", f"'{folder / 'words.parquet'}'").splitlines():
        assert ask.execute(question).fetchall()
