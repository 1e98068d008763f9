"""Words of the command line that were meant otherwise, and its help into a pipe that is closed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vlmtui.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["report", "-dash.png"],
            "-dash.png begins as an option does: give the file as ./-dash.png",
        ),
        (["report", "-none.png"], "No such option: -n: see vlmtui report --help"),
        (["sp", "ace.png"], "ace.png is more than vlmtui IMAGE takes: put quotes around what has blanks in it"),
        (
            ["ask", "./-dash.png", "what", "is"],
            "is is more than vlmtui ask takes: put quotes around what has blanks in",
        ),
        (
            ["ask", "what is it?", "./-dash.png"],
            "what is it? does not exist, and ./-dash.png does: IMAGE goes before",
        ),
    ],
)
def test_words_that_are_meant_otherwise(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-dash.png").touch()
    assert main(words) == 2
    assert capfd.readouterr().err.startswith(f"vlmtui: {said}")
    # behind -- all are images
    assert main(["report", "--", "--patch"]) == 1
    assert capfd.readouterr().err == "vlmtui: --patch does not exist: options go before --\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["report", "--help"], []])
def test_help_into_a_closed_pipe(words: list[str]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run([sys.executable, "-m", "vlmtui", *words], stdout=writes, stderr=subprocess.PIPE, timeout=60)
    os.close(writes)
    assert (done.returncode, done.stderr) == (0, b"")
