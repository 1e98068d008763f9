"""Lenses that give every patch a number or a colour: the overlays, find and its jumps, marks, playing the layers."""

from __future__ import annotations

import numpy as np
import pytest
from textual.pilot import Pilot

from tests.looked import looked
from tests.tui import readings
from tests.tui.fake import app
from tests.tui.families import FAMILIES
from tests.tui.panels.test_layer_words import BACK, ON, stage, talk
from tests.tui.screens.test_explorer import WIDE, at, explorer, text
from tests.tui.test_session_worker import until
from vlmtui.display.colours import component_colours
from vlmtui.lenses.lens_source import LensCall
from vlmtui.session.typed_lenses.values import Components, Find, Similarity
from vlmtui.tui import messages, requests
from vlmtui.tui.navigation import at_stage, fit_selection, to_cell
from vlmtui.tui.needs import REACH
from vlmtui.tui.screens import explorer as screen_of_explorer
from vlmtui.tui.state.lens_values import ranked_entries
from vlmtui.tui.state.marks import marked_entries, toggle_mark
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.subject import AHEAD, LensRequest, Subject
from vlmtui.tui.widgets.legend_bar import LegendBar

COLS = 8  # of the made-up reading


def known(family: str) -> Results:
    made = FAMILIES[family]()
    seen = Results(made.image, None)  # type: ignore[arg-type]
    seen.take(made)
    return seen


async def overlay(pilot: Pilot[int], name: str) -> None:
    """Choose an overlay as the palette does: how many there are before it does not matter."""
    explorer(pilot).action_choose_overlay(name)
    await pilot.pause()


async def test_similarity_follows_the_cursor_until_something_is_marked() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await overlay(pilot, "similarity")
        row, col = at(pilot)
        here = row * COLS + col
        assert talk(tui).asked_values == [("tokens", Similarity((here,)))]
        assert f"cosine with row {row}, col {col}" in text(tui, "#legend")
        assert "1st of 48" in text(tui, "#legend")
        await pilot.press("right")
        await pilot.pause()
        assert talk(tui).asked_values[-1] == ("tokens", Similarity((here + 1,)))
        await pilot.press("space", "right", "right")
        await pilot.pause()
        assert len(talk(tui).asked_values) == 2
        assert "cosine with 1 marked" in text(tui, "#legend")
        assert "here -2.00" in text(tui, "#legend")
        await pilot.press("space", BACK)
        await pilot.pause()
        assert talk(tui).asked_values[-1] == ("vision.4", Similarity((here + 1, here + 3)))
        await pilot.press("U")
        await pilot.pause()
        assert talk(tui).asked_values[-1] == ("vision.4", Similarity((here + 3,)))


async def test_what_is_known_is_not_asked_again_and_what_was_overtaken_is() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await overlay(pilot, "similarity")
        await pilot.press("right", "left", "right", "left")
        await pilot.pause()
        assert len(talk(tui).asked_values) == 2


async def test_the_stages_beside_are_asked_about_before_somebody_walks_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(requests.DELAYS_S, AHEAD, 0.001)
    tui = app()
    talk(tui).answers_ahead = True
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await overlay(pilot, "pca")
        conversation = talk(tui)
        # the layers have not been read: nothing is asked about them
        wanted = [(f"vision.{4 - i}", Components()) for i in range(REACH)]
        await until(pilot, lambda: [one for one in conversation.asked_ahead if one[1] == Components()] == wanted)
        asked = list(conversation.asked_values)
        await pilot.press(BACK)
        await pilot.pause()
        assert "pca of vision.4" in text(tui, "#legend")
        assert conversation.asked_values == asked
        # what comes for another stage leaves the one looked at as it is
        shown = explorer(pilot).state.results.latest
        assert shown is not None
        assert shown.stage == "tokens"


