"""A model of two towers in the explorer, with a real session: a text lights up patches, and is called approximate."""

from __future__ import annotations

from tests.families import build
from tests.tui import readings
from tests.tui.test_explorer import WIDE, explorer, text
from tests.tui.test_session import until
from vlmtui.reports import Query
from vlmtui.session.opening import Where
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.conversation import Conversation
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.view import Known


async def test_a_text_is_found_at_the_towers_end(tmp_path):
    image = readings.picture(96, 64)
    query = Query(model=str(build("clip", tmp_path / "clip")), device="cpu", where=Where(None, "vlmtui", warm=False))
    conversation = Conversation(ExplorerOptions(image=readings.source(image), query=query))
    tui = VlmtuiApp(conversation, image)
    try:
        async with tui.run_test(size=WIDE) as pilot:

            def known() -> Known:
                return explorer(pilot)._known

            await until(pilot, lambda: len(tui.screen_stack) > 1 and known().reading is not None)
            await pilot.press("slash", *"sky", "enter")
            await until(pilot, lambda: "approximate" in text(tui, "#legend"))
            assert "find sky: cosine at vision.4, approximate, by CLIP's value path" in text(tui, "#legend")
    finally:
        conversation.close()
