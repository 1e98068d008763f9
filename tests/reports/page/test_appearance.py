"""How a page looks and sounds: on paper, on a phone, light and dark, in a frame, to who cannot see it."""

from __future__ import annotations

import html
import math
from importlib import resources
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.reports import made_reports
from tests.reports.page import contents
from tests.reports.page.chromium import Opened, place, told
from tests.reports.page.contents import glance
from vlmtui.display.numbers import box as box_text
from vlmtui.display.numbers import format_number, part_of, percent
from vlmtui.reading import ImageInfo
from vlmtui.reports.page.document import page_document


def test_on_paper_the_picture_with_its_words_and_a_table(opened: Opened) -> None:
    of = glance(made_reports.reading(3, 4))
    page = opened(page_document(of))
    assert page.pdf()[:5] == b"%PDF-"
    assert page.locator("tbody tr").count() == 12
    assert not page.locator("details").evaluate("it => it.open")
    page.emulate_media(media="print")
    assert page.locator("#entry-0 bdi").is_visible()
    assert not page.locator("#right").is_visible()
    assert not page.locator("#theme").is_visible()
    cells = page.locator("tbody tr").nth(7).locator("th, td").all_text_contents()
    assert cells[:3] == ["1, 3", box_text(of.reading.places[7].box), format_number(float(of.reading.norms[7]))]
    assert cells[3:] == [f"{word} {score}" for word, score, _ in told(of.words["tokens"]["l2"], 7)]


def test_words_without_room_are_left_to_paper_and_to_zooming(opened: Opened) -> None:
    page = opened(page_document(glance(made_reports.reading(24, 24))), viewport={"width": 400, "height": 800})
    assert not page.locator("#entry-0 bdi").is_visible()
    assert page.locator("#legend").inner_text() == "no room for words: zoom in with z"
    page.keyboard.press("z")
    page.locator("#entry-0 bdi").wait_for()
    assert page.locator("#legend").inner_text().startswith("top-1 words")
    page.keyboard.press("z")
    page.keyboard.press("z")
    page.locator("#entry-0 bdi").wait_for(state="hidden")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#entry-0 bdi").is_visible()


@pytest.mark.parametrize(
    ("layers", "numbered"),
    [(5, [0, 1, 2, 3, 4, 5]), (24, [0, 4, 8, 12, 16, 20, 24]), (27, [0, 9, 18, 27]), (13, [0, 13])],
)
def test_stages_have_their_numbers_at_one_distance(opened: Opened, layers: int, numbered: list[int]) -> None:
    page = opened(page_document(glance(made_reports.reading(3, 4, layers=layers))))
    shown = page.locator("#path button:not([aria-pressed=true])").all_text_contents()
    assert [label for label in shown if label != "·"] == [str(number) for number in numbered]
    assert len(shown) == layers + 1


@pytest.mark.parametrize("width", [820, 960, 1100, 1400])
def test_no_button_falls_alone_onto_a_line(opened: Opened, width: int) -> None:
    page = opened(page_document(glance(made_reports.reading(3, 4))), viewport={"width": width, "height": 800})
    overlays, zoom = (page.locator(name).bounding_box() for name in ("#overlays", "#zoom"))
    assert abs(overlays["y"] + overlays["height"] / 2 - zoom["y"] - zoom["height"] / 2) < 2
    assert zoom["x"] > overlays["x"]