async def test_components_are_colours_of_every_stage() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await overlay(pilot, "pca")
        assert "pca of tokens: red, green, blue 50% + 25% + 12% of variance" in text(tui, "#legend")
        await pilot.press(BACK)
        await pilot.pause()
        assert talk(tui).asked_values == [("tokens", Components()), ("vision.4", Components())]
        await pilot.press("left_square_bracket", *[BACK] * 8)
        await pilot.pause()
        assert stage(pilot) == "pixels"
        assert "overlay: pca, which pixels have none of" in text(tui, "#legend")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        # 48 tokens, whose words w100 w101 ... are those of every ninth
        ("W100", "6 tokens have it first, 6 in their top 8"),
        ("w103", "doubtful: no token has it first, 6 in their top 8, 4th at best"),
        ("w108", "not found: in no token's top 8"),
    ],
)
async def test_the_legend_says_in_how_many_lists_a_word_is(word: str, said: str) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("slash", *word, "enter")
        await pilot.pause()
        shown = " ".join(text(tui, "#legend").split())
        assert said in shown
        legend = tui.screen_stack[1].query_one(LegendBar)
        parts = [part for y in range(legend.size.height) for part in legend.render_line(y)]
        for verdict in ("not found", "doubtful"):
            given = said.startswith(verdict)
            assert given == (verdict in shown)
            assert given == any(part.text == verdict and part.style.bold for part in parts)
        assert text(tui, "#title").endswith("overlay: find · 1× ")


async def test_a_layer_of_the_language_model_says_that_it_has_no_metric() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("right_square_bracket")
        await pilot.pause()
        before = explorer(pilot).state.selection
        await pilot.press("m")
        await pilot.pause()
        assert explorer(pilot).state.selection == before
        assert any("orders words by their logits" in one.message for one in tui._notifications)


async def test_a_word_is_found_and_its_patches_are_walked_from_the_best() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("slash", *"abc", "enter")
        await pilot.pause()
        assert talk(tui).asked_values == [("tokens", Find("abc"))]
        assert "find abc: cosine at tokens" in text(tui, "#legend")
        assert at(pilot) == (0, 3)
        walked = []
        for key in ("n", "n", "n", "N"):
            await pilot.press(key)
            walked.append(at(pilot)[1])
        assert walked == [2, 4, 1, 4]
        # at a layer it is the logit, and the cursor stays
        await pilot.press(ON, ON)
        await pilot.pause()
        assert talk(tui).asked_values[-1] == ("llm.2", Find("abc"))
        assert "logit at llm.2" in text(tui, "#legend")
        assert at(pilot) == (0, 4)


async def test_nothing_is_looked_for_without_a_word() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("slash", "enter")
        await pilot.pause()
        assert talk(tui).asked_values == []
        await pilot.press("escape", "n")
        await pilot.pause()
        assert explorer(pilot).state.selection.overlay == "none"
        await pilot.press("o", "n")  # of norms the largest is the next best
        await pilot.pause()
        assert explorer(pilot).state.selection.overlay == "norms"


async def test_what_cannot_be_had_is_said_and_not_asked_again() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        talk(tui).no_values = "there are no [b]words[/b] to find"
        await pilot.press("slash", *"sky", "enter", "right", "left")
        await pilot.pause()
        assert "find: there are no [b]words[/b] to find" in text(tui, "#legend")
        assert len(talk(tui).asked_values) == 1


async def test_values_of_another_reading_are_dropped() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        lens = Components()
        stray = looked(lens=lens, stage="tokens", numbers=np.zeros((48, 3), np.float32))
        explorer(pilot).post_message(messages.RequestAnswered(LensRequest("another", Subject("tokens"), lens), stray))
        await pilot.pause()
        assert not [key for key in explorer(pilot).state.results.found if isinstance(key[1], LensCall)]


async def test_the_layers_are_played_to_the_tokens_and_no_further_into_what_was_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(screen_of_explorer, "FRAME_S", 3600)  # each step is taken here, not when its time has come
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        screen = explorer(pilot)
        await pilot.press("p")
        await pilot.pause()
        assert screen.state.selection.overlay == "pca"
        assert stage(pilot) == "vision.0"
        seen = [stage(pilot)]
        for _ in range(6):
            assert screen._player is not None
            screen.play_on()
            await pilot.pause()
            seen.append(stage(pilot))
        assert list(dict.fromkeys(seen)) == [*(f"vision.{i}" for i in range(5)), "tokens"]
        assert screen._player is None
        # and once more, stopped by the same key
        await pilot.press("p", "p")
        assert screen._player is None
        assert stage(pilot) == "vision.0"


