"""Help: a list of contents, the screen that is seen, the keys, the overlays, and what the numbers are."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from vlmtui.display.pieces import plain
from vlmtui.tui.dialogs.dialog import LEAVES, Dialog
from vlmtui.tui.dialogs.help_text import ANSWER_SCREEN, FIRST_SCREEN, MEANINGS
from vlmtui.tui.overlays.listing import overlays_of
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.stages import ANSWER

FIRST_TITLE, ANSWER_TITLE = "This screen: WORDS, NORMS, PATCH", "This screen: ANSWER, NORMS, PATCH"
OVERLAYS_TITLE = "Overlays of this model"
MEANINGS_TITLE = "More of the numbers"
DIGITS = "1234567890"
"""Of the headings that are in the list of contents."""
KEYS = f"n N headings · {LEAVES}"


class HelpPage(Dialog[None]):
    """The screen that is seen explained, the keys, and what the numbers are, below a list of contents."""

    BINDINGS = [
        Binding("question_mark,q", "leave", "leave"),
        Binding("n", "heading(1)", "next heading"),
        Binding("N", "heading(-1)", "previous heading"),
        *(Binding(digit, f"contents({at})", "to that heading") for at, digit in enumerate(DIGITS)),
    ]

    def __init__(self, keys: Sequence[tuple[str, Sequence[tuple[str, str]]]], results: Results, stage: str) -> None:
        super().__init__("Help")
        self.add_class("page")
        self.border_subtitle = KEYS
        self.can_focus = True
        self._keys, self._results, self._at_answer = keys, results, stage == ANSWER

    def compose(self) -> ComposeResult:
        yield self.title()
        screen = {ANSWER_TITLE: ANSWER_SCREEN} if self._at_answer else {FIRST_TITLE: FIRST_SCREEN}
        tables = {**screen, **dict(self._keys), OVERLAYS_TITLE: overlays_of(self._results)}
        yield Static(_contents([*tables, MEANINGS_TITLE]))
        for heading, rows in tables.items():
            yield Static(Text(heading), classes="help-title in-contents")
            yield Static(_table(rows))
        yield Static(Text(MEANINGS_TITLE), classes="help-title in-contents")
        for name, meaning in MEANINGS:
            yield Static(Text(name), classes="help-title")
            yield Static(Text(meaning))

    def action_contents(self, at: int) -> None:
        """To a heading of the list of contents."""
        if at < len(listed := [*self.query(".in-contents")]):
            self._show(listed[at])

    def action_heading(self, step: int) -> None:
        """To the next heading below the top line of what is seen, or the one before it."""
        tops = {heading: heading.virtual_region.y for heading in self.query(".help-title")}
        ahead = [one for one, top in tops.items() if (top - self.scroll_offset.y) * step > 0]
        if ahead:
            self._show(ahead[0 if step > 0 else -1])
        elif step < 0:
            self.scroll_home(animate=False)

    def _show(self, heading: Widget) -> None:
        self.scroll_to(y=heading.virtual_region.y, animate=False)


def _contents(headings: Sequence[str]) -> Table:
    """The headings, each with the digit that goes to it, in two columns."""
    entries = [Text.assemble((digit, "bold"), f" {one}") for digit, one in zip(DIGITS, headings, strict=False)]
    table = Table.grid(padding=(0, 3, 0, 0))
    down = -(-len(entries) // 2)
    for row in range(down):
        table.add_row(*entries[row::down])
    return table


def _table(rows: Sequence[tuple[str, str]]) -> Table:
    """Each name with what it is or does, which goes on below itself where it needs more lines."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", max_width=18)
    table.add_column(ratio=1)
    for name, meaning in rows:
        table.add_row(Text(plain(name)), Text(plain(meaning)))
    return table
