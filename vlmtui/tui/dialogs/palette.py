"""Command palette: a line to type into, and below it what is found by it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Provider
from textual.content import Content
from textual.events import Mount, Unmount
from textual.visual import VisualType
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from vlmtui.tui.dialogs.choice_list import ChoiceList
from vlmtui.tui.dialogs.dialog import Dialog

Found = Hit | DiscoveryHit


class Palette(Dialog[Found]):
    """What providers find, the best first. Enter and the arrows wait for the search of what has been typed."""

    LEFT_BY_CLICK = True
    BINDINGS = [
        Binding(keys, f"list('{name}')", show=False, priority=True)
        for keys, name in {
            "up": "cursor_up",
            "down": "cursor_down",
            "pageup": "page_up",
            "pagedown": "page_down",
            "ctrl+home,shift+home": "first",
            "ctrl+end,shift+end": "last",
        }.items()
    ]

    def __init__(self, providers: Sequence[Provider]) -> None:
        super().__init__("")
        self.add_class("palette")
        self._providers = providers
        self._found: list[Found] = []
        self._searched: str | None = None

    def compose(self) -> ComposeResult:
        line = Input(placeholder="Search for commands…", select_on_focus=False)
        line.cursor_blink = False
        yield line
        options = ChoiceList()
        options.can_focus = False
        yield options

    @on(Mount)
    async def _begin(self) -> None:
        for provider in self._providers:
            await provider.startup()
        await self._search()

    @on(Unmount)
    async def _end(self) -> None:
        for provider in self._providers:
            await provider.shutdown()

    async def submit(self) -> None:
        """Answer with the command that is highlighted, of those found by all that was typed."""
        await self._search()
        chosen = self.query_one(OptionList).highlighted
        if chosen is not None and self._found:
            await self.reply(self._found[chosen])

    async def action_list(self, name: str) -> None:
        """Move in the list."""
        await self._search()
        await self.app.run_action(name, self.query_one(OptionList))

    @on(Input.Changed)
    @work(exclusive=True)
    async def _typed(self) -> None:
        if self.is_attached and self.query(OptionList):
            await self._search()

    @on(OptionList.OptionSelected)
    async def _clicked(self, event: OptionList.OptionSelected) -> None:
        await self.reply(self._found[event.option_index])

    async def _search(self) -> None:
        """Fill the list with what is found by the line, where it is not yet."""
        options, line = self.query_one(OptionList), self.query_one(Input)
        query = line.value.strip()
        if query == self._searched:
            return
        found: list[Found] = []
        for provider in self._providers:
            async for hit in provider.search(query) if query else provider.discover():
                found.append(hit)
        if query != line.value.strip() or not options.is_attached:
            # more has been typed, or the palette has been left
            return
        self._searched, self._found = query, sorted(found, key=lambda hit: -hit.score)
        options.clear_options()
        options.add_options([Option(_line(hit)) for hit in self._found])
        if self._found:
            options.highlighted = 0
        else:
            options.add_option(Option(Text("No matches found", style="dim"), disabled=True))


def _line(hit: Found) -> VisualType:
    """The title, and what is said of it."""
    title = hit.prompt if isinstance(hit.prompt, Content) else Content(str(hit.prompt))
    return Content.assemble(title.stylize_before("bold"), "  ", (hit.help or "", "dim"))
