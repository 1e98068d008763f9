"""Segments over the image: drawing, labels, legend, stepping and clicks."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot

from tests.display.test_word_segments import widest_run
from tests.tui import readings
from tests.tui.fake import app
from tests.tui.screens.test_explorer import at, explorer, text
from vlmtui.display.numbers import percent
from vlmtui.display.pieces import width
from vlmtui.display.word_segments import middle, word_segments
from vlmtui.metrics import DEFAULT_METRIC, METRICS
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.tui.actions.key_table import bar_keys
from vlmtui.tui.actions.situation import Situation
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.terminal.theme import DARK
from vlmtui.tui.widgets.image_side import ImageSide
from vlmtui.tui.widgets.image_view import ImageView
from vlmtui.tui.widgets.legend_bar import LegendBar

RECORDED: dict[str, Any] = json.loads(
    gzip.decompress((Path(__file__).parents[2] / "data" / "recorded_words.json.gz").read_bytes())
)
"""Lists of LLaVA-1.6-Vicuna-7B, from the static pages of pifanpi/visualizing-vlm-tokens (MIT licence)."""
SIZE = (120, 40)
SIDE = 24
WORDS = [
    ["sky"] * 24 if row < 8 else ["roof"] * 10 + ["mountain"] * 14 if row < 16 else ["grass"] * 12 + ["sky"] * 12
    for row in range(SIDE)
]
WORDS[4][4], WORDS[4][5], WORDS[20][3] = "bird", "bird", "cow"
LISTS = [[word, "blue"] for line in WORDS for word in line]


def opened(**options: object) -> VlmtuiApp:
    made = readings.reading(SIDE, SIDE, 96, 64)
    return app((SIDE, SIDE), made=made, lists=LISTS, **options)  # type: ignore[arg-type]


def image_lines(tui: VlmtuiApp) -> list[str]:
    """The text over the image, line by line."""
    strips = list(tui.screen_stack[1].query("ImageStrip"))
    lines = max(strip.size.height for strip in strips)
    return ["".join(strip.render_line(y).text for strip in strips) for y in range(lines)]


def cursor_colours(tui: VlmtuiApp) -> set[str]:
    """The colours that letters of labels have under the cursor, and cells of it elsewhere."""
    view = tui.screen_stack[1].query_one(ImageView)
    cells = [segment for y in range(view.size.height) for _, segment in view.cursor_cells(y)]
    found = set()
    for segment in cells:
        assert segment.style is not None
        colour = segment.style.bgcolor if segment.text.isalpha() else segment.style.color
        assert colour is not None
        found.add(colour.name)
    return found


def bar_texts(pilot: Pilot[int]) -> list[str]:
    """All that the key bar would say, had it the room."""
    state = explorer(pilot).state
    return [" ".join(one) for one in bar_keys(Situation(state.results, state.selection))]


async def chosen(pilot: Pilot[int], overlay: str = "segments", top_1: bool = True) -> None:
    """The overlay, of segments those of the top-1."""
    await pilot.pause()
    explorer(pilot).action_choose_overlay(overlay)
    if top_1 and overlay == "segments":
        await pilot.press("m")
    await pilot.pause()
    await pilot.pause()


async def test_large_segments_are_labelled_and_the_legend_counts_their_words() -> None:
    tui = opened()
    async with tui.run_test(size=SIZE) as pilot:
        await chosen(pilot)
        shown = " ".join(image_lines(tui))
        assert {word: shown.count(word) for word in ("sky", "roof", "mountain", "grass", "bird", "cow")} == {
            "sky": 2,
            "roof": 1,
            "mountain": 1,
            "grass": 1,
            "bird": 0,
            "cow": 0,
        }
        legend = text(tui, "#legend")
        for word in ("sky", "roof", "mountain", "grass"):
            assert f"{word}: {sum(line.count(word) for line in WORDS)}" in legend
        assert "segments: top-1 of each patch, cosine" in legend
        assert "other patches: 0.5%" in legend
        assert "bird" not in legend
        # under the cursor, where it has no colour
        explorer(pilot).state.selection = replace(explorer(pilot).state.selection, row=4, col=5)
        explorer(pilot).bring_up_to_date()
        await pilot.pause()
        assert "other patches: 0.5% (here: bird)" in text(tui, "#legend")


async def test_a_word_has_one_colour_and_the_image_is_seen_through_it() -> None:
    tui = opened()
    async with tui.run_test(size=SIZE) as pilot:
        await chosen(pilot, "none")
        drawn = explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        bare = drawn.inner.astype(int)
        await chosen(pilot)
        drawn = explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        laid = drawn.inner.astype(int)
        rows, cols = laid.shape[0] // SIDE, laid.shape[1] // SIDE
        patches = {
            word: np.concatenate(
                [
                    laid[r * rows : (r + 1) * rows, c * cols : (c + 1) * cols].reshape(-1, 3)
                    for r in range(SIDE)
                    for c in range(SIDE)
                    if WORDS[r][c] == word
                ]
            )
            for word in ("sky", "roof", "mountain", "grass")
        }
        for word, pixels in patches.items():
            # a word's colour less its grey is the same everywhere: what differs is the image's brightness
            hues = pixels - pixels.min(axis=1, keepdims=True)
            assert np.ptp(hues, axis=0).max() <= 1, word
        assert len(np.unique(patches["sky"], axis=0)) > 3
        assert len(np.unique(bare.reshape(-1, 3), axis=0)) > 3


async def test_n_steps_through_segments_in_the_order_of_the_legend() -> None:
    tui = opened()
    found = word_segments(WORDS)
    # of the word with most patches first, of each the largest first: none of them is small
    ordered = [(word, one) for word in found.counts for one in found.segments if one.word == word]
    order = [middle(one) for _, one in ordered]
    async with tui.run_test(size=SIZE) as pilot:
        await chosen(pilot)
        gone = []
        for key in (*["n"] * len(order), "n", "N", "N"):
            await pilot.press(key)
            gone.append(at(pilot))
            # the cursor hides no letter, and no letter the cursor
            assert cursor_colours(tui) == {DARK.accent}
            shown = " ".join(image_lines(tui))
            assert [shown.count(word) for word in ("sky", "roof", "mountain", "grass")] == [2, 1, 1, 1]
        assert gone == [*order, order[0], order[-1], order[-2]]
        assert [found.at(cell).word for cell in gone[: len(order)]] == [word for word, _ in ordered]  # type: ignore[union-attr]


async def test_one_word_is_chosen_by_enter_stepped_through_and_let_go() -> None:
    tui = opened()
    own = [middle(one) for one in word_segments(WORDS).segments if one.word == "sky"]
    async with tui.run_test(size=SIZE) as pilot:
        await chosen(pilot)
        side = explorer(pilot).query_one(ImageSide)
        all_of_them = side._drawn
        await pilot.press("g", *"1,1", "enter")
        assert "Enter this word" in " ".join(bar_texts(pilot))
        await pilot.press("enter")
        await pilot.pause()
        assert side._drawn is not None
        assert set(side._drawn.colours) == {label.text.strip() for label in side._drawn.labels} == {"sky"}
        skies = sum(line.count("sky") for line in WORDS)
        assert "one word (Esc for all)" in text(tui, "#legend")
        assert f"█ sky: {skies} of 576 patches" in text(tui, "#legend")
        assert f"other patches: {percent(100 * (1 - skies / SIDE**2))}" in text(tui, "#legend")
        assert "Enter all words" in " ".join(bar_texts(pilot))
        gone = []
        for key in ("n", "n", "n", "N"):
            await pilot.press(key)
            gone.append(at(pilot))
        assert gone == [own[0], own[1], own[0], own[1]]
        await pilot.press("escape")
        await pilot.pause()
        assert all_of_them is not None
        assert np.array_equal(side._drawn.pixels, all_of_them.pixels)
        assert explorer(pilot).state.selection.word == ""
        # a word that is too rare for a colour gets one
        await pilot.press("g", *"20,3", "enter", "enter")
        assert set(side._drawn.colours) == {"cow"}
        await pilot.press("enter")
        assert set(side._drawn.colours) == set(all_of_them.colours)


async def test_a_click_on_a_label_or_a_word_of_the_legend_goes_to_the_segment() -> None:
    tui = opened()
    found = word_segments(WORDS)
    skies = [middle(one) for one in found.segments if one.word == "sky"]
    (mountain,) = [middle(one) for one in found.segments if one.word == "mountain"]
    async with tui.run_test(size=SIZE) as pilot:
        await chosen(pilot)
        view = explorer(pilot).query_one(ImageView)
        label = next(one for one in view._labels if one.text.strip() == "mountain")
        view.point(label.x, label.y)
        await pilot.pause()
        assert at(pilot) == mountain
        bar = explorer(pilot).query_one(LegendBar)
        spots = {one.word: one for one in bar._spots}
        assert (
            text(tui, "#legend")
            .split("\n")[spots["sky"].y][spots["sky"].start : spots["sky"].end]
            .endswith(f"sky: {sum(line.count('sky') for line in WORDS)} of 576 patches")
        )
        gone = []
        for _ in range(3):
            spot = {one.word: one for one in bar._spots}["sky"]
            await pilot.click("#legend", offset=(spot.start + 2, spot.y))
            await pilot.pause()
            gone.append(at(pilot))
        assert gone == [skies[0], skies[1], skies[0]]


async def test_words_that_have_not_all_come_are_counted_and_no_segment_is_drawn() -> None:
    tui = opened()
    async with tui.run_test(size=SIZE) as pilot:
        await pilot.pause()
        results, selection = explorer(pilot).state.results, explorer(pilot).state.selection
        table = results.word_table(selection)
        assert table is not None
        for token in range(100):
            table.rows.pop(token)
        explorer(pilot).state.connected = False  # so that they are not asked for again
        await chosen(pilot)
        assert "segments: top-1 of each patch, cosine: 476 of 576 patches ..." in text(tui, "#legend")
        await pilot.press("n")
        assert explorer(pilot).query_one(ImageView)._labels == ()


@pytest.mark.parametrize(("size", "drawn"), [((80, 24), "segments"), (SIZE, "segments"), ((240, 64), "words")])
async def test_words_give_way_to_segments_where_patches_are_narrow(size: tuple[int, int], drawn: str) -> None:
    tui = opened()
    async with tui.run_test(size=size) as pilot:
        await chosen(pilot, "words")
        view = explorer(pilot).query_one(ImageView)
        assert view._layout is not None
        assert (view._layout.wide < 4) == (drawn == "segments")
        said = {"words": "top-1 of each patch, cosine", "segments": "as segments: top-1, cosine"}
        assert said[drawn] in text(tui, "#legend")
        shown = " ".join(image_lines(tui))
        assert (shown.count("sky") > 100) == (drawn == "words")
        # and n steps through them in both
        await pilot.press("n")
        assert at(pilot) == middle(word_segments(WORDS).segments[0])


async def test_spellings_of_a_word_are_one_segment_in_one_colour_until_they_are_unfolded() -> None:
    lists = [[word.title() if number % 3 == 0 else word, "blue"] for number, (word, _) in enumerate(LISTS)]
    tui = app((SIDE, SIDE), made=readings.reading(SIDE, SIDE, 96, 64), lists=lists)
    async with tui.run_test(size=(240, 64)) as pilot:
        await chosen(pilot)
        for word in ("sky", "roof", "mountain", "grass"):
            assert f"{word}: {sum(line.count(word) for line in WORDS)}" in text(tui, "#legend")
        await chosen(pilot, "words")
        drawn = explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        # each patch in the spelling that its own list has
        assert drawn.words == tuple(tuple(line[0] for line in lists[r * SIDE : (r + 1) * SIDE]) for r in range(SIDE))
        assert drawn.colours["Sky"] == drawn.colours["sky"] != drawn.colours["roof"]
        await pilot.press("F")
        await chosen(pilot, top_1=False)
        spelled = Counter(word for word, _ in lists)
        for word in ("sky", "Sky", "roof", "Roof"):
            assert f"{word}: {spelled[word]}" in text(tui, "#legend")


@pytest.mark.parametrize("name", sorted(RECORDED["images"]))
@pytest.mark.parametrize("theme", ["vlmtui-dark", "vlmtui-light"])
async def test_words_of_a_real_model_are_read_as_segments(name: str, theme: str) -> None:
    image = RECORDED["images"][name]
    lists = [[RECORDED["words"][i] for i in listed] for listed in image["tokens"]]
    made = readings.reading(image["rows"], image["cols"], 96, 64)
    tui = app((image["rows"], image["cols"]), made=made, lists=lists)
    async with tui.run_test(size=SIZE) as pilot:
        tui.theme = theme
        await chosen(pilot, top_1=False)
        assert re.search(r"neighbours' vote\)?, cosine", text(tui, "#legend"))
        drawn = explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        assert drawn.segments is not None
        large = [one for one in drawn.segments.segments if len(one.cells) >= 8]
        assert len(large) >= 20
        assert sum(len(one.cells) for one in large) >= 0.6 * image["rows"] * image["cols"]
        held = [one for one in large if width(one.word) <= widest_run(one, drawn.layout)]
        lines = image_lines(tui)
        for one in held:
            (label,) = [label for label in drawn.labels if label.cell == middle(one)]
            # what stands there, without what has no width
            shown = lines[label.y]
            start = next(i for i in range(len(shown) + 1) if width(shown[:i]) >= label.x)
            assert shown[start:].startswith("".join(c for c in label.text if width(c))), one.word
        assert len(held) > len(large) / 2


async def test_the_legend_says_how_many_patches_have_their_word_in_their_own_list() -> None:
    # the second half of the roof names something else
    lists = [[word if i % 2 or word != "roof" else "tile", "blue"] for i, (word, _) in enumerate(LISTS)]
    tui = app((SIDE, SIDE), made=readings.reading(SIDE, SIDE, 96, 64), lists=lists)
    async with tui.run_test(size=(200, 50)) as pilot:
        await chosen(pilot, top_1=False)
        drawn = explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        assert drawn.segments is not None
        there = [(segment.word, row * SIDE + col) for segment in drawn.segments.segments for row, col in segment.cells]
        own = sum(word in lists[entry] for word, entry in there if word)
        share = percent(100 * own / sum(bool(word) for word, _ in there))
        assert f" · {share} of these patches have their word in their own list" in text(tui, "#legend")


def named(tui: VlmtuiApp) -> str:
    """What the legend says that the words are, in brief."""
    first = re.split("  | ·", text(tui, "#legend"))[0].strip()
    return re.sub(r"local-words \((.*)\)", r"\1", first.removeprefix("segments: "))


async def test_m_goes_from_local_words_through_the_metrics_and_back() -> None:
    tui = opened()
    async with tui.run_test(size=SIZE) as pilot:
        await chosen(pilot, top_1=False)
        assert "segments: local-words (neighbours' vote), cosine" in text(tui, "#legend")
        gone = []
        for _ in range(len(METRICS) + 1):
            await pilot.press("m")
            await pilot.pause()
            gone.append(named(tui))
        assert gone == [
            *(f"top-1 of each patch, {metric}" for metric in METRICS),
            f"neighbours' vote, {DEFAULT_METRIC}",
        ]
        # there is no choice of metric in the language model's layers
        await pilot.press("right_square_bracket")
        gone = []
        for _ in range(3):
            await pilot.pause()
            gone.append(named(tui))
            await pilot.press("m")
        local = "neighbours' vote"
        top_1 = "top-1 of each patch, logit lens of layer 1"
        assert gone == [local, top_1, local]
        # and of other overlays m is the metric, whatever segments are of
        await pilot.press("left_square_bracket")
        explorer(pilot).action_choose_overlay("none")
        before = explorer(pilot).state.selection
        await pilot.press("m")
        assert explorer(pilot).state.selection.metric == METRICS[1]
        assert explorer(pilot).state.selection.top_1 == before.top_1


async def test_where_no_word_is_local_the_legend_names_the_key_for_the_top_1() -> None:
    lists = [[f"word {i}"] for i in range(SIDE * SIDE)]
    tui = app((SIDE, SIDE), made=readings.reading(SIDE, SIDE), lists=lists)
    async with tui.run_test(size=SIZE) as pilot:
        await chosen(pilot, top_1=False)
        assert "segments: local-words (neighbours' vote), cosine: none; m: top-1" in text(tui, "#legend")
        assert "other patches: 100%" in text(tui, "#legend")


async def test_the_lens_of_segments_opens_the_explorer_on_them() -> None:
    tui = app(lens=ChosenLens("local-words"))
    async with tui.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert explorer(pilot).state.selection.overlay == "segments"
        assert "segments: local-words (neighbours' vote), cosine" in text(tui, "#legend")


async def test_a_common_word_that_gives_way_to_others_is_named() -> None:
    halves = [["sky", "roof" if entry % SIDE < SIDE // 2 else "tree"] for entry in range(SIDE * SIDE)]
    tui = app((SIDE, SIDE), made=readings.reading(SIDE, SIDE, 96, 64), lists=halves)
    async with tui.run_test(size=SIZE) as pilot:
        await chosen(pilot, top_1=False)
        assert "neighbours' vote), cosine, sky° gives way" in " ".join(text(tui, "#legend").split())
        drawn = explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        assert drawn.segments is not None
        assert {one.word for one in drawn.segments.segments} == {"roof", "tree"}
