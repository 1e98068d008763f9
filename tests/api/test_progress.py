"""Bars for whoever waits, where they were asked for, and silence where not."""

from __future__ import annotations

import io
import sys
from concurrent.futures import Future

import pytest

import vlmtui
from vlmtui.api.progress import ProgressBars
from vlmtui.session.protocol import Progress


class Heard(io.StringIO):
    """Standard error: what is waited for is there as soon as `word` was written, or never will be."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word, self.writes, self.future = word, 0, Future[None]()

    def write(self, text: str) -> int:
        written = super().write(text)
        self.writes += 1
        if (self.word in self.getvalue() or self.writes == 50) and not self.future.done():
            self.future.set_result(None)
        return written


@pytest.mark.parametrize(
    ("told", "drawn"),
    [
        (Progress("running the tower", 1, 4), "running the tower 25%|"),
        (Progress("importing torch"), "importing torch 00:0"),
        (Progress("looking for \x1b[31m"), "looking for U+001B[31m 00:0"),
    ],
)
def test_a_bar_until_the_answer_is_there(monkeypatch: pytest.MonkeyPatch, told: Progress, drawn: str) -> None:
    monkeypatch.setattr(sys, "stderr", heard := Heard(drawn))
    bars = ProgressBars()
    bars(told)
    bars.until(heard.future)
    assert drawn in heard.getvalue()
    assert heard.getvalue().split("\r")[-2].strip() == "", "the bar is gone"


def test_where_bars_were_asked_for_a_session_draws_them(capsys: pytest.CaptureFixture[str]) -> None:
    with vlmtui.open_session("demo", device="cpu", warm=False, progress=True):
        pass
    out, err = capsys.readouterr()
    assert out == ""
    assert "importing torch" in err
