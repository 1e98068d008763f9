"""Lines: widgets made of prepared lines, so that a change repaints the lines that changed and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from vlmtui.display.pieces import fit, width
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.terminal.theme import Roles, roles

Part = tuple[str, Style]
NUMBER_CELLS = 2
"""What a panel's number takes in its header."""


def line(cells: int, fill: Style, left: Iterable[Part], right: Iterable[Part] = ()) -> Strip:
    """One line of `cells` cells: parts from the left, parts against the right edge, `fill` between.

    What does not fit is cut with an ellipsis, the left parts first giving way.
    """
    tail = [(text, style) for text, style in right if text]
    tail_cells = sum(width(text) for text, _ in tail)
    if tail_cells > cells - 8:
        tail, tail_cells = [], 0
    room = cells - tail_cells - (1 if tail else 0)
    segments: list[Segment] = []
    used = 0
    for text, style in left:
        size = width(text)
        if used + size > room:
            if room > used:
                segments.append(Segment(fit(text, room - used), style))
                used = room
            break
        segments.append(Segment(text, style))
        used += size
    gap = cells - used - tail_cells
    if gap > 0:
        segments.append(Segment(" " * gap, fill))
    segments.extend(Segment(text, style) for text, style in tail)
    return Strip(segments, cells).simplify()


def side_by_side(columns: Sequence[tuple[int, list[Strip]]], gap: int, fill: Style) -> list[Strip]:
    """Columns of lines, each with its cells, side by side with blanks between them and below the shorter ones."""
    rows = max((len(lines) for _, lines in columns), default=0)
    filled = [[*lines, *[Strip.blank(cells, fill)] * (rows - len(lines))] for cells, lines in columns]
    between = Strip.blank(gap, fill)
    joined = []
    for each in zip(*filled, strict=True):
        strips = [part for strip in each for part in (between, strip)][1:]
        joined.append(Strip.join(strips).simplify())
    return joined


def fitting(cells: int, *sayings: str) -> str:
    """The first of several ways to say it that stands in so many cells, or else the last."""
    return next((said for said in sayings if width(said) <= cells), sayings[-1])


def wrapped(sentence: str, cells: int, first: int | None = None) -> list[str]:
    """A sentence in lines of at most `cells` cells, the first of them of `first`, broken between words."""
    lines: list[str] = []
    for word in sentence.split():
        room = first if first is not None and len(lines) == 1 else cells
        if lines and width(lines[-1]) + 1 + width(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


class Lines(Widget, can_focus=False):
    """A widget whose content is a list of lines; `build` makes them for a size, of results and a selection."""

    DEFAULT_CSS = "Lines { height: 1; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Strip] = []
        self._results: Results | None = None
        self._selection = Selection()
        self.number = 0
        """The number of a panel, by which it is folded; 0 for what is none."""

    def heading(self, title: str) -> list[Part]:
        """The title of a panel with its number."""
        number = [(f"{self.number} ", self.roles.style("accent"))] if self.number else []
        return [*number, (title, self.roles.style(bold=True))]

    def show(self, results: Results | None, selection: Selection) -> None:
        """Show results for a selection, repainting the lines that differ."""
        self._results, self._selection = results, selection
        self.rebuild()

    @property
    def roles(self) -> Roles:
        """The colours by meaning, in the theme in force."""
        return roles(self.app)

    def build(self, cells: int, rows: int) -> list[Strip]:
        """The lines for a widget of `cells` × `rows`; fewer than `rows` are filled up with blank ones."""
        return []

    def rebuild(self) -> None:
        """Make the lines anew and repaint those that differ."""
        cells, rows = self.size
        if not self.is_mounted or cells <= 0 or rows <= 0:
            return
        lines = self.build(cells, rows)[:rows]
        blank = Strip.blank(cells, self.roles.style())
        lines += [blank] * (rows - len(lines))
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before, lines, strict=True)) if old != new]
        if changed:
            self.refresh(*(Region(0, y, cells, 1) for y in changed))

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._restyle, init=False)

    def on_resize(self) -> None:
        self._lines = []
        self.rebuild()

    def _restyle(self) -> None:
        self._lines = []
        self.rebuild()

    def render_line(self, y: int) -> Strip:
        """A prepared line."""
        if y < len(self._lines):
            return self._lines[y]
        return Strip.blank(self.size.width, self.roles.style())
