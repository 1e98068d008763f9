"""The picture on cells: patch edges are edges of half-cells, whatever the sizes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.tui import readings
from vlmtui.display import canvas
from vlmtui.display.cell_layout import fit_patches
from vlmtui.reading import ImageInfo
from vlmtui.tui.overlays import composition as overlays
from vlmtui.tui.overlays.drawing import ImageDrawing
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.subject import Subject, WordsLens
from vlmtui.tui.state.word_table import WordTable


def patchwork(rows: int, cols: int, patch: tuple[int, int], margin: int = 0) -> tuple[Image.Image, np.ndarray]:
    """A picture whose every patch has a colour of its own, within a margin of black."""
    rng = np.random.default_rng(rows * 100 + cols)
    colours = rng.integers(40, 255, (rows, cols, 3), dtype=np.uint8)
    inner = np.repeat(np.repeat(colours, patch[1], axis=0), patch[0], axis=1)
    return Image.fromarray(np.pad(inner, ((margin, margin), (margin, margin), (0, 0)))), colours


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 24),
    st.integers(1, 24),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.integers(0, 30),
    st.tuples(st.integers(4, 150), st.integers(2, 60)),
)
def test_every_cell_of_a_patch_shows_that_patch(
    rows: int, cols: int, patch: tuple[int, int], margin: int, view: tuple[int, int]
) -> None:
    picture, colours = patchwork(rows, cols, patch, margin)
    box = (float(margin), float(margin), margin + cols * patch[0] * 1.0, margin + rows * patch[1] * 1.0)
    layout = fit_patches(view, rows, cols, box, picture.size)
    pixels = canvas.draw_image(picture, layout, box)
    assert pixels.shape == (2 * layout.height, layout.width, 3)
    for row in range(rows):
        for col in range(cols):
            x, y, wide, high = layout.extent(row, col)
            cells = pixels[y : y + high, x : x + wide].astype(int)
            # the exact colour, but for rounding in the resize
            assert np.abs(cells - colours[row, col]).max() <= 2
            assert layout.patch_at_half(x, y) == layout.patch_at_half(x + wide - 1, y + high - 1) == (row, col)


def test_what_the_model_does_not_see_is_dimmed() -> None:
    picture = Image.new("RGB", (200, 100), (200, 200, 200))
    box = (50.0, 0.0, 150.0, 100.0)
    layout = fit_patches((80, 20), 5, 5, box, picture.size)
    assert layout.left > 0
    assert layout.right > 0
    pixels = canvas.draw_image(picture, layout, box)
    assert (pixels[:, : layout.left] == 70).all()
    assert (pixels[:, layout.left : layout.width - layout.right] == 200).all()


def drawn_for(known: Results, selection: Selection, place: tuple[int, int] = (80, 30)) -> ImageDrawing:
    return overlays.draw_overlay(known, selection, overlays.layout_of(known, selection, place))


def seen() -> Results:
    reading = readings.reading(6, 8)
    return Results(ImageInfo("toy.png", "0", 96, 64), readings.picture(), reading.model, reading)


def test_the_heat_map_follows_the_norms() -> None:
    known = seen()
    drawn = drawn_for(known, Selection(overlay="norms"))
    assert drawn.scale is not None
    low, high = drawn.scale
    assert 1.0 <= low < high <= 2.0
    first = drawn.pixels[0, 0].astype(int)
    last = drawn.pixels[-1, -1].astype(int)
    # viridis: from dark violet to yellow
    assert last[1] > first[1] + 50


def test_first_words_stand_in_their_patches() -> None:
    known = seen()
    table = WordTable("r", "tokens", "cosine", 2)
    table.add(readings.words(list(range(48)), 2))
    known.keep((Subject("tokens"), WordsLens("cosine")), table)
    drawn = drawn_for(known, Selection(overlay="words"))
    assert drawn.words is not None
    assert drawn.words[1][3] == f"w{100 * ((8 + 3) % 9)}"
    assert drawn_for(known, Selection(overlay="words", stage="vision.1")).words is None
