"""Moving about over several grids: views in, views out."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.queries import query_of
from tests.tui import families, readings
from tests.tui.families import FAMILIES
from vlmtui.display.cell_layout import FIT
from vlmtui.display.entry_grids import ReadingGrids
from vlmtui.errors import UsageError
from vlmtui.geometry import Box, Place
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.patches import parse_patches
from vlmtui.reading import ImageInfo, Reading
from vlmtui.tui.initial_selection import initial_selection
from vlmtui.tui.navigation import at_page, at_pixel, at_stage, move_cursor, step_page, to_cell, to_column, zoom
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection

MADE = {name: make() for name, make in FAMILIES.items()}


def known(reading: Reading) -> Results:
    image = ImageInfo("toy.png", "0", reading.image.width, reading.image.height)
    return Results(image, readings.picture(image.width, image.height), reading.model, reading)


def start(seen: Results, **query: object) -> Selection:
    view, wrong = initial_selection(Selection(), seen, query_of("toy", **query))  # type: ignore[arg-type]
    assert not wrong
    return view


def place(seen: Results, view: Selection) -> Place:
    found = seen.place(view)
    assert found is not None
    return found


def box(seen: Results, view: Selection) -> Box:
    found = place(seen, view).box
    assert found is not None
    return found


def middle(seen: Results, view: Selection) -> tuple[float, float]:
    x0, y0, x1, y1 = box(seen, view)
    return (x0 + x1) / 2, (y0 + y1) / 2


def names(seen: Results, stage: str = "tokens") -> list[str]:
    return [page.name for page in seen.pages(stage)]


def test_the_pages_of_a_stage_are_those_with_entries() -> None:
    four = [f"tile {i} of 4" for i in range(1, 5)]
    six = [f"tile {i} of 6" for i in range(1, 7)]
    seen = known(MADE["llava_next"])
    assert names(seen) == ["whole image", *four, "16 newline tokens"]
    assert names(seen, "vision.1") == ["whole image", *four]
    seen = known(MADE["llava_onevision"])
    assert names(seen) == ["whole image", "tiles resampled", "14 newline tokens"]
    assert names(seen, "vision.1") == ["whole image", *six]
    # the whole image comes last in the prompt, and first on the screen
    assert names(known(MADE["idefics3"]))[:2] == ["whole image", "tile 1 of 12"]
    assert names(known(MADE["idefics2"])) == ["64 query tokens"]
    assert names(known(MADE["idefics2"]), "vision.0") == ["whole image"]
    assert names(known(MADE["mllama"]), "vision.0") == four
    assert names(known(MADE["unknown"]), "vision.0") == []


STEPS = st.lists(
    st.sampled_from(["up", "down", "left", "right", "far", "home", "end", "t", "T", "z", "Z", "[", "]"]), max_size=40
)


def step(seen: Results, view: Selection, key: str) -> Selection:
    arrows = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1), "far": (5, 0)}
    if key in arrows:
        return move_cursor(view, seen, *arrows[key])
    if key in ("home", "end"):
        return to_column(view, seen, key == "end")
    if key in ("t", "T"):
        return step_page(view, seen, 1 if key == "t" else -1)
    if key in ("z", "Z"):
        return zoom(view, seen, 1 if key == "z" else -1)
    return at_stage(view, seen, "vision.2" if key == "[" else "tokens")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([name for name in FAMILIES if MADE[name].places]), STEPS)
def test_the_cursor_is_always_on_an_entry_of_a_page(name: str, keys: list[str]) -> None:
    seen = known(MADE[name])
    view = start(seen)
    for key in keys:
        view = step(seen, view, key)
        if seen.pages(view.stage):
            found = place(seen, view)
            assert found.grid == view.grid
            if found.grid is not None:
                assert (found.row, found.col) == (view.row, view.col)


@pytest.mark.parametrize("name", ["llava_next", "idefics3", "mllama"])
@pytest.mark.parametrize("stage", ["tokens", "vision.3"])
def test_every_page_is_reached_and_the_way_round_ends_where_it_began(name: str, stage: str) -> None:
    seen = known(MADE[name])
    if stage == "tokens" and not MADE[name].places:
        return
    view = begun = move_cursor(start(seen, stage=stage), seen, 2, -1)
    pages = seen.pages(stage)
    reached = []
    for _ in pages:
        view = step_page(view, seen, 1)
        reached.append(view.grid)
    assert sorted(map(str, reached)) == sorted(str(page.id) for page in pages)
    assert (view.grid, view.row, view.col) == (begun.grid, begun.row, begun.col)


def test_the_spot_stays_under_the_cursor() -> None:
    seen = known(MADE["idefics3"])
    view = to_cell(start(seen), seen, None, 3, 9)
    x, y = middle(seen, view)
    near = zoom(view, seen, 1)
    assert place(seen, near).grid != view.grid
    x0, y0, x1, y1 = box(seen, near)
    assert x0 <= x < x1
    assert y0 <= y < y1
    # and at a vision stage of that tile
    patch = at_stage(near, seen, "vision.1")
    assert patch.grid == near.grid
    x0, y0, x1, y1 = box(seen, patch)
    assert x0 - 1e-6 <= x < x1
    assert y0 - 1e-6 <= y < y1
    back = at_stage(zoom(at_stage(patch, seen, "tokens"), seen, -1), seen, "tokens")
    assert (back.grid, back.row, back.col) == (view.grid, view.row, view.col)


def test_a_tile_is_a_step_of_the_zoom() -> None:
    """Of the whole image first the tile's patches, then larger ones; and back the same way."""
    seen = known(MADE["idefics3"])
    view = to_cell(start(seen), seen, None, 3, 9)
    way = [view]
    for _ in range(6):
        way.append(zoom(way[-1], seen, 1))
    assert [one.zoom for one in way] == [FIT, FIT, 2, 4, 8, 8, 8]
    tile = way[1].grid
    assert [one.grid for one in way] == [view.grid, *[tile] * 6]
    assert tile != view.grid
    back = [way[-1]]
    for _ in range(5):
        back.append(zoom(back[-1], seen, -1))
    assert [one.zoom for one in back] == [8, 4, 2, FIT, FIT, FIT]
    assert [(one.grid, one.row, one.col) for one in back[-2:]] == [(view.grid, view.row, view.col)] * 2


