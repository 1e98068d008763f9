"""Why a session ended, by its log."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vlmtui import memory
from vlmtui.errors import lacks_memory
from vlmtui.session import endings
from vlmtui.session.endings import LAST_LINE_S, why_ended, write_end

CHINA = Path(__file__).parents[2] / "sample_images" / "china.jpg"
ERROR = "vlmtui.errors.ModelError: org/model is not on the hub"


@pytest.mark.parametrize(("age", "said"), [(0.0, f" ({ERROR})"), (LAST_LINE_S + 60, "")])
def test_an_error_from_long_before_is_no_reason(age: float, said: str, tmp_path: Path) -> None:
    log = tmp_path / "session.log"
    log.write_text(f"Traceback (most recent call last):\n{ERROR}\n")
    os.utime(log, (time.time() - age,) * 2)
    assert why_ended(log) == said


def test_what_a_client_wrote_is_the_reason(tmp_path: Path) -> None:
    log = tmp_path / "session.log"
    log.write_text(f"{ERROR}\n")
    write_end(log, "a lens did not end")
    assert why_ended(log) == " (a lens did not end)"


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("-v 300000", ": raise the memory limit of 292 MB, ulimit -v)"),
        ("-f 0", " (its log may not have more than 0 bytes: raise the limit of file sizes, ulimit -f)"),
    ],
)
def test_a_limit_of_the_system_is_named(limit: str, said: str) -> None:
    """The session itself, under the limit; it starts with torch, which does not fit."""
    report = f"ulimit {limit}; exec {sys.executable} -m vlmtui report {CHINA} --format json"
    done = subprocess.run(["bash", "-c", report], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_memory_that_ran_out_is_no_damage_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 900 << 20
    monkeypatch.setattr(memory, "memory_limit", lambda: limit)
    assert lacks_memory(RuntimeError("can't start new thread"))
    assert memory.available_memory() < limit
    monkeypatch.setattr(memory, "memory_limit", lambda: None)
    assert memory.available_memory() > limit


def test_the_line_of_a_library_about_memory_is_a_reason(tmp_path: Path) -> None:
    log = tmp_path / "session.log"
    log.write_text("vlmtui session: 0.2.0\ncannot allocate memory for thread-local data: ABORT\n")
    assert why_ended(log) == " (cannot allocate memory for thread-local data: ABORT: end other programs)"


def test_an_error_of_c_code_under_a_memory_limit_names_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own, where a library's code in C fails to get memory and does not say so."""
    log, error = tmp_path / "session.log", "SystemError: error return without exception set"
    log.write_text(f"Traceback (most recent call last):\n{error}\n")
    monkeypatch.setattr(endings, "memory_limit", lambda: None)
    assert why_ended(log) == f" ({error})"
    monkeypatch.setattr(endings, "memory_limit", lambda: 900 << 20)
    assert why_ended(log) == f" ({error}: raise the memory limit of 900 MB, ulimit -v)"