def test_a_phone_is_wide_enough(opened: Opened) -> None:
    size = {"width": 360, "height": 740}
    page = opened(page_document(glance(contents.tiled(), entry=0)), viewport=size, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#entry-4").tap()
    assert place(page).endswith("token 4")


def test_long_words_and_names_fit(opened: Opened) -> None:
    reading = made_reports.reading(3, 4, image=ImageInfo("/a-folder" * 30, "ab" * 32, 640, 427))
    reading = msgspec.structs.replace(reading, model=msgspec.structs.replace(reading.model, name="a/model" * 30))
    pieces: list[str | None] = ["▁" + "word" * 60, "漢" * 80, "▁x", "شمس" * 40, "y"]
    page = opened(page_document(glance(reading, pieces=pieces, entry=0)), viewport={"width": 360, "height": 740})
    page.keyboard.press("/")
    page.keyboard.type("word" * 60)
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    widest = max(box["width"] for box in (row.bounding_box() for row in page.locator("#words li:not(.heads)").all()))
    assert widest <= 360


def ground(page: Any) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def test_light_and_dark_as_the_reader_has_it_or_chooses(opened: Opened) -> None:
    text = page_document(glance(made_reports.reading()))
    dark, light = "rgb(13, 17, 23)", "rgb(251, 250, 247)"
    for scheme, first, second in (("dark", dark, light), ("light", light, dark)):
        page = opened(text, color_scheme=scheme)
        assert ground(page) == first
        page.keyboard.press("d")
        assert ground(page) == second
        page.locator("#theme").click()
        assert ground(page) == first


def test_overlays_zoom_and_help(opened: Opened) -> None:
    page = opened(page_document(glance(made_reports.reading(3, 4))))
    width = page.locator("#frame").bounding_box()["width"]
    page.keyboard.press("z")
    assert page.locator("#frame").bounding_box()["width"] == pytest.approx(2 * width)
    page.keyboard.press("o")
    colours = page.locator(".cell").evaluate_all("all => all.map(one => one.style.backgroundColor)")
    assert len(set(colours)) > 8
    assert page.locator(".cell bdi").count() == 0
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("ArrowRight")  # keys are the dialog's now
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


def test_what_cannot_be_seen_is_said(opened: Opened) -> None:
    of = glance(made_reports.reading(3, 4), entry=5)
    page = opened(page_document(of))
    page.keyboard.press("ArrowRight")
    grid = page.get_by_role("grid")
    assert grid.evaluate("it => it === document.activeElement")
    active = page.locator(f"#{grid.get_attribute('aria-activedescendant')}")
    words = ", ".join(word for word, _, _ in told(of.words["tokens"]["l2"], 6))
    said = f"row 1 column 2, {words}; norm {format_number(float(of.reading.norms[6]))}"
    assert active.get_attribute("aria-label") == said
    page.keyboard.press("m")
    assert page.locator("#said").inner_text() == "tokens, cosine"
    unnamed = "all => all.filter(one => !(one.textContent.trim() || one.getAttribute('aria-label'))).length"
    assert page.locator("button, input").evaluate_all(unnamed) == 0


def test_who_tabs_through_buttons_stays_on_them(opened: Opened) -> None:
    page = opened(page_document(glance(made_reports.reading(3, 4))))
    for name in ("cosine", "vision.1", "norms", "tokens"):
        page.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press("Enter")
        active = page.locator(":focus")
        assert active.get_attribute("aria-pressed") == "true"
        assert name in (active.inner_text(), active.get_attribute("aria-label"))


def test_numbers_are_written_as_in_the_other_reports(opened: Opened) -> None:
    rng = np.random.default_rng(0)
    some = (rng.normal(size=3000) * 10.0 ** rng.integers(-8, 10, 3000)).tolist()
    some += rng.normal(size=500).astype(np.float32).astype(float).tolist()
    # halves between two digits, which go to the even one, and numbers that gain a digit
    some += [1.0625, 1.1875, 100.25, 100.75, 12346.5, 12347.5, 0.5, -2.5, 0.00048828125, 9999.6, 99995, 9.9995, 99999.5]
    some += [0.0, 1e-5, 9.9999e-5, 1e7, 1.5e300, -5e-324, 1234.0, 312.5, math.inf, math.nan, 1e-4]
    numbers = resources.files("vlmtui.reports.page").joinpath("assets", "numbers.js").read_text("utf-8")
    page = opened("<!doctype html><link rel=icon href=data:,><title>numbers</title>")

    def written(call: str, given: list[Any]) -> Any:
        # JSON has no word for what is no number
        whole = [None if isinstance(x, float) and not math.isfinite(x) else x for x in given]
        return page.evaluate(f"given => {{ {numbers}; return given.map((x) => {call}); }}", whole)

    assert written("figure(x)", some) == [format_number(x) for x in some]
    assert written("figure(x, 3)", some) == [format_number(x, 3) for x in some]
    shares = [*rng.uniform(0, 100, 500).tolist(), 0.0, 100.0, 0.04, 99.96, 0.5, 12.5, 99.5, 13.5, 0.25]
    assert written("percent(x)", shares) == [percent(x) for x in shares]
    assert written('partOf(x, "noise").join(" ")', shares) == [part_of(x, "noise") for x in shares]
    corners = [(0.25, 0.35, 229.25, 61.0), (1 / 3, 0.05, 1000.75, 2.5)]
    assert written("boxText(x)", corners) == [box_text(one) for one in corners]


def test_in_a_frame_of_a_notebook_it_keeps_to_itself(opened: Opened) -> None:
    of = glance(made_reports.reading(3, 4), entry=0)
    size = "width: 900px; height: 700px"
    frame = f'<iframe srcdoc="{html.escape(page_document(of))}" sandbox="allow-scripts" style="{size}"></iframe>'
    page = opened(f"<!doctype html><link rel=icon href=data:,><input id=cell autofocus>{frame}")
    inside = page.frame_locator("iframe")
    inside.locator("#words .word").first.wait_for()
    assert page.evaluate("document.activeElement.id") == "cell"
    inside.locator("#entry-6").click()
    page.keyboard.press("ArrowRight")
    assert inside.locator("#patch-about").inner_text().endswith("token 7")
    assert page.evaluate("document.styleSheets.length") == 0
