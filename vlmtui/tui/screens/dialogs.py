"""Dialogs: a line of text, a place to go to, a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from vlmtui.catalogue import DEMO_NOTES, LocalModel
from vlmtui.display.pieces import plain
from vlmtui.errors import UsageError
from vlmtui.files import expand_path
from vlmtui.tui.go_to import parse_go_to
from vlmtui.tui.navigation import at_pixel, to_cell
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import of_tokens

_T = TypeVar("_T")


class TextDialog(ModalScreen[_T | None], Generic[_T]):
    """One line of text; Escape leaves without an answer."""

    BINDINGS = [Binding("escape", "dismiss(None)", "leave")]

    def __init__(
        self, title: str, hint: str, read: Callable[[str], _T], value: str = "", suggester: Suggester | None = None
    ) -> None:
        """`read` makes the answer of what was typed, or raises `UsageError` with what is wrong with it."""
        super().__init__()
        self._title, self._hint, self._read, self._value = title, hint, read, value
        self._suggester = suggester
        self._early: list[Key] | None = []

    def typed(self, key: Key) -> None:
        """A key that came before there was a line to type it into."""
        if self._early is None:
            # from the app, as all keys are: what is sent by this screen would not rise above it
            self.query_one(Input)._forward_event(key.copy().set_sender(self.app))
        else:
            self._early.append(key)

    def on_mount(self) -> None:
        self.call_after_refresh(self._type_early)

    def _type_early(self) -> None:
        early, self._early = self._early or [], None
        self.query_one(Input).focus()
        for key in early:
            self.typed(key)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self._title), classes="dialog-title")
            yield Input(self._value, suggester=self._suggester, select_on_focus=True)
            yield Static(Text(self._hint), classes="dialog-hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            answer = self._read(event.value.strip())
        except UsageError as error:
            self.query_one(".dialog-hint", Static).update(Text(str(error), style="bold red"))
        else:
            self.dismiss(answer)


def ask_place(selection: Selection, results: Results) -> TextDialog[Selection]:
    """A row and column of this page or of another grid, a pixel of the file, or a token of the list."""
    page, pages = results.page(selection), results.pages(selection.stage)
    listed = page is not None and page.grid is None

    def read(text: str) -> Selection:
        if listed and text.isdecimal():
            return _token(selection, results, int(text))
        where = parse_go_to(text)
        if where is None:
            raise UsageError("that is neither a row and column (3,4), with a grid (1:3,4), nor a pixel (x120 y80)")
        if where.pixel:
            found = at_pixel(selection, results, where.first, where.second)
            if found is None:
                raise UsageError(f"no {'token' if of_tokens(selection.stage) else 'patch'} shows that pixel")
            return found
        return to_cell(selection, results, where.grid, int(where.first), int(where.second))

    hints = [f"row,column (0,0 to {page.rows - 1},{page.cols - 1})"] if page and not listed else []
    if listed:
        hints.append("the index of a token")
    if ids := [str(page.id) for page in pages if page.grid] if len(pages) > 1 else []:
        hints.append(f"{ids[-1]}:row,column (grids {', '.join(ids)})")
    if any(page.grid for page in pages):
        hints.append("a pixel of the file: x120 y80")
    return TextDialog("Go to", " · ".join(hints), read)


def _token(selection: Selection, results: Results, index: int) -> Selection:
    """The line of the list that has the token with an index among all."""
    page, places = results.page(selection), results.places_at(selection.stage)
    rows = [row for (row, _), entry in page.entries.items() if places[entry].index == index] if page else []
    if not rows:
        raise UsageError(f"token {index} is not in this list")
    return replace(selection, row=rows[0], col=0)


class PathSuggester(Suggester):
    """Completes a path from what is on the disk (→ takes the suggestion)."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first entry of the folder that goes on as `value` does."""
        if not value or "://" in value:
            return None
        try:
            path = Path(expand_path(value))
            folder, start = (path, "") if value.endswith("/") else (path.parent, path.name)
            names = sorted(p.name + "/" * p.is_dir() for p in folder.iterdir() if p.name.startswith(start))
        except OSError:
            return None
        return value + names[0][len(start) :] if names else None


class ChooseModel(ModalScreen[str | None]):
    """A model of those on this disk, or a hub name or folder typed in."""

    BINDINGS = [Binding("escape", "dismiss(None)", "leave")]

    def __init__(self, models: list[LocalModel], current: str) -> None:
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
                if note := DEMO_NOTES.get(model.name):
                    text.append(f"\n  {note.removeprefix('demo model, ')}", style="dim")
                options.append(Option(text, id=model.name))
            yield OptionList(*options)
            yield Input(placeholder="or a hub name (org/model) or a folder", suggester=PathSuggester())
            yield Static(Text("↑↓ and Enter choose · Tab types a name · Escape leaves"), classes="dialog-hint")

    def on_mount(self) -> None:
        names = [model.name for model in self._models]
        if self._current in names:
            self.query_one(OptionList).highlighted = names.index(self._current)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if name := event.value.strip():
            self.dismiss(name)
