"""Clipboard: what is copied in tmux is in tmux' own buffer; what goes to a terminal is not called copied."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from vlmtui.cli import doctor
from vlmtui.tui.terminal import clipboard


@pytest.fixture
def tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The command of a tmux of the test's own, which this process runs in."""
    if shutil.which("tmux") is None:
        pytest.skip("no tmux here")
    command = ["tmux", "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]
    subprocess.run([*command, "new-session", "-d", "-x", "80", "-y", "24", "sleep 60"], check=True)
    monkeypatch.setenv("TMUX", f"{tmp_path / 'tmux'},1,0")
    yield command
    subprocess.run([*command, "kill-server"], check=False)


def said() -> str:
    """What doctor finds of the terminal."""
    found = (row for row in doctor.terminal_findings() if row is not None)
    return "\n".join(f"{row.name} {row.value}" if isinstance(row, doctor.Finding) else row.sentence for row in found)


def test_in_tmux_it_is_in_its_buffer(tmux: list[str]) -> None:
    sent: list[str] = []
    assert clipboard.copy("wörter\nzwei", sent.append) == "to tmux' buffer and the terminal"
    kept = subprocess.run([*tmux, "show-buffer"], capture_output=True, text=True, check=True).stdout
    assert kept == "wörter\nzwei"
    lines = said()
    assert "y fills tmux' buffer; set-clipboard is external" in lines
    assert "terminal-features ',*:RGB'" in lines
    subprocess.run([*tmux, "set-option", "-s", "set-clipboard", "off"], check=True)
    assert "tmux set -s set-clipboard external" in said()


@pytest.mark.parametrize("inside", ["", "/no/such/socket,1,0"])
def test_elsewhere_it_is_sent(inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", inside)
    sent: list[str] = []
    assert clipboard.copy("words", sent.append) == "to the terminal"
    assert sent == ["words"]
    assert "does not" in next(one for one in said().split("\n") if one.startswith(("clipboard", "tmux")))
