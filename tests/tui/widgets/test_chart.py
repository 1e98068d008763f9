"""The chart of norms: labels beside it, however long, shift no row, and names stand under their bars."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import Color

from vlmtui.tui.terminal.theme import DARK
from vlmtui.tui.widgets.chart import NormBlock, NormSummaries, chart

ROWS = 7


def block(magnitude: float, stages: int, here: int | None) -> NormBlock:
    everything = magnitude * np.linspace(1, 2, stages * 9).reshape(stages, 9)
    return NormBlock([str(i) for i in range(stages)], everything[:, 4], NormSummaries.of(everything), [4], here)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-9, 9), st.integers(1, 10)), min_size=1, max_size=2),
    st.integers(60, 120),
)
def test_no_label_shifts_its_row(blocks: list[tuple[float, int]], cells: int) -> None:
    made = [block(10**power, stages, None) for power, stages in blocks]
    strips = chart(DARK, made, ROWS, cells)
    assert len(strips) == ROWS + 1
    assert {strip.cell_length for strip in strips} == {cells}
    *rows, axis = (strip.text for strip in strips)
    first = axis.index("0")
    for one in range(ROWS):
        # the label is right before the bars, and as it is elsewhere: a number, or nothing
        beside = rows[one][:first]
        assert beside[-1] == " "
        assert beside.strip() == made[0].labels(ROWS).get(one, "")
    if len(made) == 2:
        second = axis.index("0", first + 1)
        for one in range(ROWS):
            assert rows[one][:second].rstrip().endswith(made[1].labels(ROWS).get(one, "")), rows[one]


def test_the_numbers_of_two_layers_are_told_apart() -> None:
    made = [block(1.0, 5, None), block(1.0, 3, 2)]
    axis = chart(DARK, made, ROWS, 60)[-1].text
    assert axis.split() == ["0", "1", "2", "3", "4", "0", "1", "2"]


def test_the_farthest_from_the_median_is_an_entry_on_either_side_of_it() -> None:
    everything = np.tile(np.linspace(9.8, 10.2, 20), (3, 1))
    everything[1, 6], everything[2, 6] = 1.0, 10.9
    found = NormBlock(["0", "1", "2"], everything[:, 6], NormSummaries.of(everything), [6], None)
    assert found.flags.tolist() == [False, True, True]
    stage, norm, median, z = found.farthest
    assert (stage, norm) == ("1", 1.0)
    assert 9.8 < median < 10.2
    assert z < -3.5


def test_outliers_are_red_unless_they_are_beside_the_matter() -> None:
    everything = np.tile(np.linspace(9.8, 10.2, 20), (3, 1))
    everything[1, 6] = 30.0
    red = Color.parse(DARK.outlier)
    for muted in (False, True):
        one = NormBlock(["0", "1", "2"], everything[:, 6], NormSummaries.of(everything), [6], None, muted)
        styles = [segment.style for strip in chart(DARK, [one], ROWS, 60) for segment in strip if segment.style]
        assert any(red in (style.color, style.bgcolor) for style in styles) is not muted
