"""Lines of the legend of words: as many words as there is room for, each to be clicked, and the grey share."""

from __future__ import annotations

from dataclasses import dataclass

from rich.color import Color
from rich.style import Style
from textual.message import Message
from textual.strip import Strip

from vlmtui.display.colours import Colour
from vlmtui.display.numbers import percent
from vlmtui.display.pieces import fit, isolate, width
from vlmtui.tui.overlays.word_legend import WordLegend
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import Part, line

GAP = "   "
LONGEST = 24
"""Cells of a word."""
ENOUGH = 4
"""Words that there must be room for beside a title."""


class WordPointed(Message):
    """A word of the legend was clicked."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word


@dataclass(frozen=True)
class LegendSpot:
    """The cells of a line of the legend that name a word."""

    y: int
    start: int
    end: int
    word: str


@dataclass(frozen=True)
class _Item:
    """Parts that stay on one line, and the word that they name, if they name one."""

    parts: tuple[Part, ...]
    word: str = ""

    @property
    def cells(self) -> int:
        return sum(width(text) for text, _ in self.parts)


def word_legend_lines(
    title: str, legend: WordLegend, cells: int, rows: int, roles: Roles
) -> tuple[list[Strip], list[LegendSpot]]:
    """The lines, and where they name a word: the title, words from the most frequent on, how many more there are, and
    in any case the share that is grey and the word under the cursor.

    A title beside which few words have room gives way to a shorter one.
    """
    text, dim = roles.style(), roles.style("dim")
    items = [_word(one.word, one.patches, one.colour, one.word == legend.here, roles) for one in legend.words]
    placed: list[list[_Item]] = []
    for name in (title, legend.name, legend.name.partition(" · ")[0], legend.name.partition(":")[0]):
        head = _Item(((name, dim),))
        for shown in range(len(items), -1, -1):
            more = _more(items[shown:], legend.here, roles)
            placed = _flow([head, *items[:shown], *more, _grey(legend, roles)], cells)
            if len(placed) <= rows:
                break
        if len(placed) <= rows and shown >= min(ENOUGH, len(items)):
            break
    strips, spots = [], []
    for y, row in enumerate(placed):
        parts: list[Part] = []
        at = 0
        for item in row:
            if parts:
                parts.append((GAP, text))
                at += width(GAP)
            if item.word:
                spots.append(LegendSpot(y, at, at + item.cells, item.word))
            parts += item.parts
            at += item.cells
        strips.append(line(cells, text, parts))
    return strips, spots


def _flow(items: list[_Item], cells: int) -> list[list[_Item]]:
    """Items in lines of at most so many cells; one that is longer has a line of its own."""
    lines: list[list[_Item]] = []
    used = 0
    for item in items:
        needed = used + width(GAP) + item.cells
        if lines and needed <= cells:
            lines[-1].append(item)
            used = needed
        else:
            lines.append([item])
            used = item.cells
    return lines


def _word(word: str, patches: int, colour: Colour, here: bool, roles: Roles) -> _Item:
    name = roles.style("accent", bold=True) if here else roles.style()
    return _Item((_swatch(colour, roles), (f"{_short(word)} ", name), (f"{patches:,}", roles.style("dim"))), word)


def _more(items: list[_Item], here: str, roles: Roles) -> list[_Item]:
    """`+11`, and the word under the cursor where it is one of those that have no room."""
    if not items:
        return []
    parts = [(f"+{len(items)}", roles.style("dim"))]
    if any(item.word == here for item in items):
        parts.append((f" {_short(here)}", roles.style("accent", bold=True)))
    return [_Item(tuple(parts))]


def _grey(legend: WordLegend, roles: Roles) -> _Item:
    """`█ other patches 12%`, and the word under the cursor where it is one of these."""
    share = percent(100 * legend.grey)
    parts = [_swatch(legend.grey_colour, roles), ("other patches ", roles.style()), (share, roles.style("dim"))]
    if legend.here_is_grey:
        parts.append((f" {_short(legend.here)}", roles.style("accent", bold=True)))
    return _Item(tuple(parts))


def _swatch(colour: Colour, roles: Roles) -> Part:
    return "█ ", Style(color=Color.from_rgb(*colour), bgcolor=Color.parse(roles.ground))


def _short(word: str) -> str:
    return fit(word, min(width(word), LONGEST)) if width(word) > LONGEST else isolate(word)
