"""Segments, against SciPy's connected components and a search of every run."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from vlmtui.display.segments import Segment, segments

WORDS = ("sky", "roof", "Sky", None)

grids = st.tuples(st.integers(0, 9), st.integers(0, 9)).flatmap(
    lambda size: st.lists(
        st.lists(st.sampled_from(WORDS), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]
    )
)


def components(words: list[list[str | None]]) -> set[tuple[str, frozenset[tuple[int, int]]]]:
    """Words and cells of SciPy's 4-connected components of every word."""
    found = set()
    for word in {one for line in words for one in line if one is not None}:
        labels, count = ndimage.label(np.array([[one == word for one in line] for line in words]))
        for number in range(1, count + 1):
            cells = np.argwhere(labels == number).tolist()
            found.add((word, frozenset((row, col) for row, col in cells)))
    return found


@given(grids)
def test_they_are_the_connected_components_of_every_word(words: list[list[str | None]]) -> None:
    found = segments(words)
    assert len(found) == len({one.cells for one in found})
    assert {(one.word, frozenset(one.cells)) for one in found} == components(words)


@given(grids)
def test_cells_and_segments_are_in_reading_order(words: list[list[str | None]]) -> None:
    found = segments(words)
    assert all(list(one.cells) == sorted(set(one.cells)) for one in found)
    assert [one.cells[0] for one in found] == sorted(one.cells[0] for one in found)


@given(grids)
def test_the_widest_run_is_a_longest_run(words: list[list[str | None]]) -> None:
    for one in segments(words):
        row, first, length = one.widest
        mine = set(one.cells)
        runs = {
            (r, c, n)
            for r, c in mine
            for n in range(1, len(words[0]) + 1)
            if all((r, c + step) in mine for step in range(n))
        }
        longest = [run for run in runs if run[2] == max(n for _, _, n in runs)]
        middle = sum(one.rows) / 2
        assert (row, first, length) in longest
        assert abs(row - middle) == min(abs(r - middle) for r, _, _ in longest)


@given(grids)
def test_rows_and_cols_bound_the_cells(words: list[list[str | None]]) -> None:
    for one in segments(words):
        cells = np.array(one.cells)
        assert one.rows == (cells[:, 0].min(), cells[:, 0].max())
        assert one.cols == (cells[:, 1].min(), cells[:, 1].max())


def test_patches_that_touch_at_a_corner_are_two_segments() -> None:
    assert segments([["sky", None], ["roof", "sky"]]) == [
        Segment("sky", ((0, 0),), (0, 0, 1)),
        Segment("roof", ((1, 0),), (1, 0, 1)),
        Segment("sky", ((1, 1),), (1, 1, 1)),
    ]


def test_of_equal_runs_the_one_in_the_middle_is_widest() -> None:
    (one,) = segments([["sky", "sky"], ["sky", "sky"], ["sky", "sky"], ["sky", None]])
    assert one.widest == (1, 0, 2)
    assert segments([[None]]) == segments([]) == []
