"""The command palette: what it finds, and that Enter acts on what has been typed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from tests.tui.dialogs.test_layer import burst, click
from tests.tui.fake import app
from tests.tui.screens.test_explorer import WIDE, at, dialog, explorer
from vlmtui.tui.actions.key_table import ACTIONS
from vlmtui.tui.dialogs.palette import Palette
from vlmtui.tui.overlays.listing import overlays_of


async def listed(pilot: Pilot[int]) -> list[str]:
    """The lines of the list, once the search is over."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    options = explorer(pilot).query_one(OptionList)
    return [str(options.get_option_at_index(i).prompt) for i in range(options.option_count)]


async def test_it_lists_every_action_with_its_key_and_every_overlay() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+p")
        overlays = overlays_of(explorer(pilot).state.results)
        assert overlays
        assert [line.strip() for line in await listed(pilot)] == [
            *(f"{action.title}  {action.key}".strip() for action in ACTIONS),
            *(f"Overlay: {name}  {line}" for name, line in overlays),
        ]


async def test_an_action_is_found_first_by_its_key() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+p")
        for action in ACTIONS:
            if action.key:
                explorer(pilot).query_one(Input).value = action.key
                assert (await listed(pilot))[0] == f"{action.title}  {action.key}"


async def test_it_finds_titles_and_synonyms_and_says_when_nothing_is_found() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+p", *"ablate")
        assert [line for line in await listed(pilot) if "(ablation)" in line]
        await pilot.press("ctrl+u", *"outlrs")
        assert (await listed(pilot))[0] == "Outliers across images: position or content  V"
        await pilot.press("ctrl+u", *"qqqq")
        assert await listed(pilot) == ["No matches found"]
        await pilot.press("enter", "down", "enter")
        assert isinstance(dialog(pilot), Palette)
        await pilot.press("ctrl+u")
        assert len(await listed(pilot)) > len(ACTIONS)


async def test_the_arrows_move_in_the_list_and_the_mouse_chooses() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+p", "down", "down", "up", "enter")  # left, right, up, right
        assert at(pilot) == (3, 5)
        await pilot.press("ctrl+p", "pagedown", "ctrl+home", "enter")
        assert at(pilot) == (3, 4)
        await pilot.press("ctrl+p")
        await pilot.pause()
        region = explorer(pilot).query_one(OptionList).content_region
        await click(pilot, region.x + 3, region.y + 2)
        assert dialog(pilot) is None
        assert at(pilot) == (2, 4)


class Slow(Provider):
    """Finds what is asked for when it is let go on."""

    def __init__(self, pilot: Pilot[int], done: Callable[[str], object]) -> None:
        super().__init__(explorer(pilot))
        self.go_on = asyncio.Event()
        self._done = done
        self.asked: list[str] = []

    async def discover(self) -> Hits:
        yield DiscoveryHit("everything", lambda: self._done("everything"))

    async def search(self, query: str) -> Hits:
        self.asked.append(query)
        await self.go_on.wait()
        yield Hit(1.0, f"found by {query}", lambda: self._done(query))


@pytest.mark.parametrize("keys", ["bridge⏎", "bridge↓⏎", "brix⎋^bridge⏎"])
async def test_enter_waits_for_the_search_of_what_was_typed(keys: str) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        done: list[str] = []
        slow = Slow(pilot, done.append)
        opened = explorer(pilot).dialogs.open
        tui.action_command_palette = lambda: opened(Palette([slow]), lambda found: found.command())  # type: ignore[method-assign]
        burst(pilot, f"^{keys}l")
        while "bridge" not in slow.asked:
            await asyncio.sleep(0.01)
        assert not done
        slow.go_on.set()
        await pilot.pause()
        assert done == ["bridge"]
        assert dialog(pilot) is None
        assert at(pilot) == (3, 5)
