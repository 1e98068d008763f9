"""Dialog that chooses a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from vlmtui.catalogue import DEMO_NOTES, LocalModel
from vlmtui.display.pieces import plain
from vlmtui.errors import VlmtuiError
from vlmtui.images.paths import local_name
from vlmtui.tui.dialogs.choice_list import ChoiceList
from vlmtui.tui.dialogs.dialog import Dialog
from vlmtui.tui.dialogs.text import PathSuggester


class ModelDialog(Dialog[str]):
    """A model of those on this disk, or a hub name or folder typed in.

    `check` raises `VlmtuiError` for a name that can be no model's, which is said here.
    """

    def __init__(self, models: Sequence[LocalModel], current: str, check: Callable[[str], object]) -> None:
        super().__init__("Model")
        self._models, self._current, self._check = models, current, check

    def compose(self) -> ComposeResult:
        yield self.title()
        options = []
        for model in self._models:
            text = Text(f"{plain(model.name)}  ")
            text.append(model.family, style="dim")
            if model.name == self._current:
                text.append("  now", style="bold")
            if note := DEMO_NOTES.get(model.name):
                text.append(f"\n  {note.removeprefix('demo model, ')}", style="dim")
            options.append(Option(text, id=model.name))
        yield ChoiceList(*options)
        line = Input(
            placeholder="or a hub name (org/model) or a folder", suggester=PathSuggester(), select_on_focus=False
        )
        line.cursor_blink = False
        yield line
        yield self.hint("↑↓ and Enter choose · Tab types a name · Escape leaves")

    def on_mount(self) -> None:
        names = [model.name for model in self._models]
        if self._current in names:
            self.query_one(OptionList).highlighted = names.index(self._current)

    async def submit(self) -> None:
        """Answer with the model chosen, or the name typed, or say what is wrong with it."""
        options, line = self.query_one(OptionList), self.query_one(Input)
        if not line.has_focus:
            if options.highlighted is not None:
                await self.reply(options.get_option_at_index(options.highlighted).id)
        elif name := line.value.strip():
            try:
                # a folder as a terminal pastes it
                name = local_name(name)
                self._check(name)
            except VlmtuiError as error:
                self.say(str(error), wrong=True)
            else:
                await self.reply(name)

    @on(OptionList.OptionSelected)
    async def _clicked(self, event: OptionList.OptionSelected) -> None:
        await self.reply(event.option.id)
