"""A page in a real browser, walked by keyboard and by mouse."""

from __future__ import annotations

import os

import msgspec
import numpy as np
import pytest

from tests.reports import made_reports
from tests.reports.page import contents
from tests.reports.page.chromium import Opened, place, rows, texts, told
from tests.reports.page.contents import glance
from vlmtui.display.norm_statistics import THRESHOLD, outlier_text, robust_z
from vlmtui.display.numbers import box as box_text
from vlmtui.display.numbers import format_number, part_of, percent
from vlmtui.lenses.folded_token_words import fold_token_words
from vlmtui.reading import ImageInfo, LayerNorms, Reading
from vlmtui.reports.page.content import PageContent
from vlmtui.reports.page.document import page_document
from vlmtui.results.noise_baseline import NoiseBaseline, NoiseScores


def test_arrows_show_the_words_norm_and_box_of_every_patch(opened: Opened) -> None:
    of = glance(made_reports.reading(3, 4))
    page = opened(page_document(of))
    page.keyboard.press("Control+Home")
    words = of.words["tokens"]["l2"]
    for row in range(3):
        way = "ArrowRight" if row % 2 == 0 else "ArrowLeft"
        for step in range(4):
            entry = 4 * row + (step if row % 2 == 0 else 3 - step)
            assert place(page) == f"row {row} · column {entry % 4} · token {entry}"
            assert rows(page) == told(words, entry)
            assert f"tokens {format_number(float(of.reading.norms[entry]))}" in texts(page, "#norms-legend b")
            assert texts(page, "#patch-facts dd")[0] == box_text(of.reading.places[entry].box)
            larger = part_of(float(of.reading.percentiles[entry]), "word norms")
            assert f"larger than {larger}" in page.locator("#summary").inner_text()
            page.keyboard.press(way if step < 3 else "ArrowDown")
    page.keyboard.press("ArrowDown")  # there is no further row
    assert place(page) == "row 2 · column 3 · token 11"


def test_home_and_end(opened: Opened) -> None:
    page = opened(page_document(glance(made_reports.reading(3, 4), entry=5)))
    ways = {"End": 7, "Home": 4, "PageDown": 8, "PageUp": 0, "Control+End": 11, "k": 7, "h": 6, "j": 10, "l": 11}
    for key, where in ways.items():
        page.keyboard.press(key)
        assert place(page) == f"row {where // 4} · column {where % 4} · token {where}", key


def test_pointing_shows_and_a_click_moves(opened: Opened) -> None:
    of = glance(made_reports.reading(3, 4), entry=0)
    page = opened(page_document(of))
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
    of = glance(made_reports.reading(3, 4), entry=3)
    page = opened(page_document(of))
    for name in ("cosine", "omp", "l2"):
        page.keyboard.press("m")
        assert texts(page, "#metrics [aria-pressed=true]") == [name]
        assert rows(page) == told(of.words["tokens"][name], 3)
    page.get_by_role("button", name="omp").click()
    explained = of.words["tokens"]["omp"].explained
    assert explained is not None
    assert texts(page, "#words li:not(.heads) .share") == [percent(100 * float(share)) for share in explained[3]]
    assert rows(page) == told(of.words["tokens"]["omp"], 3)
    assert "times as long as words" not in page.locator("#summary").inner_text()
    page.keyboard.press("M")
    assert texts(page, "#metrics [aria-pressed=true]") == ["cosine"]


@pytest.mark.parametrize("norms", [(1.0, 10.9), (25.0, 9.1)], ids=["below", "above"])
def test_the_outlier_farthest_from_the_median_is_told(opened: Opened, norms: tuple[float, float]) -> None:
    reading = made_reports.reading(4, 5)
    patches = reading.grid_norms[0].patches
    patches[1:] = np.linspace(9.8, 10.2, 20)
    patches[1, 6], patches[2, 6] = norms
    page = opened(page_document(glance(reading, entry=6)))
    z = robust_z(patches[1])[6]
    assert abs(z) > abs(robust_z(patches[2])[6]) > THRESHOLD
    said = outlier_text(norms[0], float(np.median(patches[1])), float(z))
    assert texts(page, "#norms-legend .flag") == [f"{'▼' if z < 0 else '▲'} outlier at vision 1–2: {said} at vision.1"]


