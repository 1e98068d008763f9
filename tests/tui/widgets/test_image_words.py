"""Words over the image: what stands on a large patch, line by line."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from rich.segment import Segment

from vlmtui.display.cell_layout import CellLayout
from vlmtui.tui.state.page_words import RankedWord
from vlmtui.tui.widgets.image_words import write_ranked


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
