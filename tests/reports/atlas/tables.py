"""Tables of many pictures made by hand, as `vlmtui report` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.errors import ImageError
from vlmtui.query.options import Query
from vlmtui.reading import ImageInfo
from vlmtui.reports.formats import parquet
from vlmtui.reports.image_report import ImageReport, ReportOrFailure
from vlmtui.reports.per_image import ImageFailure

SHAPES = ((3, 4), (5, 5), (7, 2))


def seen(
    number: int, rows: int, cols: int, grids: int = 1, query: Query | None = None, **changes: object
) -> ImageReport:
    """The report of one picture: words and norms by its number."""
    image = ImageInfo(f"album/{number}.png", f"{number:064x}", 640, 427)
    of = made_reports.reading(rows, cols, grids=grids, seed=number, **({"image": image} | changes))
    words = made_reports.words(of, k=5, seed=number)
    return made_reports.seen(of, words, query=query)


def album(count: int = 60, fail: int = 7) -> list[ReportOrFailure]:
    """Pictures of several shapes; every `fail`-th could not be read."""
    found: list[ReportOrFailure] = []
    for number in range(count):
        if number % fail == fail - 1:
            found.append(ImageFailure(f"album/{number}.png", ImageError(f"album/{number}.png is no picture")))
        else:
            rows, cols = SHAPES[number % len(SHAPES)]
            found.append(seen(number, rows, cols, grids=1 + number % 2))
    return found


def wild(of: ImageReport, *entries: int) -> ImageReport:
    """The same with the norms of these entries blown up."""
    norms = of.reading.norms.copy()
    norms[list(entries)] = 1000.0
    made_ = type(of.reading)(
        **{name: norms if name == "norms" else getattr(of.reading, name) for name in of.reading.__struct_fields__}
    )
    return replace(of, reading=made_)


def write(results: Sequence[ReportOrFailure], file: Path, query: Query | None = None) -> Path:
    """Write a table; returns its path."""
    file.write_bytes(b"".join(parquet.write_parquet(results, query or query_of("tiny"), True)))
    return file


def shares(rows: int, cols: int, hits: Sequence[tuple[int, int]], side: int) -> np.ndarray:
    """Of `side` squares each way, which share of each these cells cover: by counting points of a fine raster."""
    fine = rows * cols * side
    at = (np.arange(fine) + 0.5) / fine
    down, across = (at * rows).astype(int), (at * cols).astype(int)
    hit = np.zeros((rows, cols))
    for cell in hits:
        hit[cell] += 1
    raster = hit[down][:, across]
    return raster.reshape(side, fine // side, side, fine // side).mean(axis=(1, 3))
