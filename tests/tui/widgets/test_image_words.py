"""Words over the image: what stands on a large patch, line by line."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment

from vlmtui.display.cell_layout import CellLayout
from vlmtui.tui.state.page_words import RankedWord
from vlmtui.tui.widgets.image_words import write_ranked, write_words

LETTERS = "abcdefghijklmno"


@pytest.mark.parametrize(
    ("top", "wide", "wanted"),
    [
        ("mountain", 12, [" mountain   ", " sky        ", " roof       ", ""]),
        ("mountain", 14, [" mountain .31 ", " sky          ", " roof         ", ""]),
        ("mountain", 8, [" mounta ", " in     ", " sky    ", ""]),
        ("firefighter", 12, [" firefighte ", " r          ", " sky        ", ""]),
        ("山山山山山", 8, [" 山山山 ", " 山山   ", " sky    ", ""]),
        ("a" * 40, 8, [" aaaaaa ", " aaaaaa ", " aaaaaa ", ""]),
    ],
)
def test_the_first_word_of_a_large_patch_is_whole_and_the_others_follow(top: str, wide: int, wanted: list[str]) -> None:
    layout = CellLayout(1, 1, wide, 8, 0, 0, 0, 0)
    over: dict[int, dict[int, Segment]] = defaultdict(dict)
    words = [RankedWord(top, ".31"), RankedWord("sky", ".30"), RankedWord("roof", ".29"), RankedWord("tree", ".28")]
    write_ranked(over, np.zeros((8, wide, 3), np.uint8), layout, {(0, 0): words}, {})
    lines = ["".join(over[y].get(x, Segment(" ")).text for x in range(wide)) if over[y] else "" for y in range(4)]
    assert lines == wanted


@given(st.integers(4, 9), st.integers(2, 9), st.integers(1, 15), st.data())
def test_of_a_word_its_beginning_is_seen_or_nothing(wide: int, high: int, length: int, data: st.DataObject) -> None:
    """Whatever part of 4 × 4 patches is in view: three letters at least, and no end without its beginning."""
    size = 4 * wide, 2 * high
    x, y = data.draw(st.integers(0, size[0] - 1)), data.draw(st.integers(0, size[1] - 1))
    across, down = data.draw(st.integers(1, size[0] - x)), data.draw(st.integers(1, size[1] - y))
    layout = CellLayout(4, 4, wide, high, 0, 0, 0, 0, window=(x, y, across, down))
    word = LETTERS[:length]
    over: dict[int, dict[int, Segment]] = defaultdict(dict)
    write_words(over, np.zeros((2 * down, across, 3), np.uint8), layout, [[word] * 4] * 4, {})
    for row in range(4):
        for col in range(4):
            start, _, _, _ = layout.extent(row, col)
            cells = [over[line].get(at) for line in layout.cell_rows(row) for at in range(start, start + wide)]
            shown = "".join(one.text for one in cells if one)
            assert word.startswith(shown)
            assert len(shown) in {0, *range(min(3, length), length + 1)}
            if layout.is_whole(row, col):
                assert len(shown) == min(length, (wide - 1) * len(layout.cell_rows(row)))


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_a_word_has_a_shade_of_its_colour_behind_it(ground: int) -> None:
    """More of the colour than of the image; a word without a colour has the image alone."""
    layout, colour = CellLayout(1, 2, 6, 2, 0, 0, 0, 0), np.array((230, 159, 0))
    pixels = np.full((2, 12, 3), ground, np.uint8)
    for write in ("words", "ranked"):
        over: dict[int, dict[int, Segment]] = defaultdict(dict)
        if write == "words":
            write_words(over, pixels, layout, [["sky", "roof"]], {"sky": (230, 159, 0)})
        else:
            layout, pixels = CellLayout(1, 2, 6, 6, 0, 0, 0, 0), np.full((6, 12, 3), ground, np.uint8)
            ranked = {(0, i): [RankedWord(word, ".3")] for i, word in enumerate(("sky", "roof"))}
            write_ranked(over, pixels, layout, ranked, {"sky": (230, 159, 0)})
        behind: dict[str, np.ndarray] = {}
        for segment in over[0].values():
            assert segment.style is not None
            assert segment.style.bgcolor is not None
            behind[segment.text] = np.array(segment.style.bgcolor.get_truecolor())
        for letter in "sky":
            assert np.linalg.norm(behind[letter] - colour) < np.linalg.norm(behind[letter] - ground), write
            assert (behind[letter] == behind["s"]).all()
        assert all((behind[letter] == ground).all() for letter in "rof")
