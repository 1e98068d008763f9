"""The questions the explorer asks: where to go, which picture, which model, where to save; and the help."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.events import Key
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from vlmtui.catalogue import DEMO_NOTES, LocalModel
from vlmtui.display.pieces import plain
from vlmtui.errors import UsageError
from vlmtui.files import expand_path
from vlmtui.tui.navigation import at_pixel, to_cell
from vlmtui.tui.overlays.listing import overlays_of
from vlmtui.tui.state.generation import ATTRIBUTIONS, NAMED
from vlmtui.tui.state.lens_choice import colouring, overlays
from vlmtui.tui.state.results import NONE, NORMS, Results, Selection
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


def ask_picture() -> TextDialog[str]:
    """A path or an address."""

    def read(text: str) -> str:
        if not text:
            raise UsageError("name a picture, or leave with Escape")
        if text == "-":
            raise UsageError("- is standard input, and that is the keyboard here: name a file or an address")
        return text

    return TextDialog(
        "Another picture", "a path or an http(s) address · → takes what is suggested", read, "", PathSuggester()
    )


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


class HelpScreen(ModalScreen[None]):
    """The keys."""

    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss(None)", "leave")]

    def __init__(self, results: Results) -> None:
        super().__init__()
        self._results = results

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog help"):
            yield Static(Text("Keys"), classes="dialog-title")
            yield Static(_table(HELP))
            yield Static(Text("Overlays"), classes="help-title")
            yield Static(_table(overlays_of(self._results)))
            yield Static(_help_text())


HELP: tuple[tuple[str, str], ...] = (
    ("← ↑ ↓ →  h j k l", "move the cursor by one patch"),
    ("Home End", "to the first, the last column"),
    ("PgUp PgDn", "up, down by a quarter of the picture"),
    ("t  T", "the next, the page before: whole view, tiles, tokens in no grid"),
    ("z", "closer: the same spot on a finer page; from the finest back"),
    ("g", "go to a row and column (a grid's: 2:3,4), or to a pixel"),
    ("mouse", "click a patch, a page, a stage; beside a tile: the tile there"),
    ("[  ]", "one stage back, on: pixels, vision.0 …, tokens, llm.1 …"),
    ("Esc", "stop the answer, the occlusion map; leave the layers being read"),
    ("w", "at llm stages: the first word after every layer, or this layer's words"),
    ("m", "metric: l2, cosine, centred, dot, omp …; at llm stages there is none, but logits"),
    ("e", "at vision stages: words through the projector, an early exit; or none again"),
    ("+  -", "more, fewer words"),
    ("o", f"overlay: {', '.join((NONE, NORMS, 'first words', *(lens.name for lens in overlays())))}"),
    ("/", "find a word: patches light up by how near they are to it"),
    ("c", "vision towers: texts against the whole picture (CLIP, SigLIP), or its classes (ViT)"),
    ("n  N", "to the next best, the best before, of the numbers of the overlay"),
    ("Space  U", "mark the patch; take all marks away"),
    ("V", "outliers of all pictures opened: by position or by content, at every stage"),
    ("p", f"play through the layers with the overlay ({colouring()} if there is none)"),
    ("a", "ask the model; its answer is the last stage, with what it looked at over the picture"),
    (",  .", "another token of the answer, or the whole of it; also < > and the mouse"),
    ("v", f"{', '.join(NAMED.get(attribution, attribution) for attribution in ATTRIBUTIONS)}"),
    ("{  }", "attention, or the mask, of the layer before, the next; of all layers"),
    ("H", "attention of the next head of that layer; of all heads"),
    ("O", "make the occlusion map: blocks of patches taken away, one after the other"),
    ("x", "ask again without the marked patches: their mean, zeros, or blurred"),
    ("K", "the attention mask in the place of the picture, or the picture again"),
    ("Tab", "narrow terminal: the next panel"),
    ("i", "another picture: a path or an address"),
    ("M", "another model"),
    ("r", "read the picture again"),
    ("R", "start the model session again"),
    ("y", "copy the patch's words, box and norms"),
    ("s", "save the report"),
    ("Ctrl-P", "find any action by name"),
    ("Ctrl-Z", "back to the shell; fg returns"),
    ("Ctrl-C", "stop what goes on: answer, map, layers, playing; twice where nothing does: quit"),
    ("q", "quit"),
)


def _table(rows: Sequence[tuple[str, str]]) -> Table:
    """Each key with what it does, or each overlay with what it is, which goes on below itself where it needs more
    lines."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", max_width=18)
    table.add_column(ratio=1)
    for name, meaning in rows:
        table.add_row(Text(plain(name)), Text(plain(meaning)))
    return table


