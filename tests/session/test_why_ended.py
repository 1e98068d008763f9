"""Why a session ended, by its log."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from vlmtui.session.transport import LAST_LINE_S, why_ended, write_end

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
