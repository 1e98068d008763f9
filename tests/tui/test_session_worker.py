"""The explorer with a real session and a tiny checkpoint, from the pixels to the last layer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from textual.pilot import Pilot

from tests.query.queries import query_of
from tests.tui import readings
from tests.tui.screens.test_explorer import WIDE, explorer, text
from vlmtui.session.discovery import SessionLocation
from vlmtui.session.typed_lenses.values import Find
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.subject import Subject

ON, BACK = "right_square_bracket", "left_square_bracket"


async def test_the_whole_path_with_a_real_session(siglip_folder: Path) -> None:
    image: Image.Image = readings.picture(96, 64)
    query = query_of(str(siglip_folder), device="cpu", where=SessionLocation(None, "vlmtui", warm=False))
    conversation = SessionWorker(ExplorerOptions(image=readings.source(image), query=query))
    tui = VlmtuiApp(conversation, image)
    try:
        async with tui.run_test(size=WIDE) as pilot:

            def known() -> Results:
                return explorer(pilot).state.results

            await until(pilot, lambda: len(tui.screen_stack) > 1 and known().reading is not None)
            reading = known().reading
            assert reading is not None
            last = reading.model.llm_layers
            everything = range(len(reading.places))
            for layer in range(1, last + 1):
                await pilot.press(ON)
                book = (f"llm.{layer}", "logit")
                await until(pilot, lambda book=book: bool(known().words_at(*book)))  # type: ignore[misc]
                await until(pilot, lambda book=book: not known().words_at(*book).missing(everything))  # type: ignore[misc]
                assert f"logit lens, layer {layer} of {last}" in text(tui, "#words")
            await pilot.press("w")
            await until(pilot, lambda: known().by_layer(known().token(explorer(pilot).state.selection)) is not None)
            await pilot.pause()
            assert f"of {last}:" in text(tui, "#words")
            view = explorer(pilot).state.selection
            token = known().token(view)
            assert token is not None
            found = known().by_layer(token)
            # both questions have the same answer
            first = [known().words_at(f"llm.{i}", "logit").rows[token][0] for i in range(1, last + 1)]
            assert [word.id for word in first] == found.ids[:, 0].tolist()
            assert known().layers is not None
            assert f"llm 1–{last}" in text(tui, "#norms")
            # back into the tower, looked at through the projector: its last stage has the words of the tokens
            await pilot.press(*[BACK] * (last + 1), "e", BACK, BACK)
            for stage in ("vision.2", "vision.3", "vision.4"):
                assert explorer(pilot).state.selection.stage == stage
                await until(pilot, lambda stage=stage: bool(known().words_at(stage, "cosine")))  # type: ignore[misc]
                await until(pilot, lambda stage=stage: not known().words_at(stage, "cosine").missing(everything))  # type: ignore[misc]
                assert f"projector lens: {stage} → projector" in text(tui, "#words")
                await pilot.press(ON)
            await until(pilot, lambda: not known().words_at("tokens", "cosine").missing(everything))
            through, own = known().words_at("vision.4", "cosine"), known().words_at("tokens", "cosine")
            assert through.rows == own.rows
            assert known().words_at("vision.2", "cosine").rows != own.rows
            await pilot.press("slash", *"sky", "enter", BACK)
            await until(pilot, lambda: (Subject("vision.4"), Find("sky")) in known().found)
            assert "projector lens" in known().found[Subject("vision.4"), Find("sky")].note
            assert not tui._notifications
    finally:
        conversation.close()


async def until(pilot: Pilot[int], happened: Callable[[], bool], seconds: float = 120.0) -> None:
    async with asyncio.timeout(seconds):
        while not happened():
            await pilot.pause(0.02)