def test_hub_words_are_marked(opened: Opened) -> None:
    of = glance(made_reports.reading(4, 5), ("cosine",), k=2, entry=0)
    cosine = of.words["tokens"]["cosine"]
    ids = np.stack([np.full(20, 3), np.arange(4, 24)], axis=1)
    ids[:9, 0] = 0  # 3 is in 11 of 20 lists
    pieces: dict[int, str | None] = {id_: f"w{id_}" for id_ in range(24)}
    of.words["tokens"]["cosine"] = msgspec.structs.replace(cosine, ids=ids, pieces=pieces, texts=pieces)
    page = opened(page_document(of))
    assert texts(page, "#words .hub") == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert texts(page, "#words li:has(.hub) bdi") == ["‿w3"]
    assert page.locator("#words .hub").get_attribute("title") == "in the lists of 55% of all tokens"


def test_a_metric_that_orders_by_the_length_of_words_is_told(opened: Opened) -> None:
    of = msgspec.structs.replace(made_reports.reading(1, 2), word_norm=0.1)
    assert (of.length_ratio or 0) > 2
    page = opened(page_document(glance(of, ("l2", "cosine"), entry=0)))
    assert "times as long as words: l2 orders" in page.locator("#summary").inner_text()
    page.keyboard.press("m")
    assert "times as long as words" not in page.locator("#summary").inner_text()


def test_bars_of_words_begin_where_noise_ends(opened: Opened) -> None:
    of = glance(made_reports.reading(1, 2), ("cosine", "omp"), entry=0)
    shares = np.array([[0.5], [0.9]])  # explained by omp; that of the first token within noise
    cosine, omp = of.words["tokens"].values()
    cosine = msgspec.structs.replace(cosine, scores=np.array([[0.9, 0.8, 0.5, 0.3, 0.1], [0.4, 0.3, 0.2, 0.1, 0.0]]))
    of.words["tokens"]["cosine"] = cosine
    of.words["tokens"]["omp"] = msgspec.structs.replace(omp, explained=np.repeat(shares, 5, axis=1))
    for metric, end in (("cosine", 0.5), ("omp", 0.7)):
        noise = NoiseScores(scores=np.full(20, end), margins=np.zeros(0), firsts={})
        baseline = NoiseBaseline(stage="tokens", metric=metric, k=5, all_tokens=False, shuffled=noise, random=noise)
        of.noise.setdefault("tokens", {})[metric] = baseline
    page = opened(page_document(of))

    def bars() -> list[float]:
        styles = page.eval_on_selector_all("#words li:not(.heads) .bar i", "all => all.map(one => one.style.width)")
        return [float(style.removesuffix("%")) for style in styles]

    assert texts(page, "#words .heads .bar") == ["above noise"]
    assert bars() == pytest.approx([100, 75, 0, 0, 0])
    page.keyboard.press("ArrowRight")
    assert bars() == [0] * 5
    page.keyboard.press("m")
    sizes = np.abs(omp.scores[1])
    assert bars() == pytest.approx((100 * sizes / sizes.max()).tolist(), abs=1e-3)
    page.keyboard.press("ArrowLeft")
    assert bars() == [0] * 5


def test_metrics_agree_on_a_word_in_whatever_spelling(opened: Opened) -> None:
    pieces: list[str | None] = ["▁sky", "▁Sky", None, None]
    of = glance(made_reports.reading(1, 3), pieces=pieces, k=1, entry=0)
    # by l2, cosine and omp: spellings of one word, rows without a token, another word
    for order, first in zip(of.words["tokens"], ([0, 2, 0], [1, 3, 0], [0, 2, 2]), strict=True):
        words = msgspec.structs.replace(
            of.words["tokens"][order],
            ids=np.array(first)[:, None],
            pieces=dict(enumerate(pieces)),
            texts={i: piece and piece.replace("▁", " ") for i, piece in enumerate(pieces)},
        )
        of.words["tokens"][order] = words
        if order != "omp":
            of.folded.setdefault("tokens", {})[order], _ = fold_token_words(words, 1)
    page = opened(page_document(of))
    for agreeing in ("3 of 3", "2 of 3", "2 of 3"):
        assert f"top-1 for {agreeing} metrics" in page.locator("#summary").inner_text()
        page.keyboard.press("ArrowRight")


def with_layers(reading: Reading) -> PageContent:
    """A glance that has the words of one layer of the language model."""
    of = glance(reading)
    norms = np.random.default_rng(5).uniform(10, 30, (2, len(reading.places))).astype(np.float32)
    logits = msgspec.structs.replace(made_reports.words(reading, 5, seed=9), metric="logit")
    shown = of.words | {"llm.2": {"logit": logits}}
    return PageContent(
        of.query, of.rgb, reading, "tokens", shown, LayerNorms(reading="r1", norms=norms, positions=30), 2
    )


