"""Commands that are interrupted or killed: what they say, what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tests.waiting import children, gone, until
from vlmtui.cli import main

CHINA = str(Path(__file__).parents[2] / "sample_images" / "china.jpg")


def heeding() -> None:
    """Interrupts count, also where the tests themselves were started in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_is_quiet_and_leaves_no_process(clip_folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "vlmtui", CHINA, "-m", str(clip_folder), "--format", "text"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heeding,
    )
    session = until(lambda: children(process.pid))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, b"", b"")
    until(lambda: all(gone(pid) for pid in session))


def test_ctrl_c_in_a_terminal_says_so_and_leaves_no_file(siglip_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    words = ["report", *[CHINA] * 500, "-m", str(siglip_folder), "-o", str(output / "report.jsonl")]
    with Terminal([sys.executable, "-m", "vlmtui", *words], (80, 24)) as terminal:
        terminal.until(lambda written: b"running the vision tower" in written, 60)
        (session,) = terminal.children()
        assert os.listdir(output)  # the unfinished report
        terminal.press("\x03")
        assert terminal.wait(20) == 130
        terminal.quiet()
        seen = [line.strip() for line in terminal.screen.lines if line.strip()]
    assert seen[-1] == "vlmtui: interrupted"
    assert all("nothing of this report was kept" in line or "keeps what is done" in line for line in seen[:-1]), seen
    assert os.listdir(output) == []
    until(lambda: gone(session))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_killed_it_leaves_no_session(clip_folder: Path, tmp_path: Path, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "vlmtui", CHINA, "-m", str(clip_folder), "-o", str(tmp_path / "report")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    session = until(lambda: children(process.pid))
    process.send_signal(number)
    assert process.communicate() == (b"", b"")
    until(lambda: all(gone(pid) for pid in session))
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert os.listdir(tmp_path) == []


def test_an_interrupt_before_the_command_line_is_there_is_quiet() -> None:
    """As its modules are imported: here a module that is interrupted stands in for them."""
    code = (
        "import sys, types; cli = types.ModuleType('vlmtui.cli')\n"
        "def interrupted(name): raise KeyboardInterrupt\n"
        "cli.__getattr__ = interrupted; sys.modules['vlmtui.cli'] = cli\n"
        "from vlmtui.__main__ import run; sys.exit(run())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


@pytest.mark.parametrize("where", ["vlmtui.session.daemon.runtime_folder", "vlmtui.cli._near_command"])
@pytest.mark.parametrize("terminal", [True, False])
def test_an_interrupt_of_any_command_is_one_line_in_a_terminal(
    terminal: bool, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupted)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert main(["session", "stop"] if "daemon" in where else ["photo.jpg"]) == 130
    assert capsys.readouterr().err == ("vlmtui: interrupted\n" if terminal else "")
