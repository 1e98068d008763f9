"""The legend says every overlay's name and numbers whole, however many rows the image takes."""

from __future__ import annotations

import pytest

from tests.tui.fake import app
from tests.tui.families import FAMILIES
from tests.tui.screens.test_explorer import explorer, text
from vlmtui.display.cells import ELLIPSIS


@pytest.mark.parametrize("family", FAMILIES)
async def test_no_legend_is_cut(family: str) -> None:
    tui = app(made=FAMILIES[family]())
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        cut, seen = [], set()
        for key in "ooooo[ooooo":
            await pilot.press(key)
            await pilot.pause()
            seen.add(explorer(pilot).state.selection.overlay)
            if ELLIPSIS in (legend := text(tui, "#legend")):
                cut.append(legend)
        assert seen >= {"norms", "pca", "similarity"}
        assert not cut
