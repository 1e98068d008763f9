"""Legend of words that have colours: their patches, the share that is grey, the word under the cursor."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.display.colours import Colour
from vlmtui.display.segments import Cell
from vlmtui.display.word_colours import tint
from vlmtui.tui.overlays.drawing import ImageDrawing


@dataclass(frozen=True)
class LegendWord:
    """A word, its patches, and its colour as it looks over the image."""

    word: str
    patches: int
    colour: Colour


@dataclass(frozen=True)
class WordLegend:
    """The words that have a colour, most patches first, and the share of the patches that is grey.

    `name` says what words these are, where there is no room for all that the legend says, `brief` in fewer letters, ""
    where it has none. `here` is the word under the
    cursor, `segment` the patches of its segment; "" and 0 where it has none.
    """

    name: str
    words: tuple[LegendWord, ...]
    grey: float
    here: str = ""
    segment: int = 0
    brief: str = ""
    patches: int = 0
    """All of them."""

    @property
    def grey_colour(self) -> Colour:
        """The grey as it looks over the image."""
        return tint(None)

    @property
    def here_is_grey(self) -> bool:
        """Whether the word under the cursor has no colour of its own."""
        return bool(self.here) and all(one.word != self.here for one in self.words)


def word_legend(drawn: ImageDrawing, cursor: Cell) -> WordLegend | None:
    """The legend of a drawing; None where no words with colours lie over the image."""
    segments = drawn.segments
    if segments is None:
        return None
    chosen = segments.one_word(drawn.chosen)
    counts = {chosen: segments.counts[chosen]} if chosen else segments.frequent
    words = tuple(LegendWord(word, many, tint(drawn.colours[word])) for word, many in counts.items())
    grey = 1 - counts[chosen] / segments.patches if chosen else segments.grey
    here = segments.at(cursor)
    name, of_segment = (here.word, len(here.cells)) if here else ("", 0)
    return WordLegend(drawn.legend, words, grey, name, of_segment, drawn.brief, segments.patches)
