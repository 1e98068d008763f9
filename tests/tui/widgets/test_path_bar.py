"""The path from pixels to the answer: every number of a layer is told apart from the next."""

from __future__ import annotations

import pytest

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.screens.test_explorer import explorer, text


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("layers", [1, 2, 3, 12])
async def test_the_last_layer_stands_by_itself_wherever_one_is(columns: int, layers: int) -> None:
    tui = app(made=readings.reading(6, 8, llm_layers=layers))
    async with tui.run_test(size=(columns, 40)) as pilot:
        await pilot.pause()
        screen = explorer(pilot)
        assert screen.state.results.stages[-1] == f"llm.{layers}"
        for stage in screen.state.results.stages:
            screen.state.at_stage(stage)
            screen.bring_up_to_date()
            await pilot.pause()
            # where there is no room for all of the path, the language model may be out of sight
            _, named, after = text(tui, "#path").partition(" llm ")
            llm, ended, _ = after.partition(" ──")
            numbers = [int(number) for number in llm.replace("·", " ").split()]
            assert all(1 <= number <= layers for number in numbers), numbers
            assert numbers == sorted({*numbers})
            assert columns < 80 or (named and ended and {numbers[0], numbers[-1]} == {1, layers})
