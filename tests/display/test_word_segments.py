"""Words of a grid: their patches, their segments from the largest on, what is grey, and where labels lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmtui.display.cell_layout import CellLayout, fit_cells, fit_patches
from vlmtui.display.pieces import width
from vlmtui.display.segment_labels import SegmentLabel, segment_labels
from vlmtui.display.segments import Segment, least_cells
from vlmtui.display.word_segments import middle, word_segments

WORDS = ("sky", "roof", "mountain", "起 to rise", "a", None)

grids = st.tuples(st.integers(1, 26), st.integers(1, 26), st.randoms(use_true_random=False), st.integers(1, 8)).map(
    lambda size: drawn(size[0], size[1], size[2], size[3])
)


def drawn(rows: int, cols: int, random, block: int) -> list[list[str | None]]:  # type: ignore[no-untyped-def]
    """Words in blocks, so that there are large segments, with single patches strewn over them."""
    coarse = {(r, c): random.choice(WORDS) for r in range(rows) for c in range(cols)}
    return [
        [random.choice(WORDS) if random.random() < 0.05 else coarse[r // block, c // block] for c in range(cols)]
        for r in range(rows)
    ]


@given(grids)
def test_words_are_counted_and_the_grey_share_is_what_is_left(words: list[list[str | None]]) -> None:
    found = word_segments(words)
    flat = [word for line in words for word in line]
    assert found.counts == {word: flat.count(word) for word in found.counts}
    assert set(found.counts) == set(flat) - {None}
    assert list(found.counts.values()) == sorted(found.counts.values(), reverse=True)
    coloured = sum(flat.count(word) >= least_cells(len(flat)) for word in flat if word is not None)
    assert np.isclose(found.grey, float(1 - Fraction(coloured, len(flat))))


@given(grids, st.randoms(use_true_random=False))
def test_spellings_of_one_word_are_one_segment_by_the_most_frequent(words: list[list[str | None]], random) -> None:  # type: ignore[no-untyped-def]
    spelled = [[word and random.choice((word, word.upper(), word.title())) for word in line] for line in words]
    whole, folded = word_segments(words), word_segments(spelled, folds=True)
    assert [one.cells for one in folded.segments] == [one.cells for one in whole.segments]
    assert [one.word.lower() for one in folded.segments] == [one.word for one in whole.segments]
    flat = [word for line in spelled for word in line if word]
    for word, many in folded.counts.items():
        spellings = [one for one in flat if one.lower() == word.lower()]
        assert many == len(spellings)
        assert spellings.count(word) == max(map(spellings.count, spellings))
        assert next(one for one in spellings if spellings.count(one) == spellings.count(word)) == word


@given(grids)
def test_steps_go_through_all_segments_word_by_word_and_back(words: list[list[str | None]]) -> None:
    found = word_segments(words)
    assert [len(one.cells) for one in found.segments] == sorted((len(o.cells) for o in found.segments), reverse=True)
    if not found.segments:
        assert found.next((0, 0), 1) is None
        return
    gone, cell = [], middle(found.in_turn[-1])
    for _ in found.segments:
        there = found.next(cell, 1)
        assert there is not None
        cell = middle(there)
        assert cell in there.cells
        assert found.at(cell) is there
        gone.append(there)
    assert gone == list(found.in_turn)
    assert sorted(gone, key=found.segments.index) == list(found.segments)
    back = found.next(cell, -1)
    assert back is gone[len(gone) - 2 if len(gone) > 1 else 0]
    # first each word's largest and its large ones, in the order of the legend; then the rest, in the same order
    firsts = [next(one for one in found.segments if one.word == word) for word in found.counts]
    own = [one for word in found.counts for one in found.segments if one.word == word]
    head = [one for one in own if one in firsts or one in found.large]
    assert gone[: len(head)] == head
    rest = [list(found.counts).index(one.word) for one in gone[len(head) :]]
    assert rest == sorted(rest)


@given(grids)
def test_a_word_has_its_segments_in_turn(words: list[list[str | None]]) -> None:
    found = word_segments(words)
    for word in found.counts:
        own = [one for one in found.segments if one.word == word]
        cell, gone = (-1, -1), []
        for _ in own:
            there = found.next_of(word, cell)
            assert there is not None
            cell = middle(there)
            gone.append(there)
        assert gone == own
        assert found.next_of(word, middle(own[0]), -1) is own[-1]
    assert found.next_of("of no patch", (0, 0)) is None


def widest_run(one: Segment, layout: CellLayout) -> int:
    """Cells in the widest run of a row of which both halves are of a segment, counted one by one."""
    best = 0
    for y in range(layout.height):
        length = 0
        for x in range(layout.width):
            both = {layout.patch_at_half(x, 2 * y), layout.patch_at_half(x, 2 * y + 1)}
            length = length + 1 if both <= set(one.cells) else 0
            best = max(best, length)
    return best


@settings(deadline=None, max_examples=50)
@given(grids, st.tuples(st.integers(20, 160), st.integers(8, 60)), st.sampled_from((fit_cells, fit_patches)))
def test_labels_lie_inside_their_segments_and_every_large_one_that_holds_its_word_has_one(
    words: list[list[str | None]], view: tuple[int, int], fit: Callable[..., CellLayout]
) -> None:
    found = word_segments(words)
    layout = fit(view, len(words), len(words[0]), (8.0, 4.0, 72.0, 52.0), (80, 60))
    labels = segment_labels(found.large, layout)
    inside = [one for one in found.segments if len(one.cells) >= found.least]
    assert len(labels) == sum(width(one.word) <= widest_run(one, layout) for one in inside)
    for label in labels:
        segment = found.at(label.cell)
        assert segment is not None
        assert label.text.strip() == segment.word
        assert middle(segment) == label.cell
        for x in range(label.x, label.x + width(label.text)):
            assert layout.patch_at_half(x, 2 * label.y) in segment.cells
            assert layout.patch_at_half(x, 2 * label.y + 1) in segment.cells
            assert label.covers(x, label.y)
        assert not label.covers(label.x - 1, label.y)
    # in the middle of the widest run, but for what halves round to, and unless another label is beside it there
    for label in labels if fit is fit_cells else ():
        segment = found.at(label.cell)
        assert segment is not None
        _, first, length = segment.widest
        centre = layout.left + (first + length / 2) * layout.wide
        others = [one for one in labels if one is not label]
        if not any(beside(one, replace(label, x=int(centre - width(label.text) / 2))) for one in others):
            assert abs(label.x + width(label.text) / 2 - centre) <= 0.5


def beside(one: SegmentLabel, other: SegmentLabel) -> bool:
    """Whether two labels could touch in the rows of cells of one another's patches."""
    near = abs(one.y - other.y) <= 2
    return near and one.x <= other.x + width(other.text) + 1 and other.x <= one.x + width(one.text) + 1
