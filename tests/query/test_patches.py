"""`--patch [GRID:]R,C` and `--rows`."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reports import made_reports
from vlmtui.errors import UsageError
from vlmtui.geometry import Place
from vlmtui.query.patches import PatchPosition, entries_at, entries_of, parse_patches, parse_rows

numbers = st.integers(0, 999_999)


@given(st.none() | numbers, numbers, numbers)
def test_what_is_written_is_read(grid: int | None, row: int, col: int) -> None:
    patch = PatchPosition(grid, row, col)
    assert parse_patches(str(patch)) == (patch,)
    assert parse_patches(f" {'' if grid is None else f'{grid} :'} {row} , {col} ") == (patch,)


@given(st.text(max_size=12))
def test_anything_else_is_refused_or_understood(words: str) -> None:
    with suppress(UsageError):
        for patch in parse_patches(words):
            assert parse_patches(str(patch)) == (patch,)


@pytest.mark.parametrize(
    "words",
    ["", "3", "3,", ",3", "-1,2", "1.5,2", "1:2:3,4", "1,2,3", "٣,٤", "1e3,2", "0x1,2", "1-,2"],
)
def test_what_is_no_patch(words: str) -> None:
    with pytest.raises(UsageError, match=r"is not .* or a region: give numbers from 0"):
        parse_patches(words)


@pytest.mark.parametrize(
    ("words", "grid", "rows", "cols"),
    [
        ("6-9,8-12", None, range(6, 10), range(8, 13)),
        ("2: 0 - 1 , 3", 2, range(2), range(3, 4)),
        ("5,7-8", None, range(5, 6), range(7, 9)),
        ("4-4,4-4", None, range(4, 5), range(4, 5)),
    ],
)
def test_a_region_is_its_patches(words: str, grid: int | None, rows: range, cols: range) -> None:
    assert parse_patches(words) == tuple(PatchPosition(grid, row, col) for row in rows for col in cols)


@pytest.mark.parametrize("words", ["3-1,2", "1,3-2", "0:6-5,1"])
def test_a_region_that_ends_before_it_begins(words: str) -> None:
    with pytest.raises(UsageError, match=r"goes from a higher to a lower number: give the lower first, as in 6-9"):
        parse_patches(words)


def test_a_region_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match="has more than 65,536 patches: name a smaller region"):
        parse_patches("0-999999,0-999999")


def test_the_entries_meant() -> None:
    reading = made_reports.reading(3, 4, grids=2)
    assert entries_of(reading, "tokens") == tuple(range(24))
    assert entries_at(reading, "tokens", PatchPosition(None, 2, 3)) == (11,)
    assert entries_at(reading, "tokens", PatchPosition(1, 0, 1)) == (13,)
    assert entries_at(reading, "vision.1", PatchPosition(1, 0, 1)) == (13,)


def test_a_token_of_four_patches_means_them_all_at_a_vision_stage() -> None:
    merged = (Place(0, "patch", 0, 0, 0, (0.0, 0.0, 1.0, 1.0), 1.0, (0, 1, 4, 5)),)
    reading = made_reports.reading(3, 4, places=merged)
    assert entries_at(reading, "vision.0", PatchPosition(None, 0, 0)) == (0, 1, 4, 5)


def test_a_tower_alone_has_its_patches() -> None:
    reading = made_reports.reading(3, 4, places=())
    assert entries_at(reading, "vision.2", PatchPosition(None, 1, 0)) == (4,)


@pytest.mark.parametrize("patch", [PatchPosition(None, 3, 0), PatchPosition(None, 0, 4), PatchPosition(7, 0, 0)])
def test_a_patch_that_is_not_there(patch: PatchPosition) -> None:
    with pytest.raises(UsageError, match="there is no"):
        entries_at(made_reports.reading(3, 4), "tokens", patch)


def test_a_place_that_the_model_leaves_out() -> None:
    reading = made_reports.reading(3, 4)
    import msgspec

    reading = msgspec.structs.replace(reading, places=reading.places[:-1])
    with pytest.raises(UsageError, match="leaves out that position"):
        entries_at(reading, "tokens", PatchPosition(None, 2, 3))


def test_rows_of_the_grid() -> None:
    assert parse_rows("3") == (range(3, 4),)
    assert parse_rows(" 0-2 , 7 ") == (range(0, 3), range(7, 8))
    reading = made_reports.reading(3, 4, grids=2)
    assert entries_of(reading, "tokens", rows=parse_rows("1")) == (4, 5, 6, 7, 16, 17, 18, 19)
    assert entries_of(reading, "vision.0", rows=parse_rows("2-9")) == (8, 9, 10, 11, 20, 21, 22, 23)
    both = entries_of(reading, "tokens", [PatchPosition(1, 0, 0), PatchPosition(0, 2, 3)], parse_rows("0"))
    assert both == (0, 1, 2, 3, 11, 12, 13, 14, 15)
    with pytest.raises(UsageError, match="rows 0 to 2"):
        entries_of(reading, "tokens", rows=parse_rows("3-9"))


@pytest.mark.parametrize("words", ["", "a", "-1", "3-", "5-2", "1,,2", "1.5", "٣"])
def test_what_are_no_rows(words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"--rows {words!r} are not rows of the grid: give numbers from 0")):
        parse_rows(words)