def _help_text() -> Text:
    text = Text()
    text.append(
        "\nWords: the bar of the first is full, the last's a fifth, between them by score. Norms: the height of a bar"
        " is the L2 norm of the patch after that layer; behind it the 5–95% band and the median of all patches. The"
        " tower stands left and the language model right, each on a scale of its own."
        "\n\nFirst words by layer: for the token under the cursor the word of the largest logit after every layer, that"
        " logit, and the entropy of the softmax over all words in nats, which the bar is of: the surer the model, the"
        " shorter. It settles at the first layer from which on the last layer's word is first."
        "\n\nomp: which few words together make up the vector, in the order picked, and how much of its norm they"
        " explain by then; grey bars are negative. ridge and pinv: the same with all words at once."
        "\n\nSimilarity: the cosine of every patch with the one under the cursor, or with the mean of the marked ones'"
        " unit vectors, at this stage. Colours span the middle 96% of all patches' numbers: ‹ or › at an end of the"
        " scale says that the number here lies beyond it."
        "\n\nEarly exit: a vision stage put in the place of the one that feeds the projector. A patch has the words of"
        " the token it goes into, as that would be if the tower ended there; the projector was trained on its own stage"
        " alone. find looks through it at every vision stage."
        "\n\nAttention: of the position that decided on the chosen token of the answer, to every image token; the rest"
        " went to text. A sink (×) draws attention whatever is said. Rolled out: the layers' mean attention, multiplied"
        " through with the residual stream. Gradient × input: red where more of the image token would have made the"
        " chosen token likelier. Occlusion map: by how much its log-probability falls without each block of patches."
        "\n\nEscape leaves this page."
    )
    return text


@dataclass(frozen=True)
class GoTo:
    """Where to go: row and column, of a `grid` where one is named, or x and y of a `pixel` of the file."""

    first: float
    second: float
    pixel: bool
    grid: int | None = None


_N = r"(\d+(?:\.\d+)?)"
_BETWEEN = r"\s*[,;:\s]\s*"
_ROW_COLUMN = re.compile(rf"\(?(\d+){_BETWEEN}(\d+)\)?")
_GRID = re.compile(r"(\d+)\s*:\s*(\d+)\s*,\s*(\d+)")
_X_THEN_Y = re.compile(rf"x\s*=?\s*{_N}{_BETWEEN}y\s*=?\s*{_N}|{_N}\s*x\s*{_N}\s*(?:px)?|{_N}{_BETWEEN}{_N}\s*px")
_Y_THEN_X = re.compile(rf"y\s*=?\s*{_N}{_BETWEEN}x\s*=?\s*{_N}")


def parse_go_to(text: str) -> GoTo | None:
    """`3,4` or `3 4` is row 3, column 4; `2:3,4` the same of grid 2; `x120 y80`, `y80 x120`, `120x80` or `120,80 px` a
    pixel; None for all else."""
    text = text.strip().lower()
    if match := _GRID.fullmatch(text):
        return GoTo(float(match[2]), float(match[3]), pixel=False, grid=int(match[1]))
    if match := _ROW_COLUMN.fullmatch(text):
        return GoTo(float(match[1]), float(match[2]), pixel=False)
    for pattern, turned in ((_X_THEN_Y, False), (_Y_THEN_X, True)):
        if match := pattern.fullmatch(text):
            first, second = (float(g) for g in match.groups() if g is not None)
            return GoTo(second, first, pixel=True) if turned else GoTo(first, second, pixel=True)
    return None
