"""Lines of the legend of words: what has room, in its order, and where a click finds it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmtui.display.pieces import width
from vlmtui.tui.overlays.word_legend import LegendWord, WordLegend
from vlmtui.tui.terminal.theme import DARK
from vlmtui.tui.widgets.word_legend_lines import LONGEST, word_legend_lines

TITLE, NAME = "rows 2–23, columns 0–23 of 24×24 · segments: local-words, l2", "segments: local-words, l2"
BRIEF = "neighbours' vote, l2"
SEGMENTED = "as segments: top-1, logit lens of layer 1"
LEAST = width("+30 words: 99.9%   █ other patches: 99.9% (here: )") + LONGEST
"""Cells in which the share that is grey, with a word, or `here` a word with a colour, has a line of its own."""


@st.composite
def legends(draw: st.DrawFn) -> WordLegend:
    names = draw(
        st.lists(st.text("aäж角 b", min_size=1, max_size=30).filter(lambda t: t == t.strip()), unique=True, max_size=24)
    )
    words = tuple(LegendWord(word, 100 - i, (i, 0, 0)) for i, word in enumerate(names))
    here = draw(st.sampled_from(["", "grey word", *names]))
    patches = sum(one.patches for one in words) + draw(st.integers(0, 900))
    return WordLegend(NAME, words, draw(st.floats(0, 1)), here, 0, draw(st.sampled_from(["", BRIEF])), patches)


@given(legends(), st.integers(LEAST, 160), st.integers(1, 3))
def test_words_are_named_as_far_as_there_is_room_and_the_grey_share_in_any_case(
    legend: WordLegend, cells: int, rows: int
) -> None:
    strips, found = word_legend_lines(TITLE, legend, cells, rows, DARK)
    swatched = ["█" in strips[one.y].crop(one.start, one.end).text for one in found]
    spots, more = ([one for one, there in zip(found, swatched, strict=True) if there is of] for of in (True, False))
    assert len(strips) <= rows
    assert all(strip.cell_length == cells for strip in strips)
    lines = [strip.text for strip in strips]
    assert re.search("█ other(s| patches): ", lines[-1])
    # the title in short, or none where there is no room beside the words
    assert lines[0].startswith("rows 2–23" if TITLE in lines[0] else ("segments", "local-words", BRIEF, "█", "here █"))
    # the first ones, in their order, the one under the cursor, and how many are left with the share that they have
    named, order = [spot.word for spot in spots], [one.word for one in legend.words]
    assert named == sorted(named, key=order.index)
    assert set(named) - {*order[: len(named)]} <= {legend.here}
    assert legend.here in named or legend.here not in order
    left = len(order) - len(named)
    said = re.search(r"   \+(\d+)( words?)?: ([\d.]+)%   █ other", f"   {'   '.join(line.rstrip() for line in lines)}")
    assert (int(said[1]) if said else 0) == left == len(legend.words) - len(spots)
    if said:
        share = sum(one.patches for one in legend.words if one.word not in named) / legend.patches
        assert float(said[3]) == pytest.approx(100 * share, abs=0.51)
    # a click there goes to the next that is not named, after the one under the cursor if there is one
    hidden = [word for word in order if word not in named]
    after = [word for word in hidden if legend.here in order and order.index(word) > order.index(legend.here)]
    assert [one.word for one in more] == (after or hidden)[:1]
    for spot in spots:
        shown = strips[spot.y].crop(spot.start, spot.end).text
        # one that is not in its turn is that under the cursor, and said to be
        apart = order.index(spot.word) != named.index(spot.word)
        assert shown.startswith("here █ " if apart else ("█ ", "here █ "))
        assert not shown.startswith("here") or spot.word == legend.here == named[-1]
        unit = (
            "( of [\\d,]+)? patch(es)?" if spot.word == order[0] and named[: len(order)] and shown.endswith("s") else ""
        )
        assert re.search(rf": {legend.words[order.index(spot.word)].patches}{unit}$", shown)


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
    said = {cells: word_legend_lines(TITLE, legend, cells, 1, DARK)[0][0].text.rstrip() for cells in (160, 110, 90)}
    words = "   █ sky: 9 patches   █ tree: 9   █ roof: 9   █ hill: 9   █ other patches: 10%"
    assert said == {160: TITLE + words, 110: NAME + words, 90: NAME.partition(": ")[2].partition(",")[0] + words}


def test_a_name_that_is_wider_than_the_line_loses_what_the_panel_names() -> None:
    name = f"words {SEGMENTED}"
    legend = WordLegend(name, (LegendWord("tree", 9, (1, 0, 0)),), 0.1, "", brief=SEGMENTED)
    for cells, said in ((36, "as segments: top-1 "), (42, SEGMENTED)):
        (first, *_), _ = word_legend_lines(name, legend, cells, 3, DARK)
        assert first.text.startswith(said)
