"""Pages of every shape of reading: tiles, lists, towers, padding, strips."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.reports import made_reports
from tests.reports.page import contents
from tests.reports.page.chromium import Opened, place, rows, texts, told
from tests.reports.page.contents import glance
from vlmtui.display.norm_statistics import is_outlier
from vlmtui.display.numbers import box as box_text
from vlmtui.display.numbers import format_number
from vlmtui.reading import ImageInfo
from vlmtui.reports.page.document import page_document


def test_tiles_are_walked_one_after_the_other_over_what_was_cut_away(opened: Opened) -> None:
    page = opened(page_document(glance(contents.tiled(), entry=0)))
    assert texts(page, "#views button") == ["whole image", "tile 1 of 2", "tile 2 of 2", "2 newline tokens"]
    page.keyboard.press("t")
    assert place(page).startswith("tile 1 of 2 · row 0 · column 1")
    page.keyboard.press("t")
    assert page.locator(".cell.hole").count() == 3
    page.keyboard.press("End")
    assert place(page).startswith("tile 2 of 2 · row 0 · column 1")
    # the tile's part of the picture fills the frame
    frame, picture = (page.locator(name).bounding_box() for name in ("#frame", "#image"))
    assert picture["width"] == pytest.approx(2 * frame["width"], rel=0.01)
    assert picture["x"] == pytest.approx(frame["x"] - frame["width"], abs=2)
    page.keyboard.press("t")
    assert "newline token" in place(page)
    assert "represents no part of the image" in page.locator("#patch-facts").inner_text()
    page.keyboard.press("T")
    page.keyboard.press("T")
    page.keyboard.press("T")
    assert place(page).startswith("whole image")


def test_a_hit_on_another_tile_is_gone_to(opened: Opened) -> None:
    reading = contents.tiled()
    of = glance(reading, k=2, entry=0)
    page = opened(page_document(of))
    page.keyboard.press("/")
    page.keyboard.type("mountains")
    page.keyboard.press("Enter")
    words = of.words["tokens"]["l2"]
    seen = set()
    wanted = {entry for entry in range(len(reading.places)) if 10 in dict(words.at(entry))}
    assert len({reading.places[entry].grid for entry in wanted}) > 1
    for _ in wanted:
        seen.add(int(place(page).rsplit(" ", 1)[1]))
        page.keyboard.press("n")
    assert seen == wanted


def test_query_tokens_are_a_list_beside_the_picture(opened: Opened) -> None:
    of = glance(contents.queries(), entry=0)
    page = opened(page_document(of))
    assert page.locator("#list [role=option]").count() == 7
    assert page.locator(".cell").count() == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert place(page) == "query token 2"
    assert rows(page) == told(of.words["tokens"]["l2"], 2)
    assert "Each query reads all patches." in page.locator("#patch-facts").inner_text()
    page.locator("#entry-5").click()
    assert rows(page) == told(of.words["tokens"]["l2"], 5)
    page.keyboard.press("[")
    assert page.locator(".cell").count() == 12


def test_without_tokens_the_tower_is_walked(opened: Opened) -> None:
    of = glance(contents.without_tokens(), stage="vision.2", entry=1)
    page = opened(page_document(of))
    assert "Its language model reads images by cross-attention." in page.locator("#words").inner_text()
    assert place(page) == "row 0 · column 1 · patch 1"
    # it begins with the norms of its grid, as the text report does, and marks the same outliers
    norms = of.reading.norms_at("vision.2")
    shown = [f"{format_number(float(n), 3)}{'!' if m else ''}" for n, m in zip(norms, is_outlier(norms), strict=True)]
    assert texts(page, ".cell") == shown
    assert "! marks an outlier" in page.locator("#legend").inner_text()
    page.keyboard.press("]")
    assert texts(page, "#path [aria-pressed=true]") == ["tokens"]
    assert page.locator(".cell").count() == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    page.keyboard.press("[")
    assert page.locator(".cell").count() == 12


def test_a_tower_alone(opened: Opened) -> None:
    of = made_reports.reading(3, 4)
    model = msgspec.structs.replace(
        of.model, embeddings=None, llm_layers=0, feeds=None, wordless="a vision tower alone"
    )
    nothing = np.zeros(0, np.float32)
    of = msgspec.structs.replace(of, model=model, places=(), norms=nothing, percentiles=nothing)
    page = opened(page_document(glance(of, stage="vision.2", entry=3)))
    assert texts(page, "#path button") == ["0", "1", "vision.2"]
    assert "A vision tower alone." in page.locator("#words").inner_text()
    assert not page.locator("#find").is_visible()
    # the norms lie over the image from the first, the largest are listed
    norms = of.grid_norms[0].patches
    assert texts(page, ".cell") == [format_number(float(norm), 3) for norm in norms[2]]
    assert "L2 norms of vision.2" in page.locator("#words").inner_text()
    page.keyboard.press("[")
    assert texts(page, ".cell") == [format_number(float(norm), 3) for norm in norms[1]]
    assert f"vision.1 {format_number(float(of.grid_norms[0].patches[1, 3]))}" in texts(page, "#norms-legend b")


def test_padding_can_be_walked_and_is_said(opened: Opened) -> None:
    page = opened(page_document(glance(contents.padded(), entry=8)))
    assert "50% of it; the rest is image" in texts(page, "#patch-facts dd")
    page.keyboard.press("ArrowDown")
    assert texts(page, "#patch-facts dd")[0] == "nothing: it lies in the padding"
    frame, picture = (page.locator(name).bounding_box() for name in ("#frame", "#image"))
    assert picture["height"] == pytest.approx(frame["height"] / 2, rel=0.01)
    # the box is what of the picture is in the patch, the cell is all of it
    page.keyboard.press("ArrowUp")
    here, cell = (page.locator(name).bounding_box() for name in ("#here", "#entry-8"))
    assert here["height"] == pytest.approx(cell["height"] / 2, abs=1)
    assert here["y"] == pytest.approx(cell["y"], abs=1)


@pytest.mark.parametrize(("width", "height"), [(7, 3000), (3000, 7), (1, 1)])
def test_thin_pictures_have_patches_wide_enough_to_point_at(opened: Opened, width: int, height: int) -> None:
    reading = made_reports.reading(3, 4, image=ImageInfo("thin.png", "ab" * 32, width, height))
    wide, tall = width / 4, height / 3
    corners = [(p.col * wide, p.row * tall, (p.col + 1) * wide, (p.row + 1) * tall) for p in reading.places]
    places = tuple(replace(place, box=box) for place, box in zip(reading.places, corners, strict=True))
    reading = msgspec.structs.replace(reading, places=places, patch_places=places)
    page = opened(page_document(glance(reading, entry=5)))
    cell = page.locator("#entry-5").bounding_box()
    assert min(cell["width"], cell["height"]) > 20
    assert texts(page, "#patch-facts dd")[0] == box_text(places[5].box)


def test_the_position_in_the_prompt_where_a_decoder_turns_by_row_and_column(opened: Opened) -> None:
    reading = made_reports.reading(1, 2)
    page = opened(page_document(glance(reading, entry=1)))
    assert "position" not in texts(page, "#patch-facts dt")
    turned = msgspec.structs.replace(reading, position_ids=((4, 5, 6), (4, 7, 8)))
    page = opened(page_document(glance(turned, entry=1)))
    at = texts(page, "#patch-facts dt").index("position")
    assert texts(page, "#patch-facts dd")[at] == "time 4, row 7, column 8"
    page.keyboard.press("[")  # a vision patch has no position there
    assert "position" not in texts(page, "#patch-facts dt")
