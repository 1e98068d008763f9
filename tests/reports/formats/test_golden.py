"""The bytes of `text`, `json`, `jsonl` and `csv`, held against files that were read by a person.

After a change that is meant, `python -m tests.reports.formats.test_golden` writes them anew: read what differs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.errors import ImageError
from vlmtui.query.conditions import parse_where
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.image_report import ReportOrFailure
from vlmtui.reports.per_image import ImageFailure

GOLDEN = Path(__file__).parents[2] / "data" / "golden"
PIECES = ["▁sky", "sky", "<0x0A>", "\n", "漢字", "שמים", '▁"a,b"', "\x1b[31m", "▁=1+1", None]


def results() -> list[ReportOrFailure]:
    """Two readings of few patches, a picture that failed between them; nothing in them is drawn by chance."""
    reading = made_reports.reading(2, 3)
    norms = np.array([1, 2, 1.5, 1.25, 40, np.nan], np.float32)
    stages = np.arange(18, dtype=np.float32).reshape(3, 6) + 5
    reading = made_reports.reading(
        2,
        3,
        norms=norms,
        percentiles=np.array([0, 50, 100, 99.99, 12.5, np.nan], np.float32),
        grid_norms=(type(reading.grid_norms[0])(stages, stages[:, :1]),),
    )
    words = made_reports.words(reading, 3, PIECES)
    words.ids[:] = (np.arange(18) % len(PIECES)).reshape(6, 3)
    words.scores[:] = -np.arange(18).reshape(6, 3) / 8
    words.ids[4, 1:] = -1
    failed = ImageFailure("no such.png", ImageError("no such.png does not exist: check the path"))
    return [made_reports.seen(reading, words, query=QUERY), failed, made_reports.seen(reading, None, "vision.1", QUERY)]


QUERY = query_of("tiny", k=3)


def written(format: str) -> bytes:
    return "".join(str(piece) for piece in format_named(format).write(iter(results()), QUERY, True)).encode()


@pytest.mark.parametrize("format", ["text", "json", "jsonl", "csv"])
def test_the_same_bytes_as_ever(format: str) -> None:
    assert written(format) == (GOLDEN / f"report.{format}").read_bytes()


def test_what_a_condition_leaves_is_part_of_the_whole() -> None:
    from vlmtui.reports.select.rows import ReportRows

    whole, _, _ = results()
    assert not isinstance(whole, ImageFailure)
    kept = parse_where("norm>z3").keeps(ReportRows(whole))
    # what is not finite is an outlier too
    assert np.flatnonzero(kept).tolist() == [4, 5]
    lines = "".join(str(p) for p in format_named("csv").write(iter([whole.narrowed(kept)]), QUERY, False)).splitlines()
    assert lines[1:] == written("csv").decode().splitlines()[5:7]


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in ("text", "json", "jsonl", "csv"):
        (GOLDEN / f"report.{name}").write_bytes(written(name))
