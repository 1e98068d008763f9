"""Lines of half-block cells: whatever is joined, cut or written over, every cell shows its two pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style

from vlmtui.tui.widgets.blocks import lines


def cells(strips) -> list[list[tuple[str, tuple | None, tuple | None]]]:
    """Character, foreground and background of every cell, column strips put side by side."""
    found = []
    for row in zip(*strips, strict=True):
        line = []
        for strip in row:
            for segment in strip:
                colours = tuple(
                    None if colour is None else tuple(colour.triplet)
                    for colour in (segment.style.color, segment.style.bgcolor)
                )
                line += [(character, *colours) for character in segment.text]
        found.append(line)
    return found


@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 3), st.randoms(use_true_random=False))
def test_every_cell_shows_its_two_pixels(width, height, colours, random):
    pixels = np.array(
        [[[random.randrange(colours) * 100] * 3 for _ in range(width)] for _ in range(2 * height)], np.uint8
    )
    cuts = sorted({0, width, random.randrange(width + 1)})
    found = cells(lines(pixels, cuts, {}))
    for y in range(height):
        for x in range(width):
            top, bottom = (tuple(pixels[2 * y + half, x].tolist()) for half in (0, 1))
            assert found[y][x] == ((" ", None, bottom) if top == bottom else ("▀", top, bottom))


def test_neighbours_that_look_alike_are_one_run():
    (strip,), (other,) = lines(np.zeros((2, 8, 3), np.uint8), [0, 5, 8], {})
    assert [segment.text for segment in strip] == ["     "]
    assert [segment.text for segment in other] == ["   "]


def test_what_is_written_stands_over_its_cell_and_a_wide_character_over_two():
    style = Style(bold=True)
    over = {0: {1: Segment("x", style), 3: Segment("漢", style), 4: Segment("", style)}}
    (strip,), (other,) = lines(np.zeros((2, 8, 3), np.uint8), [0, 6, 8], over)
    assert [segment.text for segment in strip] == [" ", "x", " ", "漢", " "]
    assert [segment.text for segment in other] == ["  "]
    assert strip.cell_length == 6
    assert sum(segment.cell_length for segment in strip) == 6
