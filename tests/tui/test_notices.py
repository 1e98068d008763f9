"""Notices go with the matter that they are about: none stands over the screen when it is true no longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import MouseDown
from textual.widgets._toast import Toast

from tests.tui import readings
from tests.tui.actions.test_answer import ask
from tests.tui.fake import FakeWorker, app
from tests.tui.panels.test_layer_words import ON
from tests.tui.screens.test_explorer import WIDE, explorer
from vlmtui.lenses.lens_source import LensSource
from vlmtui.tui import messages
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.notices import KEY, MattersOver, Notices
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.subject import LensRequest, Subject, WordsLens

BACK = "left_square_bracket"


def seen(tui: VlmtuiApp) -> list[str]:
    """What the toasts on the screen say, and what there would be toasts of: the same."""
    said = [one.message for one in tui._notifications]
    assert [toast._notification.message for toast in tui.screen.query(Toast)] == said
    return said


def worker(tui: VlmtuiApp) -> FakeWorker:
    assert isinstance(tui._worker, FakeWorker)
    return tui._worker


@pytest.mark.parametrize("key", ["right", "x", "E", "escape", "ctrl+p"])
async def test_ctrl_c_once_more_is_offered_until_another_key(key: str) -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert seen(tui) == ["Ctrl-C again, or q, quits"]
        await pilot.press(key)
        await pilot.pause()
        assert not [said for said in seen(tui) if "Ctrl-C" in said]
        while explorer(pilot).dialogs.top is not None:
            await pilot.press("escape")
        # nor does what was offered hold any longer
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert tui.return_value is None
        await pilot.press("ctrl+c")
    assert tui.return_value == 130


async def test_what_answers_a_key_goes_with_a_click_too() -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        await pilot.press("n")
        await pilot.pause()
        assert len(seen(tui)) == 1
        # as the driver brings it: the pilot's own clicks go to the screen at once
        tui.post_message(MouseDown(None, 1, 0, 0, 0, 1, False, False, False, 1, 0))
        await pilot.pause()
        assert seen(tui) == []


def fails(tui: VlmtuiApp, what: str, of_model: bool) -> None:
    worker(tui).post(messages.SessionFailed(f"{what} failed", f"{what} is wrong", of_model=of_model))


async def test_another_image_takes_away_that_one_could_not_be_opened_and_not_that_a_model_could_not_be_loaded() -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        fails(tui, "image", of_model=False)
        fails(tui, "model", of_model=True)
        await pilot.pause()
        assert seen(tui) == ["image is wrong", "model is wrong"]
        # the model that was there before is there again: that the other one failed stays said
        worker(tui).post(messages.ModelLoaded(readings.model("toy")))
        image = readings.picture(96, 64)
        worker(tui).post(messages.ImageOpened(readings.source(image), image))
        await pilot.pause()
        assert seen(tui) == ["model is wrong"]
        # of the same matter the latest is said
        fails(tui, "another model", of_model=True)
        await pilot.pause()
        assert seen(tui) == ["another model is wrong"]
        await pilot.press("M", "enter")
        await pilot.pause()
        assert seen(tui) == []


async def test_layers_that_are_asked_for_again_take_away_that_they_could_not_be_read() -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        worker(tui).no_layers = "13.5 GB are needed and 8 GB are free"
        await pilot.press(ON)
        await pilot.pause()
        assert seen(tui) == ["13.5 GB are needed and 8 GB are free"]
        await pilot.press("right")
        await pilot.pause()
        assert seen(tui) == ["13.5 GB are needed and 8 GB are free"]
        worker(tui).no_layers = ""
        explorer(pilot).state.results.refused.clear()
        await pilot.press(ON)
        await pilot.pause()
        assert explorer(pilot).state.results.layers is not None
        assert seen(tui) == []


async def test_an_answer_takes_away_that_there_was_none() -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        worker(tui).no_answer = "the prompt is too long"
        await ask(pilot)
        assert seen(tui) == ["the prompt is too long"]
        worker(tui).no_answer = ""
        await ask(pilot)
        assert seen(tui) == []


async def test_words_that_came_after_all_and_another_reading_take_away_what_failed() -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        reading = worker(tui).reading
        request = LensRequest(f"r{worker(tui).begun}", Subject("tokens"), WordsLens("dot"), tokens=(0,), k=8)
        post = explorer(pilot).post_message

        def known() -> Results:
            return explorer(pilot).state.results

        for after in (
            lambda: messages.RequestAnswered(request, readings.words([0], 8, "l2")),
            lambda: messages.ImageRead(reading),
        ):
            post(messages.RequestFailed(request, "out of memory"))
            await pilot.pause()
            assert seen(tui) == ["out of memory"]
            post(after())
            await pilot.pause()
            assert seen(tui) == []


async def test_a_lens_that_can_be_used_after_all_takes_away_why_not() -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        hues, labels = (LensSource(stem, f"{stem}.py") for stem in ("hues", "labels"))
        for source in (hues, labels):
            worker(tui).post(messages.LensDescribed(source, None, f"{source.name} has no compute"))
        await pilot.pause()
        assert seen(tui) == ["hues has no compute", "labels has no compute"]
        worker(tui).describe(hues)
        await pilot.pause()
        assert seen(tui) == ["labels has no compute"]


async def test_a_report_that_was_saved_takes_away_that_it_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        await pilot.press("s", "enter")
        await pilot.pause()
        (first,) = seen(tui)
        await pilot.press("s", *["backspace"] * 40, *"other.txt", "enter")
        await pilot.pause()
        assert [said for said in seen(tui) if "other.txt" in said and said != first] == seen(tui)


def test_nothing_is_posted_where_nothing_was_said() -> None:
    posted: list[object] = []
    notices = Notices(posted.append)
    notices.over(KEY)
    assert not posted
    notices("said")
    notices.over("another matter")
    assert len(posted) == 1
    notices.over(KEY, "another matter")
    notices.over(KEY)
    assert [type(one) for one in posted[1:]] == [MattersOver]


async def test_an_answer_that_goes_with_its_reading_is_said_until_another_is_asked_for() -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        await ask(pilot)
        assert explorer(pilot).state.generation.text == "blue sky"
        worker(tui).running = False
        worker(tui).post(messages.SessionLost("it was killed"))
        await pilot.press("R")
        await pilot.pause()
        assert not explorer(pilot).state.generation.begun
        assert seen(tui) == ["the answer was about the reading before, and is gone: a asks again"]
        await ask(pilot)
        assert seen(tui) == []
        await pilot.pause()
        assert not explorer(pilot).query("ToastHolder"), "what held it is gone too"


async def test_nothing_is_said_of_an_answer_where_there_was_none() -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        await pilot.press("r")
        await pilot.pause()
        assert seen(tui) == []