def test_single_patches_are_a_step_of_the_zoom_where_the_image_shrinks() -> None:
    seen = known(MADE["qwen2_vl"])
    way = [start(seen)]
    for step in (*[1] * 5, *[-1] * 5):
        way.append(zoom(way[-1], seen, step, shrinks=True))
    assert [one.zoom for one in way] == [FIT, 1, 2, 4, 8, 8, 4, 2, 1, FIT, FIT]


def test_a_list_has_no_zoom() -> None:
    seen = known(MADE["idefics2"])
    view = start(seen)
    assert zoom(view, seen, 1) == zoom(view, seen, -1) == view


def test_a_tile_that_does_not_show_the_spot_has_the_cursor_at_its_nearest() -> None:
    seen = known(MADE["llava_next"])
    view = to_cell(start(seen), seen, 0, 6, 1)
    at_right = at_page(view, seen, seen.pages("tokens")[2])
    assert at_right.col == 0
    assert at_right.row == 11
    # a step of one's own makes that the spot, a turn does not
    left = step_page(step_page(at_right, seen, 1), seen, -3)
    assert (left.grid, left.row, left.col) == (0, 6, 1)


def test_arrows_step_over_what_was_cut_away() -> None:
    seen = known(MADE["llava_next"])
    page = seen.pages("tokens")[1]
    rows = sorted({row for row, _ in page.entries})
    assert rows == list(range(4, 12))
    view = to_cell(start(seen), seen, 1, 4, 5)
    assert move_cursor(view, seen, -1, 0) == view
    with pytest.raises(UsageError, match="cut away"):
        to_cell(view, seen, 1, 2, 5)
    # at a vision stage the padding is there to be walked
    up = move_cursor(at_stage(view, seen, "vision.0"), seen, -3, 0)
    assert place(seen, up).box is None


def test_a_long_step_ends_at_the_last_entry() -> None:
    seen = known(MADE["llava_next"])
    view = to_cell(start(seen), seen, 1, 6, 5)
    assert move_cursor(view, seen, -4, 0).row == 4
    assert move_cursor(view, seen, 99, 0).row == 11


def test_the_tiles_of_resampled_tokens_are_found_by_the_spot() -> None:
    seen = known(MADE["llava_onevision"])
    view = to_cell(start(seen), seen, 7, 2, 18)
    patch = at_stage(view, seen, "vision.4")
    assert place(seen, patch).grid == 3  # the third tile: right, above
    back = at_stage(patch, seen, "tokens")
    assert (back.grid, back.row, back.col) == (7, 2, 18)


def test_the_list_remembers_its_line() -> None:
    seen = known(MADE["idefics2"])
    view = move_cursor(start(seen), seen, 11, 0)
    assert (view.grid, view.row) == (None, 11)
    patch = move_cursor(at_stage(view, seen, "vision.2"), seen, 1, 1)
    assert place(seen, patch).grid == 0
    assert at_stage(patch, seen, "tokens").row == 11