def test_stages_are_switched_by_key_by_button_and_at_the_chart(opened: Opened) -> None:
    of = with_layers(made_reports.reading(3, 4))
    page = opened(page_document(of))
    assert of.layers is not None
    page.keyboard.press("]")
    assert texts(page, "#path [aria-pressed=true]") == ["llm.2"]
    assert rows(page) == told(of.words["llm.2"]["logit"], 2)
    assert f"llm.2 {format_number(float(of.layers.norms[1, 2]))}" in texts(page, "#norms-legend b")
    page.keyboard.press("]")
    assert texts(page, "#path [aria-pressed=true]") == ["llm.2"]
    page.get_by_role("button", name="vision.1").click()
    norm = float(of.reading.grid_norms[0].patches[1, 2])
    assert f"vision.1 {format_number(norm)}" in texts(page, "#norms-legend b")
    assert place(page) == "row 0 · column 2 · patch 2"
    # where there are no words, the largest norms, to be gone to
    assert "Vision-layer states are not" in page.locator("#words").inner_text()
    assert page.locator("#legend").inner_text().startswith("norm vision.1")
    largest = int(of.reading.grid_norms[0].patches[1].argmax())
    page.locator("#words .word").first.click()
    assert place(page) == f"row {largest // 4} · column {largest % 4} · patch {largest}"
    page.locator("#chart g").first.click()
    assert texts(page, "#path [aria-pressed=true]") == ["vision.0"]
    for _ in range(3):
        page.keyboard.press("]")
    assert rows(page) == told(of.words["tokens"]["l2"], largest)


def test_find_lights_up_the_patches_by_rank_and_steps_through_them(opened: Opened) -> None:
    of = glance(made_reports.reading(3, 4), entry=0)
    words = of.words["tokens"]["l2"]
    ranks = {entry: [id_ for id_, _ in words.at(entry)].index(7) for entry in range(12) if 7 in dict(words.at(entry))}
    best = sorted(ranks, key=lambda entry: (ranks[entry], -dict(words.at(entry))[7]))
    assert 1 < len(best) < 12
    page = opened(page_document(of))
    page.keyboard.press("/")
    page.keyboard.type("[RED]")
    lit = page.locator(".cell.hit")
    assert lit.evaluate_all("all => all.map(one => Number(one.id.slice(6)))") == sorted(best)
    assert texts(page, ".cell.hit sup") == [str(ranks[entry] + 1) for entry in sorted(best)]
    first = sum(rank == 0 for rank in ranks.values())
    assert page.locator("#found").inner_text().startswith(f"{len(best)} of 12 tokens, top-1 in {first}")
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
    page = opened(
        page_document(glance(made_reports.reading(3, 4), pieces=["▁sky", "▁skin", "▁blue", "▁sea", "ing"], entry=0))
    )
    page.get_by_role("button", name="sky").click()
    assert page.locator(".cell.hit").count() == 12
    page.locator("#sought").fill("sk")
    assert "words that begin with it" in page.locator("#found").inner_text()
    page.locator("#sought").fill("zebra")
    assert page.locator("#found").inner_text() == "no patch here has zebra in its top 5"
    assert page.locator(".cell.hit").count() == 0


def test_hostile_words_and_names_are_shown_and_do_nothing(opened: Opened) -> None:
    reading = made_reports.reading(3, 4, image=ImageInfo(contents.HOSTILE[0], "ab" * 32, 640, 427))
    of = glance(reading, k=9, pieces=[*contents.HOSTILE], entry=0)
    page = opened(page_document(of))
    name = os.path.basename(contents.HOSTILE[0])
    assert page.title().startswith(name)
    assert page.locator("h1 bdi").inner_text() == name
    assert [word for word, _, _ in rows(page)] == [word for word, _, _ in told(of.words["tokens"]["l2"], 0)]
    for word in ("<script>", "<img", "{{"):
        page.locator("#sought").fill(word)
        assert page.locator(".cell.hit").count() == 12
    page.locator("summary").click()
    # the table is made once it is opened
    page.locator("tbody tr").nth(11).wait_for()
    assert page.locator("tbody tr").count() == 12
    assert page.locator("img").count() == 1
    assert page.locator("script").count() == 2
