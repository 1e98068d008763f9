"""Files read ahead: in order, errors in their places, no more than so many bytes at a time."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from vlmtui.batch import read_ahead as ahead
from vlmtui.errors import ImageError
from vlmtui.image import ImageFile


def test_in_the_order_of_the_names(tmp_path: Path) -> None:
    names = []
    for number in range(300):
        path = tmp_path / f"{number}.png"
        names.append(str(path))
        if number % 7:
            path.write_bytes(b"%d" % number)
    found = list(ahead.read_ahead(names))
    assert [name for name, _ in found] == names
    for number, (name, one) in enumerate(found):
        if number % 7:
            assert isinstance(one, ImageFile)
            assert (one.source, one.data) == (name, b"%d" % number)
        else:
            assert isinstance(one, ImageError)


def test_what_is_held_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MOST_BYTES", 4 << 20)
    large = tmp_path / "large.png"
    large.write_bytes(bytes(1 << 20))
    tracemalloc.start()
    try:
        for _, found in ahead.read_ahead([str(large)] * 100):
            assert isinstance(found, ImageFile)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # the bound, and what each thread is at, read in parts that are then put together
    assert peak < (4 + 2 * ahead.THREADS + 2) << 20


def test_names_are_asked_for_as_files_are_taken(tmp_path: Path) -> None:
    asked = []

    def names() -> object:
        for number in range(10_000):
            asked.append(number)
            yield str(tmp_path / f"{number}.png")

    found = ahead.read_ahead(names())  # type: ignore[arg-type]
    next(found)
    found.close()
    assert len(asked) <= ahead.MOST_FILES
