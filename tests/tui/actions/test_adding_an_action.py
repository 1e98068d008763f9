"""What an action costs: in a copy of the package the one of CONTRIBUTING.md is added by a row, and driven."""

from __future__ import annotations

from pathlib import Path

from tests.recipes import copy_documents, pytest_in, recipe, update_docs_in
from tests.tui.copies import copied, driven

RECIPE = recipe("Add an action")
DRIVER = """
import asyncio
from tests.tui.fake import app
from tests.tui.screens.test_explorer import explorer
from vlmtui.tui.actions.key_table import help_rows
from vlmtui.tui.actions.palette import ActionCommands


async def main():
    tui = app()
    async with tui.run_test(size=(132, 60)) as pilot:
        await pilot.pause()
        assert explorer(pilot).state.selection.k < 50
        await pilot.press("B")
        await pilot.pause()
        assert explorer(pilot).state.selection.k == 50
        rows = help_rows()
        # below the line of the action before it
        assert rows[rows.index(("B", "most words")) - 1][1] == "more / fewer words"
        assert "Words: as many as possible" in {title for title, *_ in ActionCommands(explorer(pilot)).commands()}
        tui.set_keymap({"most-words": "f6"})
        await pilot.press("minus", "f6")
        await pilot.pause()
        assert explorer(pilot).state.selection.k == 50


asyncio.run(main())
"""


def test_an_action_is_one_row(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    RECIPE.apply(copy)
    assert (RECIPE.files, [change.more_lines for change in RECIPE.changes]) == ({}, [1])
    driven(copy, DRIVER)
    copy_documents(copy)
    update_docs_in(copy, RECIPE)
    assert "| `B` | most words |" in (copy / "docs" / "explorer.md").read_text("utf-8")
    done = pytest_in(copy, "tests/tui/actions/test_key_table.py")
    assert done.returncode == 0, done.stdout[-3000:]
