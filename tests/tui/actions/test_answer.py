"""The model's own answers in the explorer: asked and streamed, looked into, asked again without patches."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image
from rich.color import Color
from textual.pilot import Pilot

from tests.query.queries import query_of
from tests.tui import readings, sayings
from tests.tui.fake import app
from tests.tui.families import FAMILIES
from tests.tui.panels.test_layer_words import BACK, ON, stage, talk
from tests.tui.screens.test_explorer import NARROW, WIDE, at, dialog, explorer, text
from tests.tui.test_session_worker import until
from vlmtui.images.image_file import read_source
from vlmtui.results.answers import IMAGE, SAID, TEXT, Attention, AttentionMask
from vlmtui.session.discovery import SessionLocation
from vlmtui.tui import messages
from vlmtui.tui.actions.key_table import help_rows
from vlmtui.tui.app import AGAIN_S, VlmtuiApp
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.panels.answer import about, change_size, shares
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.answer_values import about_answer, answer_values
from vlmtui.tui.state.generation import MOST_BLOCKS, AnswerGeneration, block_for
from vlmtui.tui.state.selection import AnswerSelection
from vlmtui.tui.state.stages import ANSWER
from vlmtui.tui.state.status import Work
from vlmtui.tui.state.subject import (
    AttentionLens,
    GenerateAnswer,
    GradientLens,
    LensRequest,
    MaskLens,
    OcclusionLens,
    Subject,
)
from vlmtui.tui.terminal.theme import DARK
from vlmtui.tui.widgets.mask import square
from vlmtui.tui.widgets.text_folding import folded, parted, span, windowed

TOWN = Path(__file__).parents[3] / "sample_images" / "scene-town.png"
NEXT, BEFORE, LAYER_ON, LAYER_BACK = "full_stop", "comma", "right_curly_bracket", "left_curly_bracket"
MEAN = AttentionLens(None, None, False)


def put(number: int) -> LensRequest:
    """The question of an answer."""
    return LensRequest("r1", Subject(ANSWER, None, number), GenerateAnswer("why"))


async def ask(pilot: Pilot[int], question: str = "why") -> None:
    await pilot.press("a", *question, "enter")
    await pilot.pause()


async def test_an_answer_is_asked_for_streamed_and_its_attention_lies_over_the_picture() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "a ask" in text(tui, "#keys")
        await ask(pilot)
        assert ", . token" in text(tui, "#keys")
        assert talk(tui).questions == ["why"]
        assert stage(pilot) == "answer"
        shown = " ".join(text(tui, "#answer").split())
        assert "why" in shown
        assert "blue sky" in shown
        assert "3 tokens · log-probability -1.500" in shown
        assert "-0.250" in shown
        assert "-0.500" in shown
        assert talk(tui).asked_about == [MEAN]
        legend = " ".join(text(tui, "#legend").split())
        assert "here 0.00347, 29th of 48 0 " in legend
        assert "'blue': mean attention · where it looked, not what it depends on (O)" in legend
        assert "Attention sinks: '<s>' 61%" in shown
        assert "1 image token (×) 5%" in shown
        assert "of the attention went to text" in shown
        strips = list(tui.screen_stack[1].query("ImageStrip"))
        drawn = [strip.render_line(y).text for strip in strips for y in range(strip.size.height)]
        assert sum(line.count("×") for line in drawn) == 1
        assert not tui.screen_stack[1].query_one("#words").display


async def test_without_a_question_it_describes_and_the_last_one_is_preset() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await ask(pilot, "")
        assert talk(tui).questions == [None]
        assert "Describe the image." in text(tui, "#answer")
        await ask(pilot, "why")
        await ask(pilot, "")
        assert talk(tui).questions == [None, "why", "why"]


async def test_the_answer_is_the_last_stage_once_there_is_one() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(*[ON] * 9)
        assert stage(pilot) == "llm.3"
        await ask(pilot)
        before = at(pilot)
        await pilot.press(BACK)
        await pilot.pause()
        assert stage(pilot) == "llm.3"
        assert tui.screen_stack[1].query_one("#words").display
        await pilot.press(ON, ON)
        assert stage(pilot) == "answer"
        assert at(pilot) == before
        await pilot.press("p", "p")  # played are the layers, from the first
        assert stage(pilot) == "vision.0"
        # another reading has not been asked anything
        await pilot.press(*[ON] * 20, "r")
        await pilot.pause()
        assert stage(pilot) == "tokens"
        assert not explorer(pilot).state.results.generation.begun


async def test_another_token_another_way_another_layer() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await ask(pilot)
        await pilot.press(NEXT)
        await pilot.pause()
        assert "'sky': mean attention" in text(tui, "#legend")
        await pilot.press("g", *"0,1", "enter")  # of the second token image token 1 is looked at most
        await pilot.pause()
        assert "1st of 48" in text(tui, "#legend")
        await pilot.press("n")
        assert at(pilot) == (0, 0)
        await pilot.press("N", "N")
        assert at(pilot) == (5, 7)
        await pilot.press(NEXT, NEXT)
        await pilot.pause()
        assert "the whole answer: mean attention" in text(tui, "#legend")
        assert talk(tui).asked_about == [MEAN]  # all tokens came at once
        await pilot.press(NEXT, LAYER_ON, LAYER_ON, "H")
        await pilot.pause()
        assert talk(tui).asked_about[1:] == [
            AttentionLens(1, None, False),
            AttentionLens(2, None, False),
            AttentionLens(2, 0, False),
        ]
        assert "'blue': attention, layer 2, head 0" in text(tui, "#legend")
        assert "Layer 2 of 3, head 0 of 2." in " ".join(text(tui, "#answer").split())
        await pilot.press("H", "H", LAYER_BACK, LAYER_BACK)
        await pilot.pause()
        assert "'blue': mean attention" in text(tui, "#legend")
        assert "Mean of 3 layers × 2 heads." in " ".join(text(tui, "#answer").split())
        await pilot.press("v")
        await pilot.pause()
        assert talk(tui).asked_about[-1] == AttentionLens(None, None, True)
        assert "rolled out" in text(tui, "#legend")
        await pilot.press("v")
        await pilot.pause()
        assert talk(tui).asked_about[-1] == GradientLens(0)
        assert "'blue': gradient × input · an estimate of what O measures" in " ".join(text(tui, "#legend").split())
        await pilot.press("v")
        await pilot.pause()
        assert "O replaces 48 blocks" in text(tui, "#legend")
        assert not isinstance(talk(tui).asked_about[-1], OcclusionLens)
        await pilot.press("O")
        await pilot.pause()
        assert talk(tui).asked_about[-1] == OcclusionLens(1)
        assert "'blue': log-prob lost" in text(tui, "#legend")
        assert "an image token is replaced" in " ".join(text(tui, "#answer").split())
        await pilot.press("o")
        await pilot.pause()
        assert "overlay: none" in text(tui, "#legend")


async def test_a_token_is_chosen_with_the_mouse() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await ask(pilot)
        await pilot.pause()
        lines = text(tui, "#answer").split("\n")
        row = next(y for y, line in enumerate(lines) if "sky" in line and "-0.500" in line)
        await pilot.click("#answer", offset=(lines[row].index("sky") + 1, row))
        await pilot.pause()
        assert explorer(pilot).state.selection.of_answer.token == 1


async def test_escape_stops_the_answer_and_keeps_what_was_said() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        talk(tui).slow_answer = True
        await ask(pilot)
        assert "1 token so far" in text(tui, "#answer")
        assert "answering (Esc stops)" in text(tui, "#status")
        assert talk(tui).asked_about == []  # nothing is asked about what is still being said
        before = talk(tui).stopped
        await pilot.press("escape")
        await pilot.pause()
        assert talk(tui).stopped == before + 1
        shown = text(tui, "#answer")
        assert "blue" in shown
        assert "1 token · stopped" in shown
        assert talk(tui).asked_about == [MEAN]
        # what comes late of it is not heard
        generation = explorer(pilot).state.results.generation
        late = sayings.answer("blue sky", "why", generation.id)
        explorer(pilot).post_message(messages.RequestAnswered(put(generation.number), late))
        await pilot.pause()
        assert len(generation.tokens) == 1


@pytest.mark.parametrize("what", ["answer", "occlusion", "playing", "layers"])
async def test_ctrl_c_stops_what_goes_on_and_the_program_stays(what: str) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        fake, screen = talk(tui), explorer(pilot)
        fake.slow_answer, fake.slow_findings = what == "answer", what == "occlusion"
        fake.slow_layers = what == "layers"
        if what == "playing":
            await pilot.press("p")
        elif what == "layers":
            await pilot.press(*[ON] * 9)
        else:
            await ask(pilot)
            await pilot.press(*["O"] * (what == "occlusion"))
        before = fake.stopped, fake.left
        assert screen._player is not None or screen.state.status.work.doing
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert tui.return_value is None
        assert screen._player is None
        assert not screen.state.status.work.doing
        assert not tui._notifications
        if what != "playing":
            assert (fake.stopped, fake.left) != before
        # and now that nothing goes on
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert tui.return_value is None
        assert _last(tui) == "Ctrl-C again, or q, quits"
        await pilot.press("ctrl+c")
    assert tui.return_value == 130


async def test_a_second_ctrl_c_long_after_the_first_does_not_quit() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+c")
        tui._quits_until -= AGAIN_S
        await pilot.press("a", "ctrl+c")  # out of a dialog
        assert dialog(pilot) is None
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert tui.return_value is None


async def test_a_thing_is_said_once_and_not_while_it_is_being_remedied() -> None:
    tui = app()
    async with tui.run_test(size=NARROW) as pilot:
        await pilot.pause()
        await pilot.press(NEXT, "O", NEXT, "x")
        await pilot.pause()
        assert [note.message.split(":")[0] for note in tui._notifications] == ["there is no answer yet"]
        tui.clear_notifications()
        talk(tui).slow_answer = True
        await ask(pilot)
        await pilot.press(NEXT, LAYER_ON, "x")
        await pilot.pause()
        assert not tui._notifications


async def test_the_latest_question_wins() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        talk(tui).slow_answer = True
        await ask(pilot, "one")
        talk(tui).slow_answer = False
        talk(tui).said = "grey"
        talk(tui).slow_findings = True
        await ask(pilot, "x")
        number = explorer(pilot).state.results.generation.number
        talk(tui).bring_finding(LensRequest("r1", Subject(ANSWER, None, number - 1), MEAN, answer_id="answer-1"))
        late = sayings.answer("late", "one", "answer-1")
        explorer(pilot).post_message(messages.RequestAnswered(put(number - 1), late))
        await pilot.pause()
        assert explorer(pilot).state.results.generation.text == "grey"
        assert not [key for key in explorer(pilot).state.results.found if key[0].answer]


async def test_what_the_session_says_against_it_is_said_escaped() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        talk(tui).no_answer = "no image token of [b]this[/b] image enters the prompt"
        await ask(pilot)
        assert stage(pilot) == "tokens"
        (note,) = tui._notifications
        assert note.message == talk(tui).no_answer
        assert not note.markup


async def test_a_model_that_looks_by_cross_attention_answers_and_is_not_looked_into() -> None:
    tui = app(made=FAMILIES["mllama"]())
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await ask(pilot)
        assert len(talk(tui).questions) == 1
        assert "blue sky" in text(tui, "#answer")
        # why there is neither mask nor occlusion map is said, each until the next key
        for key, titles in {"v": [], "}": [], "O": ["no occlusion map"], "x": [""], "K": ["no attention mask"]}.items():
            await pilot.press(key)
            await pilot.pause()
            assert [note.title for note in tui._notifications] == titles
        assert talk(tui).asked_about == []
        assert talk(tui).taken == []
        assert "answer: In Mllama no image tokens enter the prompt" in text(tui, "#legend")


async def test_a_tower_alone_is_not_asked() -> None:
    tui = app(made=FAMILIES["clip_tower"]())
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        for key, title in {"a": "no answer", "K": "no attention mask"}.items():
            await pilot.press(key)
            await pilot.pause()
            assert [note.title for note in tui._notifications] == [title]
        assert talk(tui).questions == []
        assert dialog(pilot) is None


async def test_marked_patches_are_taken_away_and_both_answers_compared() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("x")
        assert "no answer yet" in _last(tui)
        await ask(pilot)
        await pilot.press("x")
        assert "nothing is marked" in _last(tui)
        row, col = at(pilot)
        await pilot.press("space", "right", "space", "x", "down", "enter")
        await pilot.pause()
        token = row * 8 + col
        assert talk(tui).taken == [((token, token + 1), "zero")]
        shown = text(tui, "#answer")
        assert "without 2 marked tokens (zero)" in shown
        assert "blue sky" in shown
        assert "grey" in shown
        assert "-2.000" in shown
        assert "+0.125" in shown
        await pilot.press("escape")
        assert "without" not in text(tui, "#answer")


async def test_an_occlusion_map_before_the_answer_has_ended_is_not_lost_unsaid() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        talk(tui).slow_answer = True
        await ask(pilot)
        await pilot.press("O")
        assert "still being generated" in _last(tui)


async def test_an_occlusion_map_is_cancelled() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("O")
        assert "no answer yet" in _last(tui)
        await ask(pilot)
        talk(tui).slow_findings = True
        await pilot.press("O")
        await pilot.pause()
        occlusion = next(one for one in explorer(pilot).requests.under_way if isinstance(one.lens, OcclusionLens))
        explorer(pilot).post_message(messages.SessionProgressed("replacing patches", 5, 10, occlusion))
        await pilot.pause()
        assert "replacing patches (Esc stops) 50%" in text(tui, "#status")
        assert "replacing 48 blocks of patches in turn ..." in text(tui, "#legend")
        await pilot.press("right")  # keys are not held up
        await pilot.press("escape")
        await pilot.pause()
        assert "taking" not in text(tui, "#status")
        assert "occlusion map: stopped; O starts it again" in text(tui, "#legend")
        await pilot.press("O")
        assert talk(tui).asked_about.count(OcclusionLens(1)) == 2


async def test_the_mask_stands_in_the_place_of_the_picture() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("K")
        await pilot.pause()
        assert talk(tui).asked_about == [MaskLens(1)]
        assert "mask, layer 1 of 3: causal · 56 positions, 48 image tokens" in text(tui, "#legend")
        assert "image  text  answer" in text(tui, "#mask")
        await pilot.press(LAYER_ON)
        await pilot.pause()
        assert "layer 2 of 3" in text(tui, "#legend")
        await pilot.press("K")
        await pilot.pause()
        assert "overlay: none" in text(tui, "#legend")
        assert tui.screen_stack[1].query_one("#picture").display


async def test_tokens_without_a_place_have_their_numbers_in_the_list() -> None:
    tui = app(made=FAMILIES["idefics2"]())
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await ask(pilot)
        assert stage(pilot) == "answer"
        shown = text(tui, "#list").split("\n")
        assert "attention" in shown[0] or "of 64" in shown[0]
        assert "0.00625" in shown[1]


LONG = " ".join(f"word{i}" for i in range(120))


async def test_a_long_answer_has_the_room_that_is_free_and_its_text_follows_the_token() -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        talk(tui).said = LONG
        await ask(pilot)
        panel = tui.screen_stack[1].query_one("#answer")
        assert panel.size.height >= 24
        assert not tui.screen_stack[1].query_one("#norms").display
        assert _accented(tui, "#answer") == ["word0"]
        await pilot.press(*[BEFORE] * 3)  # over the whole answer and its end to the last word
        await pilot.pause()
        assert _accented(tui, "#answer") == ["word119"]
        assert text(tui, "#answer").count("word119") == 2  # in the text and among the tokens


@pytest.mark.parametrize("size", [NARROW, (100, 30), (140, 40)])
async def test_a_short_answer_is_read_in_full(size: tuple[int, int]) -> None:
    tui = app()
    said = "a gray tree, a gray mountain and a brown house on white snow under a white sky."
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        talk(tui).said = said
        await ask(pilot)
        assert said in " ".join(text(tui, "#answer").split())


async def test_an_answer_that_ends_at_once_says_so() -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        talk(tui).said = ""
        await ask(pilot)
        shown = " ".join(text(tui, "#answer").split())
        assert "(empty: the model ended at once, log-probability −0.25)" in shown


@pytest.mark.parametrize(("columns", "rows"), [(200, 60), (140, 40), (120, 40), (80, 24), (60, 20)])
async def test_no_number_of_the_table_is_cut(columns: int, rows: int) -> None:
    tui = app()
    async with tui.run_test(size=(columns, rows)) as pilot:
        await pilot.pause()
        talk(tui).said = LONG
        await ask(pilot)
        lines = text(tui, "#answer").split("\n")
        table = [line for line in lines if re.match(r"[ ▌](whole|word\d+)\S* .*\d\.\d{3}", line)]
        assert len(table) >= 2
        for line in table:
            # every cell of the table: a name, a space, a whole number, perhaps a bar
            assert re.fullmatch(r"([ ▌](whole( answer)?|word\d+|</s>) +-\d+\.\d{3} +━*─* *)+", line + " "), line
        # every bar ends in the same place: what is short of certainty is its track
        assert len({len(bar) for line in table for bar in re.findall("[━─]+", line)}) <= 1


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40)])
async def test_the_header_says_how_many_tokens_have_no_room(size: tuple[int, int]) -> None:
    tui = app()
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        talk(tui).said = LONG
        await ask(pilot)
        await pilot.pause()
        shown, many = text(tui, "#answer"), len(explorer(pilot).state.generation.tokens)
        seen = len(re.findall(r"(?:word\d+|</s>)\S* +-\d+\.\d{3}", shown))
        assert 0 < seen < many
        header = shown.splitlines()[0]
        assert f"{seen} of {many} tokens" in header or f"{many} tokens ({many - seen} not seen)" in header


async def test_all_tokens_are_seen_beside_what_they_were_without_patches() -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        talk(tui).said = "a gray tree, a gray mountain and a brown house on white snow under a white sky."
        await ask(pilot)
        await pilot.press("space", "right", "space", "x", "down", "enter")
        await pilot.pause()
        shown = text(tui, "#answer")
        assert "without 2 marked tokens (zero)" in shown
        assert "not seen" not in shown
        assert shown.count("+0.125") == 18  # the whole answer with them
        assert shown.count("-2.000") >= 1


def test_a_change_has_a_bar_where_it_fills_a_quarter_of_a_cell() -> None:
    assert [change_size(share, 24) for share in (0.0, 0.007, 0.0105, 0.1, 1.0)] == [0, 0, 1, 2, 24]
    assert [change_size(share, 3) for share in (0.007, 0.08, 0.09, 1.0)] == [0, 0, 1, 3]
    assert change_size(1.0, 0) == 0


def test_that_an_answer_was_cut_is_said_however_little_room_there_is() -> None:
    made = sayings.answer("a b c", "", "x")
    generation = AnswerGeneration(number=1)
    generation.end(msgspec.structs.replace(made, finished=False))
    assert all("cut" in said for said in about(generation, hidden=2))


def test_what_an_answer_means_gives_way_to_it_and_nothing_keeps_what_it_has_no_use_for() -> None:
    assert shares(20, 3, 5, 5) == (3, 12, 5)
    assert shares(6, 2, 5, 1)[0] == 2
    text_rows, token_rows, foot = shares(20, 30, 40, 5)
    assert (text_rows, foot) == (9, 1)
    assert text_rows + token_rows + foot == 20


def test_the_place_of_a_token_in_the_text_survives_folding() -> None:
    answer = sayings.answer("blue sky\nblue\x1b sea", "", "x")
    tokens = list(answer.tokens)
    where = span(answer.text, tokens, 2)  # the second blue, with a character that is shown as its number
    assert answer.text[slice(*where)] == "blue\x1b"
    parts = parted(folded(answer.text, 6), answer.text, where)
    assert "".join(marked for _, marked, _ in parts) == "blueU+001B"
    assert ["".join(part) for part in parts] == folded(answer.text, 6)
    assert span(answer.text, tokens, None) == (0, 0)
    assert span("\ufffd b", [sayings.answer("x b", "", "x").tokens[1]], 0) == (2, 3)


def test_the_lines_around_what_is_marked_are_kept() -> None:
    lines = [(str(i), "!" if i == 7 else "", "") for i in range(12)]
    seen = windowed(lines, 4)
    assert ["".join(part) for part in seen] == ["… 5", "6", "7!", "8 …"]
    assert ["".join(part) for part in windowed(lines, 2, tail=True)] == ["… 10", "11"]
    assert windowed(lines, 12) == lines


@pytest.mark.parametrize("size", [NARROW, (60, 20), (120, 40)])
async def test_an_answer_is_seen_in_smaller_terminals(size: tuple[int, int]) -> None:
    tui = app()
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        talk(tui).said = "a [red]word[/red] 空は青い and so on " * 30
        await ask(pilot)
        shown = text(tui, "#answer")
        assert "[red]word[/red]" in shown
        await pilot.press("space", "x", "enter")
        await pilot.pause()
        assert "without 1 marked token (mean)" in text(tui, "#answer")
        await pilot.press("tab", "K")
        await pilot.pause()


def test_the_mask_is_drawn_at_any_size() -> None:
    kinds = np.array([TEXT] * 3 + [IMAGE] * 90 + [TEXT] * 4 + [SAID] * 3, np.uint8)
    bits = np.packbits(np.tri(100, dtype=bool), axis=1)
    mask = AttentionMask(layer=1, kinds=kinds, bits=bits, pieces=(None,) * 100, pattern="causal")
    for side in (7, 52, 102, 230):
        pixels = square(mask, side, DARK, 5)
        assert len(pixels) % 2 == 0
        assert pixels.shape[1] <= side
        size = pixels.shape[1] - 2
        # below the diagonal it is open, above it shut
        assert (pixels[1 + size, 2] != pixels[2, 1 + size]).any()
        assert len(np.unique(pixels[2 : 1 + size // 2, 2 + size // 2 :].reshape(-1, 3), axis=0)) <= 2


async def test_an_occlusion_map_is_stepped_through_block_by_block_and_says_how_large_it_is() -> None:
    tui = app(made=readings.reading(24, 24, 96, 64))
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await ask(pilot)
        await pilot.press("O")
        await pilot.pause()
        # blocks of 3×3: the largest drop is the number of the last block's first token, row 21 and column 21
        largest = 21 * 24 + 21
        gone, ranks = [], []
        for key in ("n", "n", "N", "N"):
            await pilot.press(key)
            await pilot.pause()
            gone.append(at(pilot))
            ranks += re.findall(r"here (\S+), (\S+ of \d+ blocks)", text(tui, "#legend"))
        assert gone == [(22, 22), (22, 19), (22, 22), (1, 1)]
        assert ranks == [
            (f"{largest}", "1st of 64 blocks"),
            (f"{largest - 3}", "2nd of 64 blocks"),
            (f"{largest}", "1st of 64 blocks"),
            ("0", "64th of 64 blocks"),
        ]
        said = " ".join(text(tui, "#legend").split())
        assert f"log-prob lost, 3×3 · most {largest}: >99.9% less likely" in said


@pytest.mark.parametrize(("largest", "reach"), [(0.09, 0.223), (0.21, 0.223), (0.9, 0.9)])
async def test_an_occlusion_map_without_a_large_effect_is_pale(largest: float, reach: float) -> None:
    tui = app()
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await ask(pilot)
        await pilot.press("O")
        await pilot.pause()
        state = explorer(pilot).state
        (key,) = (one for one in state.results.found if isinstance(one[1], OcclusionLens))
        drops = np.zeros((48, 3), np.float32)
        drops[5] = largest
        state.results.found[key] = msgspec.structs.replace(state.results.found[key], drops=drops)
        values = answer_values(state.results, state.selection)
        assert values is not None
        assert values.scale[1] == pytest.approx(reach, abs=1e-3)


@pytest.mark.parametrize(
    ("work", "line"),
    [
        (Work("reading"), "reading"),
        (Work("reading", 1, 3), "reading 33%"),
        (Work("replacing", 16, 64, "block", 0, 4.0), "replacing 25%, 16 of 64 blocks, about 12 s left"),
        (Work("replacing", 16, 64, "block", 8, 4.0), "replacing 25%, 16 of 64 blocks, about 24 s left"),
        (Work("replacing", 1, 64, "block", 0, 4.0), "replacing 1%, 1 of 64 blocks, about 5 min left"),
        (Work("replacing", 0, 64, "block", 0, 4.0), "replacing 0%, 0 of 64 blocks"),
        (Work("replacing", 2, 64, "block", 0, 0.4), "replacing 3%, 2 of 64 blocks"),
        (Work("replacing", 64, 64, "block", 0, 9.0), "replacing 100%, 64 of 64 blocks"),
    ],
)
def test_what_is_left_is_told_from_what_was_measured(work: Work, line: str) -> None:
    assert work.line == line


def test_blocks_are_few_enough_and_no_larger_than_need_be() -> None:
    assert block_for(readings.reading(8, 8).places) == (1, 64)
    side, blocks = block_for(readings.reading(24, 24).places)
    assert blocks <= MOST_BLOCKS
    assert side == 3
    # tokens without a place cannot be put together
    assert block_for(FAMILIES["idefics2"]().places) == (1, 64)


def test_tokens_go_round_with_the_whole_answer_between() -> None:
    of_answer = AnswerSelection()
    seen = []
    for _ in range(4):
        seen.append(of_answer.token)
        of_answer = of_answer.next_token(1, 3)
    assert seen == [0, 1, 2, None]
    assert AnswerSelection().next_token(-1, 3).token is None


def test_tokens_that_were_not_heard_leave_their_places() -> None:
    said = sayings.sayings(sayings.answer("a b c", "", "x"))
    generation = AnswerGeneration(number=1, speaking=True)
    for one in (said[0], said[2]):
        generation.say(one.number, one.token, one.text, one.answer)
    assert [token.text for token in generation.tokens] == ["a", None, "c"]


def test_text_is_folded_within_what_has_no_spaces() -> None:
    assert folded("空は青い blue\x1b[2J", 5) == ["空は", "青い", "blueU", "+001B", "[2J"]
    assert folded("one\ntwo", 9) == ["one", "two"]


def test_every_key_is_in_the_help() -> None:
    keys = " ".join(keys for keys, _ in help_rows())
    assert all(key in keys.split() for key in ("a", "x", "v", "O", "K", "H", ",", ".", "{", "}", "Ctrl-C"))


async def test_the_demo_model_answers_and_its_attention_is_seen() -> None:
    source = read_source(str(TOWN))
    conversation = SessionWorker(
        ExplorerOptions(
            image=source, query=query_of("demo", device="cpu", where=SessionLocation(None, "vlmtui", warm=False))
        )
    )
    tui = VlmtuiApp(conversation, Image.open(TOWN).convert("RGB"))
    try:
        async with tui.run_test(size=WIDE) as pilot:
            await until(pilot, lambda: len(tui.screen_stack) > 1 and explorer(pilot).state.results.reading is not None)
            await pilot.press("a", *"What color is the sky", "question_mark", "enter")
            results = explorer(pilot).state.results
            generation = results.generation
            await until(pilot, lambda: generation.ready and about_answer(results, MEAN) in results.found)
            await pilot.pause()
            assert generation.text == "blue."
            found = results.found[about_answer(results, MEAN)]
            assert isinstance(found, Attention)
            assert found.weights.shape == (len(generation.tokens), 196)
            assert "'blue': mean attention" in text(tui, "#legend")
            # the cursor jumps to the largest of it, and then to the next largest
            order = np.argsort(-found.weights[0]).tolist()
            assert at(pilot) != divmod(order[0], 14)
            await pilot.press("n", "n", "v", "v")
            assert at(pilot) == divmod(order[1], 14)
            await until(pilot, lambda: about_answer(results, GradientLens(0)) in results.found)
            await pilot.press("space", "x", "enter")
            await until(pilot, lambda: generation.again is not None and generation.again.ablation is not None)
            await pilot.press("K")
            await until(pilot, lambda: about_answer(results, MaskLens(1)) in results.found)
            assert "causal" in text(tui, "#legend")
            assert not tui._notifications
    finally:
        conversation.close()


def _accented(tui: VlmtuiApp, selector: str) -> list[str]:
    """What is written on the accent colour."""
    widget = tui.screen_stack[1].query_one(selector)
    lines = [widget.render_line(y) for y in range(widget.size.height)]
    ground = Color.parse(DARK.accent)
    return [s.text for strip in lines for s in strip if s.style and s.style.bgcolor == ground]


def _last(tui: VlmtuiApp) -> str:
    return list(tui._notifications)[-1].message
