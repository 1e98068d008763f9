"""On along the path: the pixels, the language model's layers, and the top-1 per layer."""

from __future__ import annotations

import asyncio
import json
import re
from itertools import cycle, product
from pathlib import Path

import msgspec
import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui import readings
from tests.tui.fake import FakeWorker, app
from tests.tui.families import FAMILIES
from tests.tui.screens.test_explorer import NARROW, WIDE, at, explorer, text
from tests.tui.sizes import sizes
from vlmtui.reading import TokenLayerWords
from vlmtui.tui import messages, requests
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.options import ExplorerSettings
from vlmtui.tui.state.subject import OF_LAYERS, REST, LensRequest
from vlmtui.tui.widgets.path_bar import PathBar, ticks

ON, BACK = "right_square_bracket", "left_square_bracket"


def talk(tui: VlmtuiApp) -> FakeWorker:
    conversation = tui._worker
    assert isinstance(conversation, FakeWorker)
    return conversation


def stage(pilot: Pilot[int]) -> str:
    return explorer(pilot).state.selection.stage


async def rested(pilot: Pilot[int]) -> None:
    """Let the time pass after which what takes long is asked about the patch under the cursor."""
    screen = explorer(pilot)
    await pilot.pause()
    for _ in range(20):
        if screen._wake is None or screen._wake._task is None:
            break
        await asyncio.wait([screen._wake._task])
        await pilot.pause()


async def test_the_path_goes_from_the_pixels_to_the_last_layer() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        walked = [stage(pilot)]
        for _ in range(9):
            await pilot.press(BACK)
            walked.insert(0, stage(pilot))
        assert list(dict.fromkeys(walked)) == ["pixels", *(f"vision.{i}" for i in range(5)), "tokens"]
        for _ in range(12):
            await pilot.press(ON)
        assert stage(pilot) == "llm.3"
        assert at(pilot) == (3, 4)
        assert talk(tui).asked_layers == ["r1"]


async def test_a_layer_shows_its_words_by_logit_and_knows_no_metric() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(ON, ON)
        await pilot.pause()
        assert talk(tui).asked[-1][0] == "logit"
        shown = text(tui, "#words")
        assert "logit lens, layer 2 of 3" in shown
        assert shown.splitlines()[0].split()[-2:] == ["logit", "id"]
        # the words of token 28 at llm.2, not those of llm.1 or of tokens
        assert "w120" in shown
        assert "norm 319.1 21st of 48 tokens" in shown
        await pilot.press("m")
        assert explorer(pilot).state.selection.metric == "cosine"
        await pilot.press(BACK, BACK, "m")
        await pilot.pause()
        assert explorer(pilot).state.selection.metric == "cosine-centred"


async def test_the_overlays_of_a_layer() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(ON, "o")
        await pilot.pause()
        assert "norm llm.1 · no outlier" in text(tui, "#legend")
        await pilot.press(ON, "o")
        await pilot.pause()
        await pilot.pause()
        assert "words: top 3 of each patch, logit lens of layer 2" in text(tui, "#legend")
        strips = explorer(pilot).query("ImageStrip")
        assert any("w120" in strip.render_line(y).text for strip in strips for y in range(strip.size.height))


async def test_norms_from_the_tower_to_the_last_layer_each_on_its_scale() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "llm" not in text(tui, "#norms")
        await pilot.press(ON, ON)
        await pilot.pause()
        shown = text(tui, "#norms")
        assert "vision 0–4, llm 1–3" in shown
        assert "llm.2 319.1" in shown
        assert [line for line in shown.splitlines() if line.split() == ["0", "1", "2", "3", "4", "t", "1", "2", "3"]]
        # token 0 is an outlier after the second layer
        await pilot.press("home", *["up"] * 6)
        assert "outlier at llm 2" in text(tui, "#norms")
        # and at a stage of the tower, the same patch goes into the same token
        await pilot.press(BACK, BACK, BACK)
        assert stage(pilot) == "vision.4"
        assert "outlier at llm 2" in text(tui, "#norms")


async def test_layers_that_cannot_be_had_are_said_once_and_the_cursor_stays_at_the_tokens() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        talk(tui).no_layers = "13.5 GB are needed and 8 GB are free"
        await pilot.press(ON)
        await pilot.pause()
        assert stage(pilot) == "tokens"
        assert [n.message for n in tui._notifications] == ["13.5 GB are needed and 8 GB are free"]
        assert "reading" not in text(tui, "#status")
        assert "w100" in text(tui, "#words")
        talk(tui).no_layers = ""
        await pilot.press(ON)
        await pilot.pause()
        assert stage(pilot) == "llm.1"


