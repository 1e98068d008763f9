"""The questions the explorer asks: where to go, which picture, which model, where to save; and the help."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from vlmtui.catalogue import OnDisk
from vlmtui.display.pieces import plain


class Ask(ModalScreen[str | None]):
    """One line of text; Escape leaves without an answer."""

    BINDINGS = [Binding("escape", "dismiss(None)", "leave")]

    def __init__(
        self,
        title: str,
        hint: str,
        check: Callable[[str], str | None],
        value: str = "",
        suggester: Suggester | None = None,
    ) -> None:
        """`check` returns what is wrong with an answer, or None."""
        super().__init__()
        self._title, self._hint, self._check, self._value = title, hint, check, value
        self._suggester = suggester

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self._title), classes="dialog-title")
            yield Input(self._value, suggester=self._suggester, select_on_focus=True)
            yield Static(Text(self._hint), classes="dialog-hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        answer = event.value.strip()
        if wrong := self._check(answer):
            self.query_one(".dialog-hint", Static).update(Text(wrong, style="bold red"))
        else:
            self.dismiss(answer)


class PathSuggester(Suggester):
    """Completes a path from what is on the disk (→ takes the suggestion)."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first entry of the folder that goes on as `value` does."""
        if not value or "://" in value:
            return None
        try:
            path = Path(value).expanduser()
            folder, start = (path, "") if value.endswith("/") else (path.parent, path.name)
            names = sorted(p.name + "/" * p.is_dir() for p in folder.iterdir() if p.name.startswith(start))
        except OSError:
            return None
        return value + names[0][len(start) :] if names else None


class ChooseModel(ModalScreen[str | None]):
    """A model of those on this disk, or a hub name or folder typed in."""

    BINDINGS = [Binding("escape", "dismiss(None)", "leave")]

    def __init__(self, models: list[OnDisk], current: str) -> None:
        super().__init__()
        self._models, self._current = models, current

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text("Model"), classes="dialog-title")
            options = []
            for model in self._models:
                text = Text(f"{plain(model.name)}  ")
                text.append(model.family, style="dim")
                if model.name == self._current:
                    text.append("  now", style="bold")
                options.append(Option(text, id=model.name))
            yield OptionList(*options)
            yield Input(placeholder="or a hub name (org/model) or a folder", suggester=PathSuggester())
            yield Static(Text("↑↓ and Enter choose · Tab types a name · Escape leaves"), classes="dialog-hint")

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if name := event.value.strip():
            self.dismiss(name)


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss(None)", "leave")]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog help"):
            yield Static(Text("Keys"), classes="dialog-title")
            yield Static(_help_text())


HELP: tuple[tuple[str, str], ...] = (
    ("← ↑ ↓ →  h j k l", "move the cursor by one patch"),
    ("Home End", "to the first, the last column"),
    ("PgUp PgDn", "up, down by a quarter of the picture"),
    ("g", "go to a row and column, or to a pixel of the file"),
    ("mouse", "click a patch, or a stage of the path"),
    ("[  ]", "one stage back, on: vision.0 … tokens"),
    ("m", "metric: l2, cosine, dot"),
    ("+  -", "more, fewer words"),
    ("o", "overlay: none, the stage's norms, the first words"),
    ("Tab", "narrow terminal: the next panel"),
    ("i", "another picture: a path or an address"),
    ("M", "another model"),
    ("R", "start the model session again"),
    ("y", "copy the patch's words, box and norms"),
    ("s", "save the report"),
    ("Ctrl-P", "find any action by name"),
    ("Ctrl-Z", "back to the shell; fg returns"),
    ("q", "quit"),
)


def _help_text() -> Text:
    text = Text()
    for keys, meaning in HELP:
        text.append(f"{keys:<18}", style="bold")
        text.append(f"{meaning}\n")
    text.append(
        "\nWords: the bar of the first is full, the last's a fifth, between them by score. Norms: the height of a bar"
        " is the L2 norm of the patch after that layer; behind it the 5–95% band and the median of all patches."
        "\n\nEscape leaves this page."
    )
    return text


@dataclass(frozen=True)
class GoTo:
    """Where to go: a row and column, or a pixel of the file."""

    row: int | None = None
    col: int | None = None
    x: float | None = None
    y: float | None = None


def parse_go_to(text: str) -> GoTo | None:
    """`3,4` or `3 4` is row 3, column 4; `x120 y80`, `120x80 px` or `p 120,80` a pixel; None for anything else."""
    numbers = re.findall(r"\d+(?:\.\d+)?", text)
    if len(numbers) != 2 or not re.fullmatch(r"[\s\d.,;:xyp()]+", text.strip(), re.IGNORECASE):
        return None
    if re.search(r"[xyp]", text, re.IGNORECASE):
        return GoTo(x=float(numbers[0]), y=float(numbers[1]))
    if "." in numbers[0] + numbers[1]:
        return None
    return GoTo(row=int(numbers[0]), col=int(numbers[1]))
