"""Frames as Textual writes them, made by Hypothesis, and the cells that an emulator has after them."""

from __future__ import annotations

import pyte
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.emulator import seen

WIDTH, HEIGHT = 24, 6
STYLES = [
    "",
    "1",
    "38;2;1;2;3",
    "38;2;1;2;3;48;2;9;8;7",
    "1;3;38;2;250;0;9;48;2;1;1;1",
    "4;31;42",
    "38;5;7",
    "7;48;5;9",
]
CLUSTERS = ["a", "B", " ", "▀", "━", "é", "漢", "한", "e\u0301", "a\u0323\u0302", "·", "→", "ß", "ー"]
"""One or two cells each, some with marks that have no width."""


@st.composite
def spans(draw: st.DrawFn) -> str:
    """Text somewhere in a row, in pieces of one style each, that ends before the right edge."""
    column = draw(st.integers(0, WIDTH - 1))
    written, left = f"\x1b[{draw(st.integers(1, HEIGHT))};{column + 1}H", WIDTH - column
    for style, clusters in draw(
        st.lists(st.tuples(st.sampled_from(STYLES), st.lists(st.sampled_from(CLUSTERS), min_size=1)), max_size=4)
    ):
        text = ""
        for cluster in clusters:
            if cell_len(cluster) <= left:
                text, left = text + cluster, left - cell_len(cluster)
        if text:
            written += f"\x1b[{style}m{text}\x1b[0m" if style else text
    return written


FRAMES = st.lists(st.lists(spans(), min_size=1, max_size=4).map("".join), min_size=1, max_size=6)


def cells(screen: pyte.Screen) -> list[list[tuple[object, ...]]]:
    """Every cell with its character, and the colours and attributes that are seen."""
    return [[seen(screen.buffer[row][column]) for column in range(screen.columns)] for row in range(screen.lines)]
