"""Norms panel: what its legend says of an outlier in any number of cells."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from rich.color import Color

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.screens.test_explorer import WIDE, at, explorer
from vlmtui.display.cells import ELLIPSIS
from vlmtui.display.norm_statistics import robust_z
from vlmtui.tui.panels.norms import NormsPanel
from vlmtui.tui.terminal.theme import DARK


@pytest.mark.parametrize("stage", ["tokens", "vision.2"])
async def test_an_outlier_is_named_whole_at_every_width(stage: str) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        # the made-up reading has one at stage 2, patch 24
        await pilot.press("home")
        assert at(pilot) == (3, 0)
        for _ in range({"tokens": 0, "vision.2": 3}[stage]):
            await pilot.press("left_square_bracket")
        assert explorer(pilot).state.selection.stage == stage
        panel = tui.screen_stack[1].query_one(NormsPanel)
        legends = {cells: panel.build(cells, 11)[-1].text.strip() for cells in range(19, 121)}
        assert all("▲ outlier" in said and ELLIPSIS not in said for said in legends.values()), legends
        assert "▲ outlier at 2: 16.4× the median" in legends[120]
        assert legends[19] == "▲ outlier: z +152.9"


@pytest.mark.parametrize(("stage", "said"), [("vision.1", 1), ("vision.2", 2), ("vision.0", 2)])
async def test_of_several_stages_the_one_looked_at_is_named(stage: str, said: int) -> None:
    made = readings.reading(6, 8, 96, 64)
    (grid,) = made.grid_norms
    norms = grid.patches.copy()
    # less far out at stage 1 than at stage 2
    norms[1, 24] = 4 * np.median(norms[1])
    tui = app(
        made=msgspec.structs.replace(made, grid_norms=(msgspec.structs.replace(grid, patches=norms),)), stage=stage
    )
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("home")
        assert at(pilot) == (3, 0)
        legend = tui.screen_stack[1].query_one(NormsPanel).build(60, 11)[-1].text
        z = robust_z(norms[said])[24]
        assert f"z {z:+.1f} at {said}" in legend, legend


async def test_beside_an_answer_nothing_of_the_chart_is_red() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("home")
        seen = []
        for keys in ((), ("a", "w", "h", "y", "enter")):
            await pilot.press(*keys)
            await pilot.pause()
            strips = tui.screen_stack[1].query_one(NormsPanel).build(60, 11)
            red = Color.parse(DARK.outlier)
            seen.append(
                [any(one.style and red in (one.style.color, one.style.bgcolor) for one in strip) for strip in strips]
            )
        assert any(seen[0])
        assert not any(seen[1])
