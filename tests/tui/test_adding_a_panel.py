"""What a panel, an overlay and a key cost: in a copy of the package each is added, and driven.

A panel and an overlay are a file and a line, a key is a row.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PANEL = '''"""A panel that was added."""

from textual.strip import Strip

from vlmtui.tui.needs import Need
from vlmtui.tui.panels.panel import Panel, fixed
from vlmtui.tui.state.subject import LayerWordsLens, Subject
from vlmtui.tui.widgets.lines import Lines, line


class AddedPanel(Lines):
    """The row of the cursor, and whether what it needs has come."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        there = self._results is not None and self._results.by_layer(7) is not None
        style = self.roles.style()
        return [line(cells, style, [(f"ADDED row {self._selection.row} {there}", style)])]


def needs(results, selection):
    yield Need(Subject("llm", 7), LayerWordsLens())


def applies(results, selection):
    return selection.k > 8


PANEL = Panel("added", "Added", AddedPanel, fixed(2), applies=applies, needs=(needs,))
'''
OVERLAY = '''"""An overlay that was added: of scores of the whole image."""

from dataclasses import replace

from vlmtui.lenses.kinds import Scores
from vlmtui.tui.overlays.drawing import Overlay


def draw(drawing, page, result):
    drawing.inner[:] = 255
    return replace(drawing, legend=f"{drawing.legend}, laid over the image")


OVERLAY = Overlay(Scores, draw)
'''
ROW = """    Action("most-words", "", "Words: as many as can be", "B", lambda c: lens.words(c, 50), help="most words"),
"""
DRIVER = """
import asyncio
from tests.tui import lenses
from tests.tui.fake import app
from tests.tui.screens.test_explorer import WIDE, explorer, text
from vlmtui.tui.actions.palette import ActionCommands
from vlmtui.tui.actions.key_table import help_rows


async def main():
    tui = app(lens=lenses.through("moods"))
    async with tui.run_test(size=(132, 60)) as pilot:
        await pilot.pause()
        await pilot.pause()
        assert "laid over the image" in text(tui, "#legend"), text(tui, "#legend")
        assert not explorer(pilot).query_one("#added").display
        await pilot.press("B")
        await pilot.pause()
        assert explorer(pilot).state.selection.k == 50
        await pilot.press(*["minus"] * 40, "down")
        await pilot.pause()
        await pilot.pause()
        assert explorer(pilot).query_one("#added").display
        assert "ADDED row 4 True" in text(tui, "#added"), text(tui, "#added")
        assert ("B", "most words") in help_rows()
        assert "Words: as many as can be" in {title for title, *_ in ActionCommands(explorer(pilot)).commands()}


asyncio.run(main())
"""


def inserted(path: Path, before: str, text: str) -> int:
    """Insert text before a line of a file; how many lines more it has."""
    source = path.read_text("utf-8")
    assert source.count(before) == 1, before
    path.write_text(source.replace(before, text + before), "utf-8")
    return text.count("\n")


def test_a_panel_an_overlay_and_a_key_are_added_and_driven(tmp_path: Path) -> None:
    for name in ("vlmtui", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    tui = tmp_path / "vlmtui" / "tui"
    (tui / "panels" / "added.py").write_text(PANEL, "utf-8")
    (tui / "overlays" / "scores.py").write_text(OVERLAY, "utf-8")
    registry = tui / "panels" / "registry.py"
    source = registry.read_text("utf-8").replace("panels import answer,", "panels import added, answer,")
    registry.write_text(source, "utf-8")
    assert inserted(registry, "    patch.PANEL,\n", "    added.PANEL,\n") == 1
    registry = tui / "overlays" / "registry.py"
    source = registry.read_text("utf-8").replace(
        "import colours, scalars, words", "import colours, scalars, scores, words"
    )
    registry.write_text(source, "utf-8")
    assert inserted(registry, "    words.OVERLAY,\n", "    scores.OVERLAY,\n") == 1
    table = tui / "actions" / "key_table.py"
    assert inserted(table, '    Action("fewer-words"', ROW) == 1
    done = subprocess.run(
        [sys.executable, "-P", "-c", DRIVER],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
