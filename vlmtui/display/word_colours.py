"""Colours of words: eight hues that colour-blind eyes tell apart, and seven shades of them.

The hues are those of Okabe and Ito, "Color Universal Design" (2008). A word keeps its colour as long as the same
`WordColours` is asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from vlmtui.display.colours import Colour

HUES: tuple[Colour, ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (0, 0, 0),
)
"""Blue, orange, bluish green, reddish purple, sky blue, vermilion, yellow, black."""
SHADES: tuple[Colour, ...] = (
    (106, 47, 0),
    (204, 232, 248),
    (0, 68, 107),
    (238, 191, 153),
    (0, 111, 80),
    (249, 244, 179),
    (0, 34, 53),
)
"""Lighter and darker, each as far as can be from all colours before it, also to eyes without red or green cones."""
PALETTE = HUES + SHADES
GREY: Colour = (44, 44, 44)
"""Of words that have no colour of their own."""


class WordColours:
    """Colours that words were given, in the order in which they were first asked for."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def give(self, words: Iterable[str]) -> dict[str, Colour]:
        """The colours of words, the most important first: a word that has none yet takes the first colour that no other
        of them has, or where all are taken the one that fewest words have."""
        wanted = list(dict.fromkeys(words))
        taken = [self._places[word] for word in wanted if word in self._places]
        for word in wanted:
            if word not in self._places:
                given = list(self._places.values())
                # what no other word of these has, and before that what no word has at all
                place = min(range(len(PALETTE)), key=lambda at: (taken.count(at), given.count(at), at))
                self._places[word] = place
                taken.append(place)
        return {word: PALETTE[self._places[word]] for word in wanted}
