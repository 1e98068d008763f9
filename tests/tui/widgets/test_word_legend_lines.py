"""Lines of the legend of words: what has room, in its order, and where a click finds it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from vlmtui.display.pieces import width
from vlmtui.tui.overlays.word_legend import LegendWord, WordLegend
from vlmtui.tui.terminal.theme import DARK
from vlmtui.tui.widgets.word_legend_lines import LONGEST, word_legend_lines

TITLE, NAME = "rows 2–23, columns 0–23 of 24 × 24 · segments: local-words, l2", "segments: local-words, l2"
LEAST = width("segments   +30   █ other patches 99.9%") + 2 * LONGEST


@st.composite
def legends(draw: st.DrawFn) -> WordLegend:
    names = draw(
        st.lists(st.text("aäж角 b", min_size=1, max_size=30).filter(lambda t: t == t.strip()), unique=True, max_size=24)
    )
    words = tuple(LegendWord(word, 100 - i, (i, 0, 0)) for i, word in enumerate(names))
    here = draw(st.sampled_from(["", "grey word", *names]))
    return WordLegend(NAME, words, draw(st.floats(0, 1)), here)


@given(legends(), st.integers(LEAST, 160), st.integers(1, 3))
def test_words_are_named_as_far_as_there_is_room_and_the_grey_share_in_any_case(
    legend: WordLegend, cells: int, rows: int
) -> None:
    strips, spots = word_legend_lines(TITLE, legend, cells, rows, DARK)
    assert len(strips) <= rows
    assert all(strip.cell_length == cells for strip in strips)
    lines = [strip.text for strip in strips]
    assert "█ other patches " in lines[-1]
    assert lines[0].startswith("rows 2–23" if TITLE in lines[0] else "segments")
    # the first ones, in their order, and how many are left
    assert [spot.word for spot in spots] == [one.word for one in legend.words[: len(spots)]]
    left = len(legend.words) - len(spots)
    assert bool(re.search(rf" \+{left}\b", " ".join(lines))) == bool(left)
    for spot, one in zip(spots, legend.words, strict=False):
        shown = strips[spot.y].crop(spot.start, spot.end).text
        assert shown.startswith("█ ")
        assert shown.endswith(f" {one.patches}")


@given(legends(), st.integers(LEAST, 160), st.integers(1, 3))
def test_the_word_under_the_cursor_is_named_in_the_accent_colour(legend: WordLegend, cells: int, rows: int) -> None:
    strips, _ = word_legend_lines(TITLE, legend, cells, rows, DARK)
    accent = DARK.style("accent").color
    named = [segment.text for strip in strips for segment in strip if segment.style and segment.style.color == accent]
    assert len(named) == bool(legend.here)
    if legend.here and width(legend.here) <= LONGEST:
        assert named[0].strip(" \N{LEFT-TO-RIGHT MARK}") == legend.here


def test_a_long_title_gives_way_to_words() -> None:
    legend = WordLegend(NAME, tuple(LegendWord(word, 9, (0, 0, 0)) for word in ("sky", "tree", "roof", "hill")), 0.1)
    said = {cells: word_legend_lines(TITLE, legend, cells, 1, DARK)[0][0].text.rstrip() for cells in (160, 100, 80)}
    words = "   █ sky 9   █ tree 9   █ roof 9   █ hill 9   █ other patches 10%"
    assert said == {160: TITLE + words, 100: NAME + words, 80: "segments" + words}
