"""Zoom and pan: the cursor stays in view, every patch wholly in view shows its top-1, the map says where that is."""

from __future__ import annotations

from itertools import cycle, product

import numpy as np
import pytest
from PIL import Image
from rich.color import Color
from textual import events
from textual.pilot import Pilot
from textual.strip import Strip

from tests.tui import families
from tests.tui.fake import app
from tests.tui.families import FAMILIES
from tests.tui.screens.test_explorer import at, explorer, text
from tests.tui.sizes import sizes
from vlmtui.display.cell_layout import FIT, CellLayout
from vlmtui.tui.overlays.composition import draw_overlay
from vlmtui.tui.terminal.theme import DARK
from vlmtui.tui.widgets.image_side import ImageSide
from vlmtui.tui.widgets.image_view import ImageView, PatchPointed
from vlmtui.tui.widgets.minimap import ViewMap

PHOTO_SIZE = (640, 427)
SIZES = [(80, 24), (100, 30), (120, 40), (140, 30), (160, 24), (200, 60), (240, 64)]
SHAPES = [(54, 80), (24, 24), (14, 14)]
GROUND = Color.parse(DARK.rule).get_truecolor()
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def pieces() -> dict[int, str]:
    """A word of 1 to 15 letters for every id, each of another letter."""
    return {i: "▁" + LETTERS[i // 100 % 26] * (1 + i // 100 % 15) for i in range(0, 1000)}


def photo() -> Image.Image:
    rng = np.random.default_rng(5)
    small = Image.fromarray(rng.integers(0, 255, (27, 40, 3), dtype=np.uint8))
    return small.resize(PHOTO_SIZE)


def map_text(pilot: Pilot[int]) -> str:
    """What stands beside the map, in one line."""
    return " ".join(text(pilot.app, "#map-facts").split())  # type: ignore[arg-type]


def layout_of(pilot: Pilot[int]) -> CellLayout:
    layout = explorer(pilot).query_one(ImageView)._layout
    assert layout is not None
    return layout


def brightness(line: Strip) -> float:
    """The mean of the first cells of a line."""
    styles = [segment.style for segment in line for _ in segment.text][:6]
    return float(np.mean([style.bgcolor.get_truecolor() for style in styles if style and style.bgcolor]))


def image_lines(pilot: Pilot[int]) -> list[str]:
    """What is drawn in the place of the image, a character a cell; a wide one is followed by an empty one."""
    view = explorer(pilot).query_one(ImageView)
    lines = []
    for y in range(layout_of(pilot).height):
        cells = ""
        for strip in view._strips:
            if strip.cells:
                cells += strip.render_line(y).text
        lines.append(cells)
    return lines


@pytest.mark.parametrize("keys", ["z", "zz", "zzz"])
async def test_every_patch_wholly_in_view_shows_its_word(keys: str) -> None:
    """24 × 24 patches at 120×40; from 4× on words of up to eleven letters, and longer ones, whole."""
    words = [LETTERS[t % 26] * (1 + t % 15) for t in range(24 * 24)]
    tui = app(shape=(24, 24), size=PHOTO_SIZE, photo=photo(), lists=[[word, "-"] for word in words])
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("o", "o", *keys)
        await pilot.pause()
        layout, lines = layout_of(pilot), image_lines(pilot)
        rows, cols = layout.in_view()
        assert len(rows) >= 2
        assert len(cols) >= 2
        assert at(pilot) in {(row, col) for row in rows for col in cols}
        long = 0
        for row in rows:
            for col in cols:
                word = words[row * 24 + col]
                x, _, wide, _ = layout.extent(row, col)
                there = layout.cell_rows(row)
                inside = "\n".join(lines[y][x : x + wide] for y in there)
                room = (wide - 2) * (len(there) - 1) if len(keys) > 1 else (wide - 1) * len(there)
                assert inside.count(word[0]) == min(len(word), room), (row, col, word, inside)
                assert len(keys) == 1 or len(word) <= room
                assert not 1 < len(word) <= wide - 2 or word in inside
                long += len(word) >= 11
        assert long


async def test_large_patches_show_several_words_and_the_score_of_the_first() -> None:
    tui = app(shape=(24, 24), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("o", "o", "z", "z", "z")
        await pilot.pause()
        layout, lines = layout_of(pilot), image_lines(pilot)
        state = explorer(pilot).state
        table = state.results.word_table(state.selection)
        assert table is not None
        row, col = at(pilot)
        x, _, wide, _ = layout.extent(row, col)
        cells = [lines[y][x + 1 : x + wide - 1].replace("▀", " ").split() for y in layout.cell_rows(row)]
        words = table.rows[row * 24 + col]
        assert cells[0] == [words[0].piece.replace("▁", "") if words[0].piece else "", f"{words[0].score:.2f}"]
        assert [line[0] for line in cells[1:-1]] == [f"w{one.id}" for one in words[1 : len(cells) - 1]]
        assert cells[-1] == []
        drawn = explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        assert f"top {len(cells) - 1}" in drawn.legend


@pytest.mark.parametrize("size", sizes(SIZES, SIZES[::3]))
async def test_the_cursor_stays_in_view_at_every_zoom(size: tuple[int, int]) -> None:
    tui = app(shape=(24, 24), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        zooms = []
        for key in (*"zzzz", *"ZZZZ"):
            await pilot.press(key)
            await pilot.pause()
            assert at(pilot) == (12, 12)
            layout = layout_of(pilot)
            zooms.append(explorer(pilot).state.selection.zoom)
            assert layout.zoom == max(1, zooms[-1])
            assert layout.is_whole(12, 12)
        assert zooms[0] == 2
        assert zooms[:3] == sorted(zooms[:3])
        assert zooms[-1] == FIT
        await pilot.press("z", "z", *["down"] * 7, *["right"] * 9)
        await pilot.pause()
        assert at(pilot) == (19, 21)
        assert layout_of(pilot).is_whole(19, 21)


@pytest.mark.parametrize(
    ("size", "shape"),
    # the most patches on the smallest screen, and each size and shape with some other
    sizes([*product(SIZES, SHAPES)], [*zip(SIZES, cycle(SHAPES), strict=False)]),
)
async def test_nobody_is_told_to_enlarge_the_terminal(size: tuple[int, int], shape: tuple[int, int]) -> None:
    tui = app(shape=shape, size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        for key in "oooooooo":
            await pilot.press(key)
            await pilot.pause()
            everything = "\n".join(strip.text for strip in pilot.app.screen_stack[1]._compositor.render_strips())
            assert "enlarge" not in everything
            assert "too small" not in everything


async def test_a_view_moves_no_further_than_the_cursor_must_and_says_where_it_is() -> None:
    tui = app(shape=(24, 24), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert not explorer(pilot).query_one("#map-row").display
        assert "rows" not in text(tui, "#legend")
        await pilot.press("z", "z")
        await pilot.pause()
        first = layout_of(pilot)
        rows, cols = first.in_view()
        assert f"4× · rows {rows[0]}–{rows[-1]}, columns {cols[0]}–{cols[-1]} of 24×24" in " ".join(
            text(tui, "#map-facts").split()
        )
        assert "rows" not in text(tui, "#legend")
        await pilot.press(*["right"] * (cols[-1] - 12))
        assert layout_of(pilot) == first
        await pilot.press("right")
        await pilot.pause()
        moved = layout_of(pilot)
        assert moved.in_view()[1][-1] == cols[-1] + 1
        assert moved.corner[1] == first.corner[1]
        assert moved.corner[0] - first.corner[0] <= first.wide
        await pilot.press("home")
        await pilot.pause()
        assert layout_of(pilot).in_view()[1][0] == 0


async def test_the_map_is_lit_where_the_view_is_and_a_click_goes_there() -> None:
    tui = app(shape=(24, 24), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("z", "z")
        await pilot.pause()
        view = explorer(pilot).query_one("#map", ViewMap)
        assert explorer(pilot).query_one("#map-row").display
        await pilot.click("#map", offset=(1, 0))
        await pilot.pause()
        row, col = at(pilot)
        assert row <= 3
        assert col <= 3
        assert layout_of(pilot).is_whole(row, col)
        # the photograph is as bright everywhere: what is dark is out of view
        first, last = view.render_line(0), view.render_line(view.size.height - 1)
        assert brightness(first) > 2 * brightness(last)


async def test_the_wheel_zooms_around_the_cursor() -> None:
    tui = app(shape=(24, 24), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        region = explorer(pilot).query_one(ImageView).region
        x, y = region.x + 5, region.y + 3
        for scroll, wanted in ((events.MouseScrollUp, 2), (events.MouseScrollUp, 4), (events.MouseScrollDown, 2)):
            tui.post_message(scroll(None, x, y, 0, 1, 0, False, False, False, x, y))
            await pilot.pause()
            assert explorer(pilot).state.selection.zoom == wanted
            assert at(pilot) == (12, 12)


async def test_a_patch_is_never_larger_than_the_view() -> None:
    """Two by two patches fill the screen: there is nothing to zoom to, and no key is lost on it."""
    tui = app(shape=(2, 2), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("z", "z", "z")
        await pilot.pause()
        assert max(1, explorer(pilot).state.selection.zoom) == layout_of(pilot).zoom < 8
        for _ in range(3):
            await pilot.press("Z")
        assert explorer(pilot).state.selection.zoom == FIT


async def test_more_patches_than_columns_are_panned() -> None:
    tui = app(shape=(81, 120), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("z")
        await pilot.pause()
        assert explorer(pilot).state.selection.zoom == 1
        layout = layout_of(pilot)
        assert layout.window is not None
        assert (layout.wide, layout.high) == (1, 1)
        rows, cols = layout.in_view()
        assert f"rows {rows[0]}–{rows[-1]}, columns {cols[0]}–{cols[-1]} of 81×120" in " ".join(
            text(tui, "#map-facts").split()
        )
        await pilot.press("end")
        await pilot.pause()
        assert layout_of(pilot).in_view()[1][-1] == 119


@pytest.mark.parametrize("overlay", [0, 1, 3])
async def test_more_patches_than_columns_are_averaged_at_first(overlay: int) -> None:
    """Every half-cell is the mean, weighted by area, of the patches that it covers; computed with exact shares."""
    tui = app(shape=(54, 80), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press(*"o" * overlay)
        await pilot.pause()
        layout = layout_of(pilot)
        assert layout.shrunk is not None
        assert layout.window is None
        assert text(tui, "#title").endswith("fit ")
        single = layout.full
        assert (single.wide, single.high) == (1, 1)
        state, drawn = explorer(pilot).state, explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        patches = draw_overlay(state.results, state.selection, single).pixels.astype(float)
        down, across = (shares(drawn.pixels.shape[axis], patches.shape[axis]) for axis in (0, 1))
        wanted = np.einsum("yr,rcn,xc->yxn", down, patches, across)
        np.testing.assert_allclose(drawn.pixels, wanted, atol=0.5001)
        # the cursor is where a click on it would go, and walks over every patch
        await pilot.press("right")
        row, col = at(pilot)
        assert (row, col) == (27, 41)
        x, y, wide, tall = layout.region(row, col)
        assert wide * tall >= 1
        assert layout.patch_at(x, y) in {(row + i, col + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}


def shares(small: int, large: int) -> np.ndarray:
    """[small, large]: of what each of few equal parts of a line is made, of the many."""
    edges = np.arange(small + 1) * large / small
    covered = np.minimum(edges[1:, None], np.arange(1, large + 1)) - np.maximum(edges[:-1, None], np.arange(large))
    return np.clip(covered, 0, None) * small / large


async def test_a_tile_is_a_step_of_the_zoom() -> None:
    tui = app(made=FAMILIES["llava_next"]())
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("z")
        await pilot.pause()
        assert explorer(pilot).state.selection.grid not in (0, None)
        assert layout_of(pilot).zoom == 1
        await pilot.press("z")
        await pilot.pause()
        assert layout_of(pilot).zoom == 2
        await pilot.press("Z", "Z")
        await pilot.pause()
        assert explorer(pilot).state.selection.grid == 0


async def test_a_small_terminal_says_in_the_legend_what_is_in_view() -> None:
    tui = app(shape=(24, 24), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("z", "z")
        await pilot.pause()
        rows, cols = layout_of(pilot).in_view()
        assert not explorer(pilot).query_one("#map-row").display
        assert f"4× · rows {rows[0]}–{rows[-1]}, columns {cols[0]}–{cols[-1]} of 24×24" in text(tui, "#legend")
        # and beside it a map, which goes where it is clicked
        await pilot.click("#small-map", offset=(0, 0))
        await pilot.pause()
        row, col = at(pilot)
        assert row <= 6
        assert col <= 3


def lit_pixels(view: ViewMap) -> np.ndarray:
    """[2 · rows, columns] of a plain map: which half-cells are not the ground of it."""
    rows: list[list[bool]] = []
    for y in range(view.size.height):
        cells = [(letter, one.style) for one in view.render_line(y) for letter in one.text]
        colours = [(style.color, style.bgcolor) if letter == "▀" else (style.bgcolor,) * 2 for letter, style in cells]
        rows += [
            [pair[half] is not None and pair[half].get_truecolor() != GROUND for pair in colours] for half in (0, 1)
        ]
    return np.array(rows)


@pytest.mark.parametrize("overlay", ["words", "segments", "norms"])
async def test_a_map_tells_what_is_in_view_at_every_size(overlay: str) -> None:
    tui = app(shape=(24, 24), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=SIZES[0]) as pilot:
        await pilot.pause()
        explorer(pilot).action_choose_overlay(overlay)
        await pilot.press("z", "z")
        plain = []
        for size in SIZES:
            await pilot.resize_terminal(*size)
            for _ in range(3):
                # laid out, drawn there, and laid out again for the legend
                await pilot.pause()
            shown = [one for one in explorer(pilot).query(ViewMap) if one.size.area]
            assert len(shown) == 1, size
            # nothing else stands there, and none of it is beyond the image's side
            assert explorer(pilot).get_widget_at(*shown[0].region.offset)[0] is shown[0]
            assert shown[0].region in explorer(pilot).query_one("#picture-side").region
            plain += [size] if shown[0].id == "small-map" else []
            for row, col in ((0, 0), (12, 12), (23, 23)) if shown[0].id == "small-map" else ():
                explorer(pilot)._patch_pointed(PatchPointed(row, col))
                await pilot.pause()
                layout, lit = layout_of(pilot), lit_pixels(shown[0])
                assert layout.window is not None
                (down, across), whole = lit.shape, layout.size
                (x, y), (wide, tall) = layout.corner, (layout.width, layout.height)
                for axis, start, seen, total, many in ((1, x, wide, whole[0], across), (0, y, tall, whole[1], down)):
                    there = np.flatnonzero(lit.any(axis=1 - axis))
                    # to half a pixel of the map, and as wide to half of one
                    assert abs(there[0] - start / total * many) <= 0.75, (size, axis)
                    assert (start == 0) == (there[0] == 0) or start / total * many < 1
                    assert abs(there[-1] + 1 - (start + seen) / total * many) <= 0.75, (size, axis)
                assert lit.sum() == lit.any(axis=0).sum() * lit.any(axis=1).sum()
        assert plain[0] == (80, 24)
        assert (160, 24) in plain
        await pilot.press("Z", "Z", "Z")
        await pilot.pause()
        assert not [one for one in explorer(pilot).query(ViewMap) if one.region.area]


async def test_as_the_model_sees_it_patches_are_square_and_nothing_lies_around_them() -> None:
    tui = app(made=FAMILIES["llava_next"]())
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("t")
        await pilot.pause()
        before = layout_of(pilot)
        assert before.left + before.right + before.top + before.bottom > 0
        place = at(pilot)
        await pilot.press("P")
        await pilot.pause()
        layout = layout_of(pilot)
        assert 1 / 1.15 <= layout.wide / layout.high <= 1.15
        assert (layout.left, layout.right, layout.top, layout.bottom) == (0, 0, 0, 0)
        assert "as the model sees it" in text(tui, "#legend")
        assert at(pilot) == place
        await pilot.press("P")
        await pilot.pause()
        assert layout_of(pilot) == before


@pytest.mark.parametrize("box", [(106.5, 0.0, 533.5, 427.0), (0.0, -106.5, 640.0, 533.5)], ids=["cropped", "padded"])
async def test_a_cropped_or_padded_image_is_drawn_as_the_model_gets_it(box: tuple[float, ...]) -> None:
    """A crop fills the view; padding is dark where the model has it, above and below the image."""
    made = families.build([("whole", box, (14, 14))])  # type: ignore[list-item]
    tui = app(made=made, photo=Image.new("RGB", PHOTO_SIZE, (200, 200, 200)))
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        before, cropped = layout_of(pilot), box[1] == 0
        assert (before.left > 0) == (before.right > 0) == cropped
        await pilot.press("P")
        await pilot.pause()
        layout, drawn = layout_of(pilot), explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        assert (layout.left, layout.right, layout.top, layout.bottom) == (0, 0, 0, 0)
        assert layout.wide == layout.high
        light = (drawn.pixels[: layout.half_rows] == 200).all(axis=(1, 2)).nonzero()[0]
        seen = (0, layout.half_rows) if cropped else (106.5 / 640 * layout.half_rows, 533.5 / 640 * layout.half_rows)
        assert abs(light[0] - seen[0]) <= 1
        assert abs(light[-1] + 1 - seen[1]) <= 1
        assert "as the model sees it" in " ".join(text(tui, "#legend").split())


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_squashed_image_is_drawn_squashed(size: tuple[int, int]) -> None:
    """The patches of a photograph of 640×427 pixels are wider than high, and square for the model."""
    tui = app(shape=(14, 14), size=PHOTO_SIZE, photo=photo())
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("P", "o")
        await pilot.pause()
        layout = layout_of(pilot)
        assert 1 / 1.15 <= layout.wide / layout.high <= 1.15
        assert "wider" not in text(tui, "#legend")
