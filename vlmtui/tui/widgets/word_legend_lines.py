"""Lines of the legend of words: as many words as there is room for, each to be clicked, and the grey share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from rich.color import Color
from rich.style import Style
from textual.message import Message
from textual.strip import Strip

from vlmtui.display.colours import Colour
from vlmtui.display.numbers import count, percent
from vlmtui.display.pieces import fit, isolate, width
from vlmtui.tui.overlays.word_legend import LegendWord, WordLegend
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import Part, line

GAP = "   "
LONGEST = 24
"""Cells of a word."""
ENOUGH = 4
"""Words that there must be room for beside a title."""
MOST_BREVITY = 4
"""How much is said in fewer letters: of how many patches, how many words are left, of what the grey share is, and that
patches are counted.
"""


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
    """The lines, and where they name a word: the title, words from the most frequent on, in any case the word under
    the cursor, how many more there are, where a click goes to the next of them, and last the share that is grey.

    A title beside which few words have room, or that is cut, gives way to a shorter one, and to none before anything
    else.
    """
    text, dim = roles.style(), roles.style("dim")
    here = next((i for i, one in enumerate(legend.words) if one.word == legend.here), None)
    placed: list[list[_Item]] = []
    names = _names(title, legend, cells)
    for name in names:
        # words keep their units until the title has no shorter form
        brevities = range(MOST_BREVITY + 1 if name == names[-1] and legend.brief else 3)
        head = _Item(((name, dim),))
        # what is left is said in fewer letters before a word has no room
        for shown, brevity in product(range(len(legend.words), -1, -1), brevities):
            placed = _flow([head, *_items(shown, here, legend, roles, brevity)], cells)
            if len(placed) <= rows:
                break
        if len(placed) <= rows and shown >= min(ENOUGH, len(legend.words)):
            break
    if len(placed) > rows:
        placed = _flow(_items(0, here, legend, roles, brevity=2), cells)
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


def _names(title: str, legend: WordLegend, cells: int) -> list[str]:
    """What the words are, the longest first: `segments: local-words (…), cosine · …`, `segments: local-words (…),
    cosine`, and in brief; of words that are drawn otherwise how. None that is wider than the line but the last."""
    whole = legend.name.partition(" · ")[0]
    kind, _, of = whole.partition(": ")
    of = of or whole
    shorter = [kind, kind.partition(" (")[0]] if " (" in kind else [of, of.partition(",")[0]]
    if legend.brief:
        shorter = [legend.brief, *([legend.brief.partition(" · ")[0]] if " · " in legend.brief else [])]
    names = [title, legend.name, whole, *shorter]
    # of `as segments: top-1, logit lens of layer 12` the lens goes, which the panel names
    return [one for one in names if width(one) <= cells] or [names[-1].rpartition(", ")[0] or names[-1]]


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


def _items(shown: int, here: int | None, legend: WordLegend, roles: Roles, brevity: int = 0) -> list[_Item]:
    """The first `shown` words, and what follows them: the one under the cursor (`here` is its place) where it is not
    among them, `+11 words: 30%`, or `+11: 30%`, for those that have no room and their share, naming the next of them,
    and the share that is grey."""
    words, dim = legend.words, roles.style("dim")
    of = "" if brevity or not legend.patches else f" of {legend.patches:,}"
    counted = [bool(not i and brevity < MOST_BREVITY) for i in range(shown)]
    items = [
        _word(one, counted[i], i == here, roles, of=of if counted[i] else "") for i, one in enumerate(words[:shown])
    ]
    if here is not None and here >= shown:
        items.append(_word(words[here], False, True, roles, apart=True))
    hidden = [i for i in range(shown, len(words)) if i != here]
    if hidden:
        following = next((i for i in hidden if here is not None and i > here), hidden[0])
        more = f"+{len(hidden):,}" if brevity > 1 else f"+{count(len(hidden), 'word')}"
        share = sum(words[i].patches for i in hidden) / legend.patches if legend.patches else 0.0
        items.append(_Item(((more, roles.style()), (f": {percent(100 * share)}", dim)), words[following].word))
    return [*items, _grey(legend, roles, "others" if brevity > 2 else "other patches")]


def _word(one: LegendWord, counted: bool, here: bool, roles: Roles, apart: bool = False, of: str = "") -> _Item:
    """`█ roof: 14`, of one that is `counted` with what these are, and `of` how many; `here █ roof: 14` where it stands
    `apart` from the others."""
    name = roles.style("accent", bold=True) if here else roles.style()
    many = (
        f"{one.patches:,}{of} patches"
        if of
        else count(one.patches, "patch", "patches")
        if counted
        else f"{one.patches:,}"
    )
    dim = roles.style("dim")
    before: tuple[Part, ...] = (("here ", dim),) if apart else ()
    return _Item((*before, _swatch(one.colour, roles), (_short(one.word), name), (f": {many}", dim)), one.word)


def _grey(legend: WordLegend, roles: Roles, others: str) -> _Item:
    """`█ other patches: 12%`, and the word under the cursor where it is one of these."""
    share = f": {percent(100 * legend.grey)}"
    parts = [_swatch(legend.grey_colour, roles), (others, roles.style()), (share, roles.style("dim"))]
    if legend.here_is_grey:
        dim = roles.style("dim")
        parts += [(" (here: ", dim), (_short(legend.here), roles.style("accent", bold=True)), (")", dim)]
    return _Item(tuple(parts))


def _swatch(colour: Colour, roles: Roles) -> Part:
    return "█ ", Style(color=Color.from_rgb(*colour), bgcolor=Color.parse(roles.ground))


def _short(word: str) -> str:
    return fit(word, min(width(word), LONGEST)) if width(word) > LONGEST else isolate(word)
