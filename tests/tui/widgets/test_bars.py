"""Bars at the edges of the screen: the line of status."""

from __future__ import annotations

from tests.tui.fake import app
from vlmtui.display.cells import ELLIPSIS
from vlmtui.tui.widgets.bars import StatusBar


async def test_a_fact_of_the_session_is_whole_or_not_there() -> None:
    facts = ("demo24", "cpu", "float32", "528 MB", "last: occlusion map 5.8 s", "truecolor")
    tui = app()
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        bar = tui.screen_stack[1].query_one(StatusBar)
        bar.report("alive", "", facts)
        for cells in range(40, 120):
            assert ELLIPSIS not in bar.build(cells, 1)[0].text, cells
