"""What a panel and an overlay cost: in a copy of the package each is added by a file and a line, and driven.

The panel is that of the recipe in CONTRIBUTING.md.
"""

from __future__ import annotations

from pathlib import Path

from tests.recipes import copy_documents, recipe, update_docs_in
from tests.tui.copies import copied, driven

RECIPE = recipe("Add a panel")
OVERLAY = '''"""An overlay that was added: of scores of the whole image."""

from dataclasses import replace

from vlmtui.lenses.kinds import Scores
from vlmtui.tui.overlays.drawing import Overlay


def draw(drawing, page, result):
    drawing.inner[:] = 255
    return replace(drawing, legend=f"{drawing.legend}, laid over the image")


OVERLAY = Overlay(Scores, draw)
'''
IMPORT = "from vlmtui.tui.overlays.drawing import"
DRIVER = """
import asyncio
from tests.tui import lenses
from tests.tui.fake import app
from tests.tui.panels.test_layer_words import rested
from tests.tui.screens.test_explorer import explorer, text
from vlmtui.tui.panels.registry import PANELS


async def main():
    tui = app(lens=lenses.through("moods"))
    async with tui.run_test(size=(132, 60)) as pilot:
        await pilot.pause()
        await pilot.pause()
        assert "laid over the image" in text(tui, "#legend"), text(tui, "#legend")
        assert not explorer(pilot).query_one("#middle-layer").display
        await pilot.press("right_square_bracket", "right_square_bracket")
        await rested(pilot)
        assert explorer(pilot).state.selection.stage == "llm.2"
        assert explorer(pilot).query_one("#middle-layer").display
        # token 28 of 6 × 8, in a model of three layers: see `tests.tui.readings.layer_words`
        number = 1 + [panel.name for panel in PANELS].index("middle-layer")
        shown = text(tui, "#middle-layer").strip()
        assert shown == f"{number} MIDDLE LAYER  llm.2: w21", shown
        await pilot.press(str(number))
        await pilot.pause()
        assert not explorer(pilot).query_one("#middle-layer").display
        await pilot.press(str(number))
        await pilot.press("left_square_bracket", "left_square_bracket")
        await pilot.pause()
        assert not explorer(pilot).query_one("#middle-layer").display


asyncio.run(main())
"""


def test_a_panel_and_an_overlay_are_added_and_driven(tmp_path: Path) -> None:
    tui = copied(tmp_path) / "vlmtui" / "tui"
    RECIPE.apply(tmp_path)
    (added,) = RECIPE.files
    assert (added.parent, [change.more_lines for change in RECIPE.changes]) == (Path("vlmtui/tui/panels"), [1, 1])
    (tui / "overlays" / "scores.py").write_text(OVERLAY, "utf-8")
    registry = tui / "overlays" / "registry.py"
    source, row = registry.read_text("utf-8"), "    words.OVERLAY,\n"
    assert source.count(row) == 1
    source = source.replace(row, f"    scores.OVERLAY,\n{row}")
    assert source.count(IMPORT) == 1
    registry.write_text(source.replace(IMPORT, f"from vlmtui.tui.overlays import scores\n{IMPORT}"), "utf-8")
    driven(tmp_path, DRIVER)


def test_the_documentation_has_the_panel_after_one_command(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    RECIPE.apply(copy)
    copy_documents(copy)
    update_docs_in(copy, RECIPE)
    (row,) = (line for line in (copy / "docs/settings.md").read_text("utf-8").splitlines() if "`panels`" in line)
    assert "middle-layer" in row
