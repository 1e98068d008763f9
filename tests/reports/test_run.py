"""A report from start to end: what is said where it does not come to its end, or has nothing to say."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.looked import looked
from tests.reports import made_reports
from vlmtui.errors import VlmtuiError
from vlmtui.files import explain_write_errors
from vlmtui.lenses.lens_source import lens_call
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.per_image import ImageFailure
from vlmtui.reports.run import ReportJob, _with_notes, write_contents
from vlmtui.session.discovery import SessionLocation

CHINA = str(Path(__file__).parents[2] / "sample_images" / "china.jpg")
KEEPS = "keeps what is done, and so does -o with a .parquet"


def order(output: Path, heard: list[str], *sources: str) -> ReportJob:
    return ReportJob(
        sources or ("a.png", "b.png"), SessionLocation(), str(output), True, lambda error: None, heard.append
    )


def found(error: BaseException | None = None) -> Callable[..., Generator[str | ImageFailure, None, None]]:
    def made(*_: Any) -> Generator[str | ImageFailure, None, None]:
        yield "first"
        if error is not None:
            raise error

    return made


def nothing(error: BaseException) -> Callable[..., Generator[str | ImageFailure, None, None]]:
    made = found(error)

    def begun(*_: Any) -> Generator[str | ImageFailure, None, None]:
        results = made()
        next(results)
        yield from results

    return begun


def rows(some: Iterator[str | ImageFailure]) -> Iterator[str]:
    for one in some:
        yield f"{one}\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_who_interrupts_a_file_is_told_that_there_is_none(error: BaseException, tmp_path: Path) -> None:
    out, heard = tmp_path / "big.csv", list[str]()
    with pytest.raises(type(error)):
        write_contents(order(out, heard), found(error), rows, rows=True)
    assert heard == [f"nothing of this report was kept in {out}: > {out} {KEEPS}"]
    assert list(tmp_path.iterdir()) == []
    heard.clear()
    with pytest.raises(type(error)):
        write_contents(order(out, heard, "a.png"), found(error), rows, rows=True)
    assert heard == [f"nothing of this report was kept in {out}"]
    heard.clear()
    with pytest.raises(type(error)):
        write_contents(order(out, heard), nothing(error), rows, rows=True)
    assert heard == [], "there was nothing yet to keep"


def test_a_device_keeps_what_it_was_given() -> None:
    heard: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        write_contents(order(Path(os.devnull), heard), found(KeyboardInterrupt()), rows, rows=True)
    assert heard == []


def test_where_the_disk_is_full_nothing_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "big.csv"

    def full(some: Iterator[str | ImageFailure]) -> Iterator[str]:
        yield from rows(some)
        with explain_write_errors(str(out)):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(
        VlmtuiError, match=r"No space left.*; nothing of this report was kept in .*big\.csv: > .*parquet"
    ):
        write_contents(order(out, []), found(), full, rows=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "png", "text"])
def test_a_condition_that_nothing_fulfils_is_told_once(format: str, tmp_path: Path, warm_session: None) -> None:
    out = tmp_path / f"none.{format}"
    words = [CHINA, "--where", 'word = "zebra"', "--format", format, "-o", str(out)]
    done = subprocess.run([sys.executable, "-m", "vlmtui", *words], capture_output=True, text=True)
    assert done.returncode == 0
    if format == "text":
        assert "No entry matches --where" in out.read_text()
        assert done.stderr == ""
    else:
        assert done.stderr == "vlmtui: no patch matches --where\n"


@pytest.mark.parametrize(("format", "told"), [("csv", True), ("jsonl", True), ("text", False)])
def test_what_is_to_be_known_of_a_lens_s_numbers_is_told_once_where_there_are_rows_alone(
    format: str, told: bool, tmp_path: Path
) -> None:
    note = "the word is not a single piece: the mean of its 2 pieces"
    values = looked(lens_call("find", text="xyzzy"), "tokens", [0.5] * 12, note=note)
    report = replace(made_reports.seen(made_reports.reading(), None), values=values)
    heard = list[str]()
    results = [report, report]
    assert list(_with_notes(iter(results), order(tmp_path / "out", heard), format_named(format))) == results
    assert heard == ([f"find: {note}"] if told else [])