def test_a_mark_stays_on_its_part_of_the_picture_along_the_path() -> None:
    seen = known("qwen2_vl")  # four vision patches a token
    view = toggle_mark(to_cell(fit_selection(Selection(), seen), seen, 0, 2, 3), seen)
    assert len(marked_entries(view, seen)) == 1
    patches = marked_entries(at_stage(view, seen, "vision.1"), seen)
    token = marked_entries(view, seen)[0]
    assert patches == tuple(sorted(seen.places_at("tokens")[token].patches))
    # any of its patches takes the mark away again
    assert toggle_mark(at_stage(view, seen, "vision.1"), seen).marks == frozenset()


def test_patches_that_go_into_no_token_are_marked_themselves() -> None:
    seen = known("idefics2")
    view = fit_selection(Selection(stage="vision.0"), seen)
    view = toggle_mark(to_cell(view, seen, 0, 1, 1), seen)
    assert marked_entries(view, seen) == (seen.entry(view),)
    assert marked_entries(at_stage(view, seen, "tokens"), seen) == ()


def test_colours_are_grey_in_the_middle_and_end_where_the_components_do() -> None:
    assert component_colours(np.array([[0.0, 1.0, -1.0], [np.nan, 9.0, -9.0]])).tolist() == [
        [128, 248, 8],
        [128, 248, 8],
    ]


def test_entries_without_a_number_are_not_walked() -> None:
    assert ranked_entries([1.0, np.nan, 3.0, 1.0]).tolist() == [2, 0, 3]


async def test_n_goes_to_the_highest_first_and_from_there_on_in_turn() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await overlay(pilot, "norms")
        results = explorer(pilot).state.results
        norms = results.norms_at("tokens")
        assert norms is not None
        order = [divmod(entry, COLS) for entry in np.argsort(-norms.values, kind="stable").tolist()]
        assert at(pilot) not in order[:4]

        async def pressed(*keys: str) -> tuple[int, int]:
            await pilot.press(*keys)
            await pilot.pause()
            return at(pilot)

        assert [await pressed(key) for key in "nnnNn"] == [order[i] for i in (0, 1, 2, 1, 2)]
        # moved by hand it begins again, whatever is under the cursor
        aside = await pressed("left" if order[2][1] else "right")
        assert aside != order[0]
        assert await pressed("n") == order[0]
        # on the highest already it goes on, and N goes the other way: first to the lowest
        away = ["left", "right"] if order[0][1] else ["right", "left"]
        assert await pressed(*away) == order[0]
        assert await pressed("n") == order[1]
        assert await pressed("up" if order[1][0] else "down", "N") == order[-1]
        assert await pressed("N") == order[-2]
        # another stage has other values
        await pressed(BACK)
        norms = results.norms_at(explorer(pilot).state.selection.stage)
        assert norms is not None
        assert await pressed("n") == divmod(int(np.argmax(norms.values)), COLS)


@pytest.mark.parametrize(("size", "how"), [(WIDE, "(▲)"), ((80, 24), "(tinted)")])
async def test_norms_say_what_is_here_that_the_scale_is_cut_and_how_outliers_are_marked(
    size: tuple[int, int], how: str
) -> None:
    made = readings.reading(*((6, 8) if size == WIDE else (30, 40)), 96, 64)
    tui = app(made=made)
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        state = explorer(pilot).state
        state.at_stage("vision.2")
        await overlay(pilot, "norms")
        await pilot.press("n")
        await pilot.pause()
        shown = " ".join(text(tui, "#legend").split())
        # one norm is 500, the others 27 to 33, and one in fifty is beyond each end of the scale
        assert "here 500, 1st" in shown
        assert shown.count("‹") == shown.count("›") == 1
        assert f"norm vision.2 · 1 outlier {how}" in shown
        await pilot.press("right")
        await pilot.pause()
        strips = list(tui.screen_stack[1].query("ImageStrip"))
        drawn = "".join(strip.render_line(y).text for strip in strips for y in range(strip.size.height))
        assert drawn.count("▲") == (how == "(▲)")
        assert text(tui, "#legend").count("›") == 1
        state.at_stage("vision.1")
        await overlay(pilot, "norms")
        assert "no outlier" in text(tui, "#legend")
