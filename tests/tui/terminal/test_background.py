"""The background of a real pseudo-terminal is asked for; what is typed meanwhile is kept, and its line is as before."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.terminal import Terminal

ASK = """
import sys, termios, time
from vlmtui.tui.terminal.background import BackgroundQuestion
before = termios.tcgetattr(0)
with BackgroundQuestion() as question:
    print("asked", flush=True)
    time.sleep({import_s})
    start = question.answer()
print("after:", start.background, start.light, start.typed, termios.tcgetattr(0) == before, flush=True)
"""


def asked(terminal: Terminal) -> str:
    """What the program found."""
    terminal.wait(20)
    terminal.quiet(0.05)
    lines = [line.rstrip() for line in terminal.screen.lines if "after:" in line]
    assert len(lines) == 1, terminal.screen.lines
    return lines[0]


@pytest.mark.parametrize(
    ("background", "found"),
    [
        ("ffff/fafa/f7f7", "(255, 250, 247) True"),
        ("0d0d/1111/1717", "(13, 17, 23) False"),
        ("f/f/f", "(255, 255, 255) True"),
    ],
)
def test_the_colour_is_read(background: str, found: str) -> None:
    with Terminal([sys.executable, "-c", ASK.format(import_s=0.1)], (100, 10), background=background) as terminal:
        assert asked(terminal) == f"after: {found} b'' True"


def test_a_terminal_that_does_not_answer_is_taken_for_dark() -> None:
    with Terminal([sys.executable, "-c", ASK.format(import_s=0.1)], (100, 10), answers=False) as terminal:
        assert asked(terminal) == "after: None False b'' True"


def test_what_is_typed_meanwhile_is_kept() -> None:
    with Terminal([sys.executable, "-c", ASK.format(import_s=0.5)], (100, 10)) as terminal:
        terminal.until(lambda out: b"asked" in out, 20)
        terminal.press("]]/sky\r€")
        found = asked(terminal)
    typed = "]]/sky\r€".encode()
    assert found == f"after: (17, 17, 17) False {typed!r} True"


def test_no_terminal_is_not_asked() -> None:
    read, write = os.pipe()
    os.close(write)
    done = subprocess.run([sys.executable, "-c", ASK.format(import_s=0)], stdin=read, capture_output=True, text=True)
    assert "termios.error" in done.stderr
    assert "]11;" not in done.stderr + done.stdout
