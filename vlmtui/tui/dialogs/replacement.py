"""Dialog that chooses the replacement of marked tokens for an ablation."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from vlmtui.display.numbers import count
from vlmtui.results.replacement import REPLACEMENTS, Replacement
from vlmtui.tui.dialogs.choice_list import ChoiceList
from vlmtui.tui.dialogs.dialog import Dialog

MEANINGS: dict[Replacement, str] = {
    "mean": "the mean image token",
    "zero": "zeros",
    "blur": "tokens of the image with their pixels blurred",
}


class ReplacementDialog(Dialog[Replacement]):
    """One of three, the one before preset."""

    def __init__(self, marked: int, before: Replacement) -> None:
        super().__init__(f"Ask again with {count(marked, 'marked token')} replaced")
        self._before = before

    def compose(self) -> ComposeResult:
        yield self.title()
        options = ChoiceList(*(Option(Text(f"{name}  {MEANINGS[name]}"), id=name) for name in REPLACEMENTS))
        options.highlighted = REPLACEMENTS.index(self._before)
        yield options
        yield self.hint("↑↓ and Enter choose the replacement · Escape leaves")

    async def submit(self) -> None:
        """Answer with the one chosen."""
        chosen = self.query_one(OptionList).highlighted
        await self.reply(None if chosen is None else REPLACEMENTS[chosen])

    @on(OptionList.OptionSelected)
    async def _clicked(self, event: OptionList.OptionSelected) -> None:
        await self.reply(REPLACEMENTS[event.option_index])
