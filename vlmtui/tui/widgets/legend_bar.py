"""Legend below the image: what lies over it, its scale, and what it is under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.color import Color
from rich.style import Style
from textual import events
from textual.strip import Strip

from vlmtui.display.colours import Rgb, difference_colours
from vlmtui.display.numbers import format_number
from vlmtui.display.pieces import width
from vlmtui.display.value_scale import ValueScale
from vlmtui.tui.overlays.word_legend import WordLegend
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import Lines, Part, line, wrapped
from vlmtui.tui.widgets.word_legend_lines import LegendSpot, WordPointed, word_legend_lines

LEAST_STEPS, ENOUGH_STEPS, MOST_STEPS = 4, 8, 24
"""Of a scale's colours; `ENOUGH_STEPS` where there is more to be said beside it."""
HERE_CELLS = 28
"""A number and its rank: so that a legend stands still while the cursor moves."""
BELOW, BEYOND = "‹", "›"


@dataclass(frozen=True)
class Legend:
    """What lies over the image: `text` names it, `shorter` does in fewer words, the longest first. `scale` is the range
    of a heat map, `diverging` one of differences, grey up to the `floor`; `cut` says whether there are numbers below
    it and above it. `here` is what it is under the cursor in words, `value` its number; `words` have colours. A
    text that begins with the `alarm` has it bright. The `aside` follows the text where that takes no line more."""

    text: str
    scale: tuple[float, float] | None = None
    here: str = ""
    value: float | None = None
    diverging: bool = False
    words: WordLegend | None = None
    shorter: tuple[str, ...] = ()
    cut: tuple[bool, bool] = (False, False)
    floor: float | None = None
    alarm: str = ""
    aside: str = ""


@dataclass(frozen=True)
class LegendLines:
    """Lines of a legend; not `whole` where its text had to be cut."""

    lines: tuple[tuple[Part, ...], ...]
    whole: bool = True


def legend_lines(legend: Legend, cells: int, rows: int, r: Roles) -> LegendLines:
    """A legend without words in at most so many lines: what it is under the cursor and the ends of its scale are never
    cut, and its text is the longest one that is whole, with the aside behind it where that takes no line more."""
    found = _legend_lines(legend, cells, rows, r)
    noted = replace(legend, text=legend.text + legend.aside, shorter=())
    longer = _legend_lines(noted, cells, rows, r) if legend.aside else found
    return longer if longer.whole and len(longer.lines) <= len(found.lines) else found


def _legend_lines(legend: Legend, cells: int, rows: int, r: Roles) -> LegendLines:
    """A legend without its aside."""
    here: Part = (legend.here, r.style())
    shorter: Part = (legend.here.partition(" of ")[0], r.style())
    dim, gap = r.style("dim"), ("  ", r.style())
    texts = (legend.text, *legend.shorter)
    least = _scale(legend, LEAST_STEPS, r)
    beside = max(width(legend.here), HERE_CELLS) + 2 if legend.here else 0
    for text in texts[: None if rows == 1 else 1]:
        if width(text) + beside + _cells(least) <= cells:
            named = ((text, dim), *((gap, here) if legend.here else ()))
            return LegendLines(((*named, *_scale(legend, cells - _cells(named), r)),))
    if not legend.here and not least:
        return _longest([_in_rows(text, cells, cells, rows, dim) for text in texts])
    ends = _scale(legend, 0, r)
    if rows == 1:
        # the colours of the scale go before the name, then of how many the rank is
        brief = _scale(legend, min(cells - width(legend.here), _cells(ends) + ENOUGH_STEPS), r)
        heads = [(one, *two, gap) for one, two in ((here, brief), (here, ends), (shorter, ends))]
        found = [(*head, (text, dim)) for text in texts for head in heads]
        fitting = [one for one in found if _cells(one) <= cells]
        # where even so there is no room, the name is cut
        cut = [one for one in found[-len(heads) :] if _cells(one[:-2]) <= cells] or found[-1:]
        return LegendLines(((fitting or cut)[0],), bool(fitting))
    above = [(one, *_scale(legend, cells - width(one[0]), r)) for one in (here, shorter)]
    first = next((one for one in above if _cells(one) <= cells), above[-1])
    below = [_in_rows(text, cells, cells, rows - 1, dim) for text in texts]
    # where lines of its own are too few, the text begins beside a short scale
    head = (here, *_scale(legend, _cells(ends) + ENOUGH_STEPS, r), gap)
    beside_it = [_in_rows(text, cells - _cells(head), cells, rows, dim) for text in texts]
    flowing = [LegendLines(((*head, *one.lines[0]), *one.lines[1:]), one.whole) for one in beside_it]
    return _longest([LegendLines((first, *one.lines), one.whole) for one in below], flowing)


