"""Dialog that chooses the replacement of marked tokens for an ablation."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from vlmtui.display.numbers import count
from vlmtui.results.replacement import REPLACEMENTS, Replacement

MEANINGS: dict[Replacement, str] = {
    "mean": "the mean of the picture's image tokens",
    "zero": "zeros",
    "blur": "what the model makes of their pixels blurred",
}


class ChooseReplacement(ModalScreen[Replacement | None]):
    """One of three, the one before preset; Escape leaves."""

    BINDINGS = [Binding("escape", "dismiss(None)", "leave")]

    def __init__(self, marked: int, before: Replacement) -> None:
        super().__init__()
        self._marked, self._before = marked, before

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(f"Ask again without {count(self._marked, 'marked token')}"), classes="dialog-title")
            options = OptionList(*(Option(Text(f"{name}  {MEANINGS[name]}"), id=name) for name in REPLACEMENTS))
            options.highlighted = REPLACEMENTS.index(self._before)
            yield options
            yield Static(Text("what stands for them · ↑↓ and Enter choose · Escape leaves"), classes="dialog-hint")

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(next(stand for stand in REPLACEMENTS if stand == event.option.id))
