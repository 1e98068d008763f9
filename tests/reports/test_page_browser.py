"""The page in a real browser, by keyboard and by mouse."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.reports import chromium, glances, made
from tests.reports.chromium import Opened
from tests.reports.glances import glance
from vlmtui.display.numbers import box as box_text
from vlmtui.display.numbers import figure, percent
from vlmtui.display.pieces import visible
from vlmtui.reading import ImageInfo, Layers, Reading, Words
from vlmtui.reports.page import Glance, document


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium.started() as browser:
        yield browser


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Opened]:
    with chromium.watched(browser, tmp_path) as opened:
        yield opened


def texts(page: Any, selector: str) -> list[str]:
    """The text of every element there is, as it is laid out."""
    return [" ".join(text.split()) for text in page.locator(selector).all_inner_texts()]


def rows(page: Any) -> list[tuple[str, str, str]]:
    """The words listed: piece, score, id."""
    columns = [texts(page, f"#words li .{name}") for name in ("word", "score", "id")]
    return list(zip(*columns, strict=True))


def told(words: Words, entry: int, joins: bool = True) -> list[tuple[str, str, str]]:
    """The words of an entry as the page should list them."""
    return [
        (visible(words.pieces[id_], words.texts[id_], joins), figure(score), str(id_)) for id_, score in words.at(entry)
    ]


def place(page: Any) -> str:
    """What the patch panel says of where the cursor is."""
    return str(page.locator("#patch-about").inner_text())


def test_arrows_show_the_words_norm_and_box_of_every_patch(opened: Opened) -> None:
    of = glance(made.reading(3, 4))
    page = opened(document(of))
    page.keyboard.press("Control+Home")
    words = of.words["tokens"]["l2"]
    for row in range(3):
        way = "ArrowRight" if row % 2 == 0 else "ArrowLeft"
        for step in range(4):
            entry = 4 * row + (step if row % 2 == 0 else 3 - step)
            assert place(page) == f"row {row} · column {entry % 4} · token {entry}"
            assert rows(page) == told(words, entry)
            assert f"tokens {figure(float(of.reading.norms[entry]))}" in texts(page, "#norms-legend b")
            assert texts(page, "#patch-facts dd")[0] == box_text(of.reading.places[entry].box)
            above = percent(float(of.reading.percentiles[entry]))
            assert f"above {above} of the vocabulary" in page.locator("#belief").inner_text()
            page.keyboard.press(way if step < 3 else "ArrowDown")
    page.keyboard.press("ArrowDown")  # there is no further row
    assert place(page) == "row 2 · column 3 · token 11"


def test_home_and_end(opened: Opened) -> None:
    page = opened(document(glance(made.reading(3, 4), entry=5)))
    ways = {"End": 7, "Home": 4, "PageDown": 8, "PageUp": 0, "Control+End": 11, "k": 7, "h": 6, "j": 10, "l": 11}
    for key, where in ways.items():
        page.keyboard.press(key)
        assert place(page) == f"row {where // 4} · column {where % 4} · token {where}", key


def test_pointing_shows_and_a_click_moves(opened: Opened) -> None:
    of = glance(made.reading(3, 4), entry=0)
    page = opened(document(of))
    page.locator("#entry-6").hover()
    assert rows(page) == told(of.words["tokens"]["l2"], 6)
    here, cell = (page.locator(name).bounding_box() for name in ("#here", "#entry-6"))
    assert all(abs(here[side] - cell[side]) < 1 for side in ("x", "y", "width", "height"))
    page.mouse.move(5, 5)
    assert place(page) == "row 0 · column 0 · token 0"
    page.locator("#entry-6").click()
    page.mouse.move(5, 5)
    assert place(page) == "row 1 · column 2 · token 6"


def test_metrics_are_switched_by_key_and_by_button(opened: Opened) -> None:
    of = glance(made.reading(3, 4), entry=3)
    page = opened(document(of))
    for name in ("cosine", "omp", "l2"):
        page.keyboard.press("m")
        assert texts(page, "#metrics [aria-pressed=true]") == [name]
        assert rows(page) == told(of.words["tokens"][name], 3)
    page.get_by_role("button", name="omp").click()
    explained = of.words["tokens"]["omp"].explained
    assert explained is not None
    assert texts(page, "#words .share") == [percent(100 * float(share)) for share in explained[3]]
    assert rows(page) == told(of.words["tokens"]["omp"], 3)
    page.keyboard.press("M")
    assert texts(page, "#metrics [aria-pressed=true]") == ["cosine"]


def with_layers(reading: Reading) -> Glance:
    """A glance that has the words of one layer of the language model."""
    of = glance(reading)
    norms = np.random.default_rng(5).uniform(10, 30, (2, len(reading.places))).astype(np.float32)
    logits = msgspec.structs.replace(made.words(reading, 5, seed=9), metric="logit")
    shown = of.words | {"llm.2": {"logit": logits}}
    return Glance(of.query, of.rgb, reading, "tokens", shown, Layers(reading="r1", norms=norms, positions=30), 2)


def test_stages_are_switched_by_key_by_button_and_at_the_chart(opened: Opened) -> None:
    of = with_layers(made.reading(3, 4))
    page = opened(document(of))
    assert of.layers is not None
    page.keyboard.press("]")
    assert texts(page, "#path [aria-pressed=true]") == ["llm.2"]
    assert rows(page) == told(of.words["llm.2"]["logit"], 2)
    assert f"llm.2 {figure(float(of.layers.norms[1, 2]))}" in texts(page, "#norms-legend b")
    page.keyboard.press("]")
    assert texts(page, "#path [aria-pressed=true]") == ["llm.2"]
    page.get_by_role("button", name="vision.1").click()
    norm = float(of.reading.grid_norms[0].patches[1, 2])
    assert f"vision.1 {figure(norm)}" in texts(page, "#norms-legend b")
    assert place(page) == "row 0 · column 2 · patch 2"
    # where there are no words, the largest norms, to be gone to
    assert "vision.1 has no words" in page.locator("#words").inner_text()
    largest = int(of.reading.grid_norms[0].patches[1].argmax())
    page.locator("#words .word").first.click()
    assert place(page) == f"row {largest // 4} · column {largest % 4} · patch {largest}"
    page.locator("#chart g").first.click()
    assert texts(page, "#path [aria-pressed=true]") == ["vision.0"]
    for _ in range(3):
        page.keyboard.press("]")
    assert rows(page) == told(of.words["tokens"]["l2"], largest)


def test_find_lights_up_the_patches_by_rank_and_steps_through_them(opened: Opened) -> None:
    of = glance(made.reading(3, 4), entry=0)
    words = of.words["tokens"]["l2"]
    ranks = {entry: [id_ for id_, _ in words.at(entry)].index(7) for entry in range(12) if 7 in dict(words.at(entry))}
    best = sorted(ranks, key=lambda entry: (ranks[entry], -dict(words.at(entry))[7]))
    assert 1 < len(best) < 12
    page = opened(document(of))
    page.keyboard.press("/")
    page.keyboard.type("[RED]")
    lit = page.locator(".cell.hit")
    assert lit.evaluate_all("all => all.map(one => Number(one.id.slice(6)))") == sorted(best)
    assert texts(page, ".cell.hit sup") == [str(ranks[entry] + 1) for entry in sorted(best)]
    first = sum(rank == 0 for rank in ranks.values())
    assert page.locator("#found").inner_text().startswith(f"{len(best)} of 12 tokens, first in {first}")
    page.keyboard.press("Enter")
    for entry in best[1:]:
        page.keyboard.press("n")
        assert place(page).endswith(f"token {entry}")
    page.keyboard.press("n")
    assert place(page).endswith(f"token {best[0]}")
    page.keyboard.press("N")
    assert place(page).endswith(f"token {best[-1]}")
    page.keyboard.press("Escape")
    assert lit.count() == 0
    assert page.locator("#sought").input_value() == ""


def test_a_word_that_is_clicked_is_looked_for_and_one_that_is_nowhere_said(opened: Opened) -> None:
    page = opened(document(glance(made.reading(3, 4), pieces=["▁sky", "▁skin", "▁blue", "▁sea", "ing"], entry=0)))
    page.get_by_role("button", name="sky").click()
    assert page.locator(".cell.hit").count() == 12
    page.locator("#sought").fill("sk")
    assert "words that begin with it" in page.locator("#found").inner_text()
    page.locator("#sought").fill("zebra")
    assert page.locator("#found").inner_text() == "no patch here has zebra among its 5 words"
    assert page.locator(".cell.hit").count() == 0


def test_hostile_words_and_names_are_shown_and_do_nothing(opened: Opened) -> None:
    reading = made.reading(3, 4, image=ImageInfo(glances.HOSTILE[0], "ab" * 32, 640, 427))
    of = glance(reading, k=9, pieces=[*glances.HOSTILE], entry=0)
    page = opened(document(of))
    assert page.title().startswith(glances.HOSTILE[0])
    assert page.locator("h1 bdi").inner_text() == glances.HOSTILE[0]
    assert [word for word, _, _ in rows(page)] == [word for word, _, _ in told(of.words["tokens"]["l2"], 0)]
    for word in ("<script>", "<img", "{{"):
        page.locator("#sought").fill(word)
        assert page.locator(".cell.hit").count() == 12
    page.locator("summary").click()
    assert page.locator("img").count() == 1
    assert page.locator("script").count() == 2
    assert page.locator("tbody tr").count() == 12


def test_tiles_are_walked_one_after_the_other_over_what_was_cut_away(opened: Opened) -> None:
    page = opened(document(glance(glances.tiled(), entry=0)))
    assert texts(page, "#views button") == ["whole view", "tile 1 of 2", "tile 2 of 2", "2 newline tokens"]
    page.keyboard.press("t")
    assert place(page).startswith("tile 1 of 2 · row 0 · column 1")
    page.keyboard.press("t")
    assert page.locator(".cell.hole").count() == 3
    page.keyboard.press("End")
    assert place(page).startswith("tile 2 of 2 · row 0 · column 1")
    # the tile's part of the picture fills the frame
    frame, picture = (page.locator(name).bounding_box() for name in ("#frame", "#picture"))
    assert picture["width"] == pytest.approx(2 * frame["width"], rel=0.01)
    assert picture["x"] == pytest.approx(frame["x"] - frame["width"], abs=2)
    page.keyboard.press("t")
    assert "newline token" in place(page)
    assert "holds nothing of the picture" in page.locator("#patch-facts").inner_text()
    page.keyboard.press("T")
    page.keyboard.press("T")
    page.keyboard.press("T")
    assert place(page).startswith("whole view")


def test_a_hit_on_another_tile_is_gone_to(opened: Opened) -> None:
    reading = glances.tiled()
    of = glance(reading, k=2, entry=0)
    page = opened(document(of))
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
    of = glance(glances.queries(), entry=0)
    page = opened(document(of))
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
    of = glance(glances.without_tokens(), stage="vision.2", entry=1)
    page = opened(document(of))
    assert "Its language model reads pictures by cross-attention." in page.locator("#words").inner_text()
    assert place(page) == "row 0 · column 1 · patch 1"
    page.keyboard.press("]")
    assert texts(page, "#path [aria-pressed=true]") == ["tokens"]
    assert page.locator(".cell").count() == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    page.keyboard.press("[")
    assert page.locator(".cell").count() == 12


def test_a_tower_alone(opened: Opened) -> None:
    of = made.reading(3, 4)
    model = msgspec.structs.replace(
        of.model, embeddings=None, llm_layers=0, feeds=None, wordless="a vision tower alone"
    )
    nothing = np.zeros(0, np.float32)
    of = msgspec.structs.replace(of, model=model, places=(), norms=nothing, percentiles=nothing)
    page = opened(document(glance(of, stage="vision.2", entry=3)))
    assert texts(page, "#path button") == ["0", "1", "vision.2"]
    assert "A vision tower alone." in page.locator("#words").inner_text()
    assert not page.locator("#find").is_visible()
    page.keyboard.press("[")
    assert f"vision.1 {figure(float(of.grid_norms[0].patches[1, 3]))}" in texts(page, "#norms-legend b")


def test_padding_can_be_walked_and_is_said(opened: Opened) -> None:
    page = opened(document(glance(glances.padded(), entry=8)))
    assert "50% of it, the rest is picture" in texts(page, "#patch-facts dd")
    page.keyboard.press("ArrowDown")
    assert texts(page, "#patch-facts dd")[0] == "nothing: it lies in the padding"
    frame, picture = (page.locator(name).bounding_box() for name in ("#frame", "#picture"))
    assert picture["height"] == pytest.approx(frame["height"] / 2, rel=0.01)


@pytest.mark.parametrize(("width", "height"), [(7, 3000), (3000, 7), (1, 1)])
def test_thin_pictures_have_patches_wide_enough_to_point_at(opened: Opened, width: int, height: int) -> None:
    reading = made.reading(3, 4, image=ImageInfo("thin.png", "ab" * 32, width, height))
    wide, tall = width / 4, height / 3
    corners = [(p.col * wide, p.row * tall, (p.col + 1) * wide, (p.row + 1) * tall) for p in reading.places]
    places = tuple(replace(place, box=box) for place, box in zip(reading.places, corners, strict=True))
    reading = msgspec.structs.replace(reading, places=places, patch_places=places)
    page = opened(document(glance(reading, entry=5)))
    cell = page.locator("#entry-5").bounding_box()
    assert min(cell["width"], cell["height"]) > 20
    assert texts(page, "#patch-facts dd")[0] == box_text(places[5].box)


def test_on_paper_the_picture_with_its_words_and_a_table(opened: Opened) -> None:
    of = glance(made.reading(3, 4))
    page = opened(document(of))
    assert page.pdf()[:5] == b"%PDF-"
    assert page.locator("tbody tr").count() == 12
    assert not page.locator("details").evaluate("it => it.open")
    page.emulate_media(media="print")
    assert page.locator("#entry-0 bdi").is_visible()
    assert not page.locator("#right").is_visible()
    assert not page.locator("#theme").is_visible()
    cells = page.locator("tbody tr").nth(7).locator("th, td").all_text_contents()
    assert cells[:3] == ["1, 3", box_text(of.reading.places[7].box), figure(float(of.reading.norms[7]))]
    assert cells[3:] == [f"{word} {score}" for word, score, _ in told(of.words["tokens"]["l2"], 7)]


def test_a_phone_is_wide_enough(opened: Opened) -> None:
    size = {"width": 360, "height": 740}
    page = opened(document(glance(glances.tiled(), entry=0)), viewport=size, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#entry-4").tap()
    assert place(page).endswith("token 4")


def ground(page: Any) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def test_light_and_dark_as_the_reader_has_it_or_chooses(opened: Opened) -> None:
    text = document(glance(made.reading()))
    dark, light = "rgb(13, 17, 23)", "rgb(251, 250, 247)"
    for scheme, first, second in (("dark", dark, light), ("light", light, dark)):
        page = opened(text, color_scheme=scheme)
        assert ground(page) == first
        page.keyboard.press("d")
        assert ground(page) == second
        page.locator("#theme").click()
        assert ground(page) == first


def test_overlays_zoom_and_help(opened: Opened) -> None:
    page = opened(document(glance(made.reading(3, 4))))
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
    of = glance(made.reading(3, 4), entry=5)
    page = opened(document(of))
    page.keyboard.press("ArrowRight")
    grid = page.get_by_role("grid")
    assert grid.evaluate("it => it === document.activeElement")
    active = page.locator(f"#{grid.get_attribute('aria-activedescendant')}")
    words = ", ".join(word for word, _, _ in told(of.words["tokens"]["l2"], 6))
    said = f"row 1 column 2, {words}; norm {figure(float(of.reading.norms[6]))}"
    assert active.get_attribute("aria-label") == said
    page.keyboard.press("m")
    assert page.locator("#said").inner_text() == "tokens, cosine"
    unnamed = "all => all.filter(one => !(one.textContent.trim() || one.getAttribute('aria-label'))).length"
    assert page.locator("button, input").evaluate_all(unnamed) == 0


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

    assert written("figure(x)", some) == [figure(x) for x in some]
    assert written("figure(x, 3)", some) == [figure(x, 3) for x in some]
    shares = [*rng.uniform(0, 100, 500).tolist(), 0.0, 100.0, 0.04, 99.96, 0.5, 12.5, 99.5, 13.5, 0.25]
    assert written("percent(x)", shares) == [percent(x) for x in shares]
    corners = [(0.25, 0.35, 229.25, 61.0), (1 / 3, 0.05, 1000.75, 2.5)]
    assert written("boxText(x)", corners) == [box_text(one) for one in corners]


def test_in_a_frame_of_a_notebook_it_keeps_to_itself(opened: Opened) -> None:
    of = glance(made.reading(3, 4), entry=0)
    size = "width: 900px; height: 700px"
    frame = f'<iframe srcdoc="{html.escape(document(of))}" sandbox="allow-scripts" style="{size}"></iframe>'
    page = opened(f"<!doctype html><link rel=icon href=data:,><input id=cell autofocus>{frame}")
    inside = page.frame_locator("iframe")
    inside.locator("#words .word").first.wait_for()
    assert page.evaluate("document.activeElement.id") == "cell"
    inside.locator("#entry-6").click()
    page.keyboard.press("ArrowRight")
    assert inside.locator("#patch-about").inner_text().endswith("token 7")
    assert page.evaluate("document.styleSheets.length") == 0
