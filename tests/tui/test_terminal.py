"""The whole program in a real terminal with a real session: it dies, it is told to go, its terminal vanishes."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import termios
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tests.waiting import gone, until

PHOTO = Path(__file__).parents[2] / "sample_images" / "china.jpg"
LEAVES_SCREEN = b"\x1b[?1049l"


def explorer(model: Path, tmp_path: Path, size: tuple[int, int] = (120, 40)) -> Terminal:
    command = [sys.executable, "-m", "vlmtui", str(PHOTO), "--model", str(model)]
    return Terminal(command, size, XDG_STATE_HOME=str(tmp_path), HF_HUB_OFFLINE="1")


def said(terminal: Terminal, what: str, seconds: float = 90.0) -> None:
    """Wait until `what` is on the screen."""
    terminal.until(lambda out: terminal.shows(what), seconds)


def test_a_session_killed_at_any_moment_is_said_and_comes_back(siglip_folder: Path, tmp_path: Path) -> None:
    with explorer(siglip_folder, tmp_path) as terminal:
        # the picture is drawn while the session is still importing torch
        terminal.until(lambda out: out.count("▀".encode()) > 500, 60)
        assert not terminal.shows("token 21")
        (session,) = terminal.children()
        os.kill(session, signal.SIGKILL)
        said(terminal, "R restarts it")
        assert terminal.shows("signal 9")
        terminal.press("R")
        said(terminal, "token 21")
        terminal.press("\x1b[C")
        said(terminal, "token 22")
        (session,) = terminal.children()
        terminal.press("mmmmm")
        os.kill(session, signal.SIGKILL)
        said(terminal, "R restarts it")
        # the cursor still walks, on what has arrived
        terminal.press("\x1b[B")
        said(terminal, "token 28")
        terminal.press("R")
        said(terminal, "float32")
        terminal.quiet(1.0)
        (session,) = terminal.children()
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.wait(10) == 128 + signal.SIGTERM
        assert LEAVES_SCREEN in terminal.output
        until(lambda: gone(session))


@pytest.mark.parametrize("way", ["hangup", "kill"])
def test_no_session_outlives_its_terminal(way: str, siglip_folder: Path, tmp_path: Path) -> None:
    terminal = explorer(siglip_folder, tmp_path)
    terminal.until(lambda out: out.count("▀".encode()) > 500, 60)
    (session,) = terminal.children()
    if way == "hangup":
        os.close(terminal.fd)
    else:
        os.kill(terminal.pid, signal.SIGKILL)
    until(lambda: gone(session))
    until(lambda: gone(terminal.pid))
    os.waitpid(terminal.pid, 0)


def test_ctrl_c_twice_leaves_a_picture_that_was_read_with_130(siglip_folder: Path, tmp_path: Path) -> None:
    with explorer(siglip_folder, tmp_path) as terminal:
        said(terminal, "token 21")
        terminal.press("\x03")
        said(terminal, ", or q, quits")
        terminal.press("\x03\x03")  # twice: on a busy machine the two seconds may be over
        assert terminal.wait(5) == 130
        assert LEAVES_SCREEN in terminal.output


def test_ctrl_c_before_the_picture_was_read_leaves_at_once_with_130(siglip_folder: Path, tmp_path: Path) -> None:
    with explorer(siglip_folder, tmp_path) as terminal:
        terminal.until(lambda out: out.count("▀".encode()) > 500, 60)
        (session,) = terminal.children()
        terminal.press("\x03")
        assert terminal.wait(5) == 130
        assert LEAVES_SCREEN in terminal.output
        assert b"Traceback" not in terminal.output
        until(lambda: gone(session))


FAILING = """
import sys, threading
from vlmtui.cli import main
from vlmtui.tui.actions import cursor
def fails(*arguments):
    raise ZeroDivisionError("as it was injected")
def move(*arguments):
    threading.Thread(target=fails).start()
cursor.move = {name}
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("name", ["fails", "move"], ids=["in an action", "in a thread"])
def test_an_error_of_ours_leaves_the_terminal_as_it_was(name: str, siglip_folder: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-c", FAILING.format(name=name), str(PHOTO), "--model", str(siglip_folder)]
    with Terminal(words, (120, 40), XDG_STATE_HOME=str(tmp_path), HF_HUB_OFFLINE="1") as terminal:
        before = termios.tcgetattr(terminal.fd)
        said(terminal, "token 21")
        assert termios.tcgetattr(terminal.fd) != before
        (session,) = terminal.children()
        terminal.press("\x1b[C")
        assert terminal.wait(20) == 1
        assert termios.tcgetattr(terminal.fd) == before
        screen, _, after = terminal.output.rpartition(LEAVES_SCREEN)
        assert b"injected" not in screen
        assert b"\x1b[?25h" in terminal.output[terminal.output.rindex(b"\x1b[?25l") :]
        sentence, again = re.sub(rb"\x1b\[[?>=0-9;]*[a-zA-Z]", b"", after).decode().split("vlmtui: ")[1:]
        assert sentence.strip() == "unexpected ZeroDivisionError (as it was injected): --debug shows where"
        # in one line, so that it can be copied: the terminal folds it
        assert "\n" not in again.strip()
        command = shlex.split(again)
        assert command[:4] == ["to", "see", "it", "again:"]
        assert command[4:] == ["vlmtui", str(PHOTO), "-m", str(siglip_folder), "--stage", "tokens", "--patch", "0:3,3"]
        until(lambda: gone(session))


def test_keys_typed_while_torch_is_imported_do_what_is_offered(siglip_folder: Path, tmp_path: Path) -> None:
    with explorer(siglip_folder, tmp_path) as terminal:
        # at once: before there is anything to see
        terminal.press("?")
        said(terminal, "More of the numbers")
        assert not terminal.shows("token 21")
        terminal.press("\x1b")
        terminal.until(lambda out: not terminal.shows("More of the numbers"), 30)
        # those that need the image read wait for it, in order; the picture that is opened then is read next
        terminal.press(f"mo]Ox,{{ Kri{PHOTO.with_name('chelsea.png')}\r")
        said(terminal, "chelsea.png")
        said(terminal, "token 21")
        assert b"Traceback" not in terminal.output
        terminal.press("\x1b[C")
        said(terminal, "token 22")
        terminal.press("q")
        assert terminal.wait(10) == 0
        assert b"unexpected" not in terminal.output


def test_quitting_while_torch_is_imported(siglip_folder: Path, tmp_path: Path) -> None:
    with explorer(siglip_folder, tmp_path) as terminal:
        terminal.press("q")
        assert terminal.wait(30) == 0
        assert not terminal.shows("token 21")


def test_a_device_that_is_not_there_opens_no_screen_without_anything_to_see(siglip_folder: Path) -> None:
    words = [sys.executable, "-m", "vlmtui", str(PHOTO), "--model", str(siglip_folder), "--device", "cuda", "--no-warm"]
    with Terminal(words, (120, 40), CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1") as terminal:
        assert terminal.wait(90) == 1
        after = terminal.output.rpartition(LEAVES_SCREEN)[2]
        assert b"vlmtui: this machine has no device cuda" in after
        assert b"choose one of cpu" in after
