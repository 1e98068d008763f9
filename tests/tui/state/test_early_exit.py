"""The early exit in the explorer: the words of a vision stage through the projector, and where there are none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.families import FAMILIES
from tests.tui.panels.test_layer_words import BACK, ON, stage, talk
from tests.tui.screens.test_explorer import WIDE, at, explorer, text
from vlmtui.tui import export, needs
from vlmtui.tui.navigation import fit_selection
from vlmtui.tui.requests import Requests
from vlmtui.tui.state import early_exit as exiting
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.subject import LensRequest
from vlmtui.tui.widgets.image_side import ImageSide

COLS = 8  # of the made-up reading
NAMED = "projector lens: vision.4 → projector"


def known(family: str) -> Results:
    made = FAMILIES[family]()
    seen = Results(made.image, None)  # type: ignore[arg-type]
    seen.take(made)
    return seen


def first(token: int, more: int = 0) -> str:
    """The first word of a token in made-up answers."""
    return f"w{100 * (token % 9) + more}"


async def test_e_sends_vision_stages_through_the_projector_and_says_so() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(BACK)
        await pilot.pause()
        token = at(pilot)[0] * COLS + at(pilot)[1]
        assert stage(pilot) == "vision.4"
        assert "No words at vision.4" in text(tui, "#words")
        assert "Press e for the projector lens" in " ".join(text(tui, "#words").split())
        assert "e projector" in text(tui, "#keys")
        asked = len(talk(tui).asked)
        await pilot.press("e")
        await pilot.pause()
        assert talk(tui).asked[asked][2] == (token,)  # the one under the cursor before all others
        assert f"WORDS  {NAMED}" in text(tui, "#words")
        assert first(token, 54) in text(tui, "#words")
        assert f"of token {token}" in text(tui, "#words")
        assert "word norms" not in text(tui, "#words")  # where a norm stands among those of words says nothing here
        # it stays along the tower, and the tokens are what they are
        await pilot.press(BACK)
        await pilot.pause()
        assert "projector lens: vision.3 → projector" in text(tui, "#words")
        assert first(token, 53) in text(tui, "#words")
        await pilot.press(ON, ON)
        await pilot.pause()
        assert stage(pilot) == "tokens"
        assert "projector lens:" not in text(tui, "#words")
        assert "e projector" not in text(tui, "#keys")
        assert first(token) in text(tui, "#words")
        await pilot.press(BACK, "e")
        await pilot.pause()
        assert "No words at vision.4" in text(tui, "#words")


async def test_its_words_lie_over_the_picture_under_their_name() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(BACK, "o", "o")
        await pilot.pause()
        assert "words, which vision.4 has none of; e: projector lens" in text(tui, "#legend")
        await pilot.press("e")
        await pilot.pause()
        assert f"words: top 3 of each patch, cosine, {NAMED}" in text(tui, "#legend")
        drawn = explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        assert drawn.words is not None
        assert list(drawn.words[0][:2]) == [first(0, 54), first(1, 54)]
        await pilot.press("e")
        await pilot.pause()
        drawn = explorer(pilot).query_one(ImageSide)._drawn
        assert drawn is not None
        assert drawn.words is None


@pytest.mark.parametrize(
    ("family", "why"),
    [
        ("idefics2", "do not come from single vision patches"),
        ("clip_tower", "CLIP's vision tower alone has no language side"),
        ("mllama", "the LLM reads the patches by cross-attention"),
    ],
)
async def test_where_there_is_none_it_is_said(family: str, why: str) -> None:
    tui = app(made=FAMILIES[family](), stage="vision.1")
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("e")
        await pilot.pause()
        said = [notification.message for notification in tui._notifications]
        assert len(said) == 1
        assert why in said[0]
        assert not explorer(pilot).state.selection.early_exit
        assert "e projector" not in text(tui, "#keys")
        assert "projector" not in text(tui, "#words")


async def test_at_other_stages_it_is_said_where_it_is() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("e")
        await pilot.pause()
        assert "go to vision.4 or an earlier one" in next(iter(tui._notifications)).message


def test_patches_of_one_token_share_its_words() -> None:
    seen = known("qwen2_vl")
    sent: list[LensRequest] = []
    asking = Requests(sent.append, sent.remove, [needs.words])
    view = fit_selection(Selection(row=3, col=5, stage="vision.2", early_exit=True), seen)
    assert exiting.early_exit_title(seen, view) == "projector lens: vision.2 → projector"
    token = 1 * 22 + 2
    asking.update(seen, view)
    assert (sent[0].subject.stage, sent[0].tokens) == ("vision.2", (token,))
    table = seen.words_at("vision.2", view.order)
    assert table is not None
    table.add(readings.words([token], view.k, stage="vision.2"))
    assert "of token 24, as of its 4 patches" in exiting.early_exit_footer(seen, view)
    for row, col in ((2, 4), (2, 5), (3, 4), (3, 5)):
        words = seen.words(replace(view, row=row, col=col))
        assert words is not None
        assert words[0].id == 100 * (token % 9) + 52
    assert seen.words(replace(view, row=4)) is None
    # turned off they are nobody's, and kept
    assert seen.words(replace(view, early_exit=False)) is None
    assert "projector lens: vision.2 → projector, of token 24" in export.patch_text(seen, view)


def test_the_stage_that_feeds_the_projector_is_named() -> None:
    seen = known("gemma3")
    assert seen.reading is not None
    view = fit_selection(Selection(stage=seen.reading.model.feeds or "", early_exit=True), seen)
    assert "this stage feeds the projector" in exiting.early_exit_footer(seen, view)


async def test_a_patch_that_goes_into_no_token_says_so() -> None:
    tui = app(made=FAMILIES["llava_onevision"](), stage="vision.2")
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("e")
        await pilot.pause()
        assert "vision.2 → projector" in text(tui, "#words")
        await pilot.press("t")  # a tile: its patches are mixed into the tokens of the whole picture
        await pilot.pause()
        assert "This patch goes into no image token" in " ".join(text(tui, "#words").split())


@pytest.mark.parametrize("columns", [80, 100])
async def test_its_name_stands_in_a_narrow_terminal(columns: int) -> None:
    tui = app(stage="vision.4")
    async with tui.run_test(size=(columns, 40)) as pilot:
        await pilot.pause()
        await pilot.press("e")
        await pilot.pause()
        assert "vision.4 → pro" in text(tui, "#words")
