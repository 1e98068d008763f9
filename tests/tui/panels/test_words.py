"""Behind a piece in another script what script that is, dimly."""

from __future__ import annotations

from tests.tui.fake import app
from tests.tui.screens.test_explorer import NARROW, text


async def test_the_script_stands_behind_the_piece() -> None:
    # of token 28, which the cursor stands on
    tui = app(pieces={100: "▁небо", 101: "▁sky", 102: "▁سماء", 103: "▁" + "я" * 60})
    async with tui.run_test(size=NARROW) as pilot:
        await pilot.pause()
        shown = text(tui, "#words").split("\n")
        assert shown[1].startswith(" небо Cyrillic ")
        assert shown[2].startswith(" sky  ")
        assert "سماء\u200e Arabic" in shown[3]
        assert "яяя…" in shown[4]
        assert "Cyrillic" not in shown[4]
        widget = tui.screen_stack[1].query_one("#words")
        styles = {segment.text.strip(): segment.style for segment in widget.render_line(1)}
        assert styles["Cyrillic"].color == styles["100"].color != styles["небо"].color