def test_a_pixel_is_found_on_this_page_or_else_on_the_finest() -> None:
    seen = known(MADE["idefics3"])
    here = at_pixel(start(seen), seen, 600.0, 10.0)
    assert here is not None
    assert here.grid == 12
    tile = to_cell(here, seen, 4, 0, 0)
    other = at_pixel(tile, seen, 600.0, 10.0)
    assert other is not None
    assert other.grid == 3
    assert at_pixel(tile, seen, 9999.0, 10.0) is None


def test_what_the_command_line_asks_for() -> None:
    seen = known(MADE["idefics3"])
    view = start(seen, patches=parse_patches("2:3,4"))
    assert (view.grid, view.row, view.col) == (2, 3, 4)
    # without a grid the whole image is meant, wherever it comes in the prompt
    assert start(seen, patches=parse_patches("3,4")).grid == 12
    # at a vision stage rows and columns are still those of tokens
    patch = start(seen, patches=parse_patches("2:3,4"), stage="vision.1")
    found = place(seen, patch)
    assert found.grid == 2
    assert found.patches[0] in MADE["idefics3"].places[2 * 169 + 3 * 13 + 4].patches
    _, wrong = initial_selection(Selection(), seen, query_of("toy", patches=parse_patches("99:0,0")))
    assert "no grid 99" in wrong[0]
    tower = known(MADE["clip_tower"])
    at = start(tower, patches=parse_patches("3,4"))
    assert (at.stage, at.row, at.col) == ("vision.4", 3, 4)
    _, wrong = initial_selection(
        Selection(), known(MADE["idefics2"]), query_of("toy", patches=parse_patches("1,1"), stage="tokens")
    )
    assert families.RESAMPLED in wrong[0]
    patches = start(known(MADE["idefics2"]), patches=parse_patches("14,21"), stage="vision.0")
    assert (patches.row, patches.col) == (14, 21)
    tile = start(known(MADE["llava_onevision"]), patches=parse_patches("3:11,0"), stage="vision.0")
    assert (tile.grid, tile.row, tile.col) == (3, 11, 0)


def test_a_token_of_many_patches_has_their_mean_norm() -> None:
    seen = known(MADE["gemma3"])
    view = start(seen)
    column = seen.column(view)
    assert column is not None
    values, everything = column
    assert values is not None
    assert values[2] == pytest.approx(everything[2, list(place(seen, view).patches)].mean())
    # of another tile, its own columns among those of all
    tiled = known(MADE["idefics3"])
    second = to_cell(start(tiled), tiled, 1, 0, 0)
    column = tiled.column(second)
    assert column is not None
    assert column[0] is not None
    assert column[0][0] == pytest.approx(column[1][0, [676 + p for p in place(tiled, second).patches]].mean())
    query = known(MADE["idefics2"])
    column = query.column(start(query))
    assert column is not None
    assert column[0] is None


def test_a_page_covers_its_padding() -> None:
    seen = known(families.llava_next())
    page = seen.pages("vision.0")[1]
    assert page.box == pytest.approx((0, -106.5, 320, 213.5), abs=1e-3)
    assert seen.pages("vision.0")[0].box == (0.0, 0.0, 640.0, 427.0)
    assert page.cell_box(0, 0)[1] == pytest.approx(-106.5, abs=1e-3)


def test_another_overlay() -> None:
    def following(*overlays: str, **options: object) -> list[str]:
        model = FAMILIES["clip_tower"]().model
        return [replace(Selection(**options), overlay=o).next_overlay(model).overlay for o in overlays]

    # without words of its own there are none to come to, and none to find before one was looked for
    assert following("none", "norms", "words", "pca") == ["norms", "similarity", "none", "none"]
    assert following("pca", "find", sought="sky") == ["find", "none"]


def test_a_tile_that_is_all_padding_is_no_page() -> None:
    reading = FAMILIES["llava_next"]()
    last = reading.grids[-1]
    padded = tuple(
        replace(place, box=None, inside=0.0) if place.grid == last.id else place for place in reading.patch_places
    )
    dark = msgspec.structs.replace(
        reading, patch_places=padded, grids=(*reading.grids[:-1], replace(last, box=(640.0, 427.0, 640.0, 427.0)))
    )
    assert [page.id for page in ReadingGrids(dark).patches] == [grid.id for grid in reading.grids[:-1]]


def test_it_opens_where_the_command_line_says_also_before_the_model_and_by_layer() -> None:
    seen = known(MADE["llava_next"])
    view = start(seen, stage="pixels")
    assert view.stage == "pixels"
    assert place(seen, view).grid is not None
    view = start(seen, stage="llm.1", lens=ChosenLens("layers"))
    assert (view.stage, view.by_layer) == ("llm.1", True)