async def test_escape_leaves_layers_that_are_being_read() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        talk(tui).slow_layers = True
        await pilot.press(ON)
        talk(tui).post(messages.SessionProgressed("loading the language model", 3, 10, LensRequest("r1", *OF_LAYERS)))
        await pilot.pause()
        assert "loading the language model 30%" in text(tui, "#status")
        assert "Esc or [ goes back to tokens" in " ".join(text(tui, "#words").split())
        await pilot.press("right", "o")
        assert at(pilot) == (3, 5)
        assert "has none of yet" in text(tui, "#legend")
        await pilot.press("escape")
        await pilot.pause()
        assert stage(pilot) == "tokens"
        assert talk(tui).left == 1
        # what was on its way changes nothing
        talk(tui).post(messages.SessionProgressed("loading the language model", 4, 10, LensRequest("r1", *OF_LAYERS)))
        talk(tui).bring_layers("r1")
        await pilot.pause()
        assert "loading" not in text(tui, "#status")
        assert explorer(pilot).state.results.layers is None
        await pilot.press("escape")
        assert talk(tui).left == 1


async def test_walking_back_meanwhile_reads_on() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        talk(tui).slow_layers = True
        await pilot.press(ON, BACK, ON, BACK)
        assert talk(tui).asked_layers == ["r1"]
        talk(tui).bring_layers("r1")
        await pilot.pause()
        assert stage(pilot) == "tokens"
        assert "llm 1–3" in text(tui, "#norms")
        assert "reading" not in text(tui, "#status")


async def test_a_session_that_dies_over_the_layers_leaves_the_cursor_at_the_tokens() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        talk(tui).slow_layers = True
        await pilot.press(ON)
        talk(tui).running = False
        talk(tui).post(messages.SessionLost("it was killed"))
        await pilot.pause()
        assert stage(pilot) == "tokens"
        assert "it was killed" in text(tui, "#status")


async def test_another_picture_is_read_at_the_same_layer_and_another_model_is_not() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(ON, ON)
        talk(tui).begun = 5
        await pilot.press("r")
        await pilot.pause()
        assert stage(pilot) == "llm.2"
        assert talk(tui).asked_layers == ["r1", "r5"]
        other = readings.reading(6, 8, id="r6")
        other = type(other)(
            **{f: getattr(other, f) for f in other.__struct_fields__ if f != "model"}, model=readings.model("other")
        )
        talk(tui).post(messages.ImageRead(other))
        await pilot.pause()
        assert stage(pilot) == "tokens"
        assert talk(tui).asked_layers == ["r1", "r5"]