def _longest(texts: Sequence[LegendLines], others: Sequence[LegendLines] = ()) -> LegendLines:
    """The first that is whole, of the `others` only where no other is; the shortest text where none is."""
    return next((one for one in (*texts, *others) if one.whole), texts[-1])


def _in_rows(text: str, first: int, cells: int, rows: int, style: Style) -> LegendLines:
    """A text in at most so many lines, the first of which has `first` cells; the last may be cut."""
    parts = wrapped(text, cells, first)
    whole = len(parts) <= rows and all(width(part) <= (cells if i else first) for i, part in enumerate(parts))
    kept = [*parts[: rows - 1], " ".join(parts[rows - 1 :])]
    return LegendLines(tuple(((part, style),) for part in kept[: max(1, len(parts))]), whole)


def _scale(legend: Legend, room: int, r: Roles) -> list[Part]:
    """The ends of the scale and its colours between them in at most so many cells; without colours where there is no
    room, but for one at each end of differences. An end has a mark where there are numbers beyond it, a bright one
    where that under the cursor is one."""
    if legend.scale is None:
        return []
    low, high = (format_number(end, 3) for end in legend.scale)
    value = legend.value if legend.value is not None else legend.scale[0]
    below, beyond = value < legend.scale[0], value > legend.scale[1]
    left: Part = (f" {BELOW if below or legend.cut[0] else ' '}", _mark_style(below, r))
    right: Part = (BEYOND if beyond or legend.cut[1] else "", _mark_style(beyond, r))
    steps = min(room - width(f"{left[0]}{low}  {high}{right[0]}"), MOST_STEPS)
    if steps < LEAST_STEPS:
        if not legend.diverging:
            return [left, (f"{low}–{high}", r.style()), right]
        # which colour is below 0 and which above it is seen even so
        blue, red = _swatch(difference_colours(np.array(legend.scale), legend.scale[1]))
        return [left, blue, (f"±{high}", r.style()), red, right]
    places = np.linspace(*legend.scale, steps)
    scale = ValueScale(*legend.scale, legend.floor)
    colours = difference_colours(places, legend.scale[1]) if legend.diverging else scale.colours(places)
    return [left, (f"{low} ", r.style()), *_swatch(colours), (f" {high}", r.style()), right]


def _swatch(colours: Rgb) -> list[Part]:
    """A cell a colour."""
    return [(" ", Style(bgcolor=Color.from_rgb(*colour))) for colour in colours.tolist()]


def _mark_style(here: bool, r: Roles) -> Style:
    return r.style("accent", bold=True) if here else r.style("dim")


def _alarming(parts: Sequence[Part], alarm: str, r: Roles) -> list[Part]:
    """Parts with the alarm bright where one of them begins with it."""
    if not alarm:
        return list(parts)
    found: list[Part] = []
    for text, style in parts:
        rest = text.removeprefix(alarm)
        found += [(text, style)] if rest == text else [(alarm, r.style("outlier", bold=True)), (rest, style)]
    return found


def _cells(parts: Sequence[Part]) -> int:
    return sum(width(text) for text, _ in parts)


class LegendBar(Lines):
    """The legend: what it is under the cursor and its scale are never cut, its name may take lines of its own."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._legend = Legend("")
        self._spots: list[LegendSpot] = []

    def explain(self, legend: Legend) -> None:
        """Show another one."""
        if legend != self._legend:
            self._legend = legend
            self.rebuild()

    def fits(self, legend: Legend, cells: int, rows: int) -> bool:
        """Whether nothing of a legend has to be cut; one of words has what there is room for."""
        return legend.words is not None or legend_lines(legend, cells, rows, self.roles).whole

    def build(self, cells: int, rows: int) -> list[Strip]:
        """As few lines as can be."""
        r, legend = self.roles, self._legend
        self._spots = []
        if legend.words is not None:
            lines, self._spots = word_legend_lines(legend.text, legend.words, cells, rows, r)
            return lines
        found = legend_lines(legend, cells, rows, r).lines
        return [line(cells, r.style(), _alarming(parts, legend.alarm, r)) for parts in found]

    def on_click(self, event: events.Click) -> None:
        """Choose the word that was clicked."""
        spot = next((one for one in self._spots if one.y == event.y and one.start <= event.x < one.end), None)
        if spot is not None and event.button == 1:
            self.post_message(WordPointed(spot.word))