@pytest.mark.parametrize("size", [(164, 48), WIDE, NARROW])
async def test_first_words_by_layer_follow_the_cursor_once_it_rests(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tui = app()
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("w")
        assert "TOP-1 WORDS" not in text(tui, "#words")
        await pilot.press(ON, "w")
        await rested(pilot)
        shown = text(tui, "#words")
        assert "stable from layer 2 of 3: w21" in shown
        assert [line.split()[:2] for line in shown.splitlines()[1:4]] == [["1", "w11"], ["2", "w21"], ["3", "w21"]]
        before = len(talk(tui).asked_tokens)
        with monkeypatch.context() as moving:
            moving.setitem(requests.DELAYS_S, REST, 60)  # however slow the machine, it does not rest on its way
            await pilot.press(*["right"] * 3, "up")
        await pilot.press("up")
        await rested(pilot)
        assert talk(tui).asked_tokens[before:] == [8 * at(pilot)[0] + at(pilot)[1]]
        # what is known is not asked for again
        known = len(talk(tui).asked_tokens)
        await pilot.press("down", "up")
        await rested(pilot)
        assert talk(tui).asked_tokens[known:] in ([], [8 * (at(pilot)[0] + 1) + at(pilot)[1]])
        await pilot.press("w")
        assert "logit lens, layer 1" in text(tui, "#words")


async def test_a_word_is_stable_in_any_spelling_unless_spellings_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def spelled(token: int, layers: int) -> TokenLayerWords:
        found = made(token, layers)
        ids = np.array([[1], [2], [3]])
        names = {1: "▁dog", 2: "Dog", 3: "dog"}
        texts = {1: " dog", 2: "Dog", 3: "dog"}
        return msgspec.structs.replace(found, ids=ids, pieces=names, texts=texts, settled=3)

    made = readings.layer_words
    monkeypatch.setattr(readings, "layer_words", spelled)
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(ON, "w")
        await rested(pilot)
        assert "stable from layer 1 of 3: " in text(tui, "#words")
        await pilot.press("y")
        assert [line.split()[0] for line in tui.clipboard.splitlines() if line.endswith("stable")] == ["llm.1"]
        await pilot.press("F")
        await pilot.pause()
        assert "stable only from layer 3 of 3: " in text(tui, "#words")


async def test_the_bar_of_a_layer_stands_beside_what_it_is_of() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(*[ON] * 7, "w")
        await rested(pilot)
        lines = text(tui, "#words").splitlines()
        assert lines[0].rstrip().endswith("logit · ━ entropy in nats: less is surer")
        # 1.25 is the smallest logit, and 6 the largest entropy
        (first,) = (line for line in lines if line.startswith("  1 "))
        assert re.fullmatch(r"  1  w\d+ +1.250 ━+ +6.00", first.rstrip())
        bars = [line.count("━") for line in lines[1:4]]
        assert bars == sorted(bars, reverse=True)
        assert bars[0] > bars[2] >= 1


async def test_numbers_of_layers_have_heads_in_a_narrow_panel_and_nothing_is_cut() -> None:
    tui = app((24, 24), made=readings.reading(24, 24, 96, 64))
    async with tui.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press(ON, "w")
        await rested(pilot)
        assert explorer(pilot).query_one("#words").size.width < 41
        head, row, *more = text(tui, "#words").splitlines()
        logit, nats = row.split()[2:4]
        # the numbers end where their heads do
        assert head.index("logit") + len("logit") == row.index(logit) + len(logit)
        assert head.index("nats") + len("nats") == row.rindex(nats) + len(nats)
        said = " ".join(" ".join(more).split())
        assert re.search(r"stable (only )?from layer \d of 3: \w+ less entropy \(nats\): surer", said)


@pytest.mark.parametrize("size", [(164, 48), (120, 40), NARROW, (60, 20)])
async def test_many_layers_fit_or_show_those_around_the_one_looked_at(size: tuple[int, int]) -> None:
    panels = ("words", "norms", "patch")  # one that comes at the layers would take the room of the smallest screen
    tui = app(made=readings.reading(6, 8, llm_layers=32), settings=lambda: ExplorerSettings(panels=panels))
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press(*[ON] * 20, "w")
        await rested(pilot)
        shown = text(tui, "#words")
        assert " 20 " in shown
        assert "stable from layer 31 of 32" in shown
        if size[0] >= 120:
            assert all(f" {i} " in shown for i in range(1, 33))
        panel = explorer(pilot).query_one("#words")
        assert all(panel.render_line(y).cell_length == panel.size.width for y in range(panel.size.height))


async def test_the_pixels_are_looked_at_without_the_model() -> None:
    tui = app(stage="vision.0")
    talk(tui).no_patches = "the model does not say how it cuts pictures"
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(BACK)
        assert stage(pilot) == "pixels"
        assert "pixels of the file: mean, darkest" in text(tui, "#numbers")
        assert text(tui, "#numbers").splitlines()[3].split()[0] == "red"
        assert "row 3 · column 4 · patch 28" in text(tui, "PatchHeader")
        await pilot.press("o")
        await pilot.pause()
        assert "pixels have none of" in text(tui, "#legend")
        await pilot.press("y")
        assert "pixels" in tui.clipboard
        await pilot.press("s", "enter")
        await pilot.pause()
        assert "no report of the pixels" in str(explorer(pilot).query_one(".wrong", Static).content)


async def test_copies_and_reports_of_a_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(ON, ON)
        await pilot.pause()
        await pilot.press("y")
        assert "toy.png · toy · llm.2" in tui.clipboard
        assert "row 3, column 4, token 28" in tui.clipboard
        assert "words (logit lens, logit):" in tui.clipboard
        assert "norms tokens 1.596, llm.1 159.6, llm.2 319.1, llm.3 478.7" in tui.clipboard
        assert "word norms" not in tui.clipboard
        await pilot.press("s", *["backspace"] * 40, *"a.json", "enter")
        await pilot.pause()
        report = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
        assert (report["query"]["stage"], report["query"]["metric"]) == ("llm.2", "logit")
        assert report["tokens"][28]["norm"] == pytest.approx(319.149, rel=1e-4)
        assert report["tokens"][28]["words"][0]["id"] == 120
        await pilot.press("w")
        await rested(pilot)
        await pilot.press("y")
        assert "  llm.2  w21  2.250  3.50  stable" in tui.clipboard


@pytest.mark.parametrize(
    ("family", "size"),
    sizes([*product(FAMILIES, (WIDE, NARROW))], [*zip(FAMILIES, cycle((WIDE, NARROW)), strict=False)]),
)
async def test_every_family_from_end_to_end(family: str, size: tuple[int, int]) -> None:
    tui = app(made=FAMILIES[family]())
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        for key in (*[BACK] * 7, "o", "o", *[ON] * 10, "w", "t", "down", "right", "t", "o", "y", BACK, "w", "m"):
            await pilot.press(key)
        await pilot.pause()
        assert tui.return_code is None
        assert explorer(pilot).is_current


async def test_a_click_on_the_path_goes_to_its_stage() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        for wanted in ("llm.3", "pixels", "vision.0", "llm.2", "tokens"):
            bar = explorer(pilot).query_one(PathBar)
            start = next(start for start, _, name in bar._targets if name == wanted)
            await pilot.click(PathBar, offset=(start, 0))
            await pilot.pause()
            assert stage(pilot) == wanted


@pytest.mark.parametrize("room", [8, 12, 20, 40, 80])
@pytest.mark.parametrize("here", [None, 1, 2, 16, 31, 32])
def test_the_ticks_name_the_ends_and_the_stage_looked_at(here: int | None, room: int) -> None:
    found = ticks(range(1, 33), here, room)
    numbers = [number for _, number in found]
    assert numbers == sorted(set(numbers))
    named = [number for piece, number in found if piece != "·"]
    assert {1, 32} <= set(named)
    assert here is None or here in named
    if room >= 40:
        assert len(numbers) >= 30
