"""Colours of words: seven hues that colour-blind eyes tell apart, and seven shades of them.

The hues are those of Okabe and Ito, "Color Universal Design" (2008). A word keeps its colour as long as the same
`WordColours` is asked, no neighbour has one that looks like it, and no more important word has it while one is free.
A word that names a colour (`red`) has one that does not contradict it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache

import numpy as np

from vlmtui.display.colours import Colour, Rgb, blend, oklab
from vlmtui.display.pieces import fold

HUES: tuple[Colour, ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
)
"""Blue, orange, bluish green, reddish purple, sky blue, vermilion, yellow; not black, which looks like the grey."""
SHADES: tuple[Colour, ...] = (
    (106, 47, 0),
    (0, 68, 107),
    (238, 191, 153),
    (0, 111, 80),
    (249, 244, 179),
    (0, 0, 255),
    (0, 0, 119),
)
"""Lighter and darker, each as far as can be from all colours before it and from the grey, also to eyes without red or
green cones."""
PALETTE = HUES + SHADES
GREY: Colour = (44, 44, 44)
"""Of words that have no colour of their own."""


_SUITED: dict[str, tuple[int, ...]] = {
    "red": (5,),
    "orange": (1, 5),
    "yellow": (6, 11),
    "green": (2, 10),
    "blue": (0, 4, 12, 8, 13),
    "purple": (3,),
    "violet": (3,),
    "pink": (3, 9),
    "brown": (7,),
    "black": (13, 8),
    "white": (11, 9),
    "grey": (8,),
    "gray": (8,),
    "tan": (9,),
    "beige": (9, 11),
    "gold": (6, 1),
    "maroon": (7, 5),
    "crimson": (5, 7),
    "navy": (13, 8),
    "turquoise": (4, 2),
}
"""Words that name a colour, and the places of the palette that suit them, the best first."""
_NEUTRAL = (9, 11, 8, 13, 7)
"""The places of pale and of dark colours, which contradict a word least."""


COLOUR_SHARE, GREY_SHARE = 0.7, 0.55
"""Of a word's colour over the image; of the grey, so that it hides less, and looks like no colour of a word."""
CLEAR = 0.1
"""The least distance in Oklab of the colours of neighbours, over middling brightness: five times what is just seen."""
_MID_GREY: Rgb = np.full(3, 128, np.uint8)
_EYES = np.array(
    (
        np.eye(3),
        ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
        ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    )
)
"""What linear RGB looks like with all cones, without red and without green ones: Machado, Oliveira, Fernandes 2009."""


def tint(colour: Colour | None) -> Colour:
    """A word's colour as it looks over a patch of middling brightness; of None, which has none, the grey."""
    share = GREY_SHARE if colour is None else COLOUR_SHARE
    red, green, blue = blend(_MID_GREY, np.array(colour or GREY), share).tolist()
    return red, green, blue


@cache
def _alike() -> tuple[frozenset[int], ...]:
    """For each colour of the palette the places of those that are not `CLEAR` of it to some eyes, itself among them."""
    seen = np.array([oklab([tint(colour) for colour in PALETTE], eyes) for eyes in _EYES])
    apart = np.linalg.norm(seen[:, :, None] - seen[:, None], axis=-1).min(axis=0)
    return tuple(frozenset(np.flatnonzero(row < CLEAR).tolist()) for row in apart)


def _suited(word: str) -> tuple[int, ...]:
    """The places that suit a word that names a colour; none of another."""
    return _SUITED.get(fold(word), ())


def _contradiction(word: str, at: int) -> int:
    """How much a place contradicts a word: not at all, by its rank of those that suit it, as a neutral one, or most."""
    suited = _suited(word)
    if not suited or at in suited:
        return suited.index(at) if suited else 0
    return len(PALETTE) + (at not in _NEUTRAL)


class WordColours:
    """Colours that words were given, in the order in which they were first asked for."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._touched: dict[str, set[str]] = defaultdict(set)

    def give(self, words: Iterable[str], touching: Mapping[str, Collection[str]] | None = None) -> dict[str, Colour]:
        """The colours of words, the most important first: a word keeps the one that it has, unless one of those it is
        `touching` has one that is not clear of it, or a more important word of these has the same one while another is
        free. Another, or the first, is clear of theirs, then one that no other of the words has, or where all are taken
        the one that fewest words have."""
        asked, touching = list(dict.fromkeys(words)), touching or {}
        # a word that names a colour has it before the others
        wanted = sorted(asked, key=lambda one: not _suited(one))
        decided: dict[str, int] = {}
        # those that have a colour first, so that as few as can be change it
        for word in sorted(wanted, key=lambda one: (not _suited(one), one not in self._places)):
            near = [decided[one] for one in touching.get(word, ()) if one in decided]
            place = self._places.get(word)
            if place is None or any(place in _alike()[one] for one in near):
                # those that name no colour give way to one that does
                kept = [] if _suited(word) else self._kept(wanted, decided, word)
                place = self._place(word, near, [*decided.values(), *kept])
            decided[word] = self._places[word] = place
            self._touched[word].update(touching.get(word, ()))
        self._part(wanted, touching)
        return {word: PALETTE[self._places[word]] for word in asked}

    def _part(self, wanted: list[str], touching: Mapping[str, Collection[str]]) -> None:
        """Give a word whose colour a more important one has, from another map, one that is free, if that is clear of
        all that it touches."""
        earlier: set[int] = set()
        for word in wanted:
            if self._places[word] in earlier:
                free = set(range(len(PALETTE))) - {self._places[one] for one in wanted}
                near = (self._places[one] for one in touching.get(word, ()) if one in wanted)
                self._places[word] = min(free.difference(*(_alike()[one] for one in near)), default=self._places[word])
            earlier.add(self._places[word])

    def _place(self, word: str, near: list[int], taken: list[int]) -> int:
        """The colour for a word that touches colours `near` it, beside those `taken` by other words of the map."""
        given = list(self._places.values())
        before = [self._places[one] for one in self._touched[word] if one in self._places]

        def cost(at: int) -> tuple[int, ...]:
            # what no other word of these has, and before that what no word has at all; clear on other maps too
            alike = _alike()[at]
            return (
                near.count(at),
                sum(one in alike for one in near),
                taken.count(at),
                _contradiction(word, at),
                sum(one in alike for one in before),
                given.count(at),
                at,
            )

        return min(range(len(PALETTE)), key=cost)

    def _kept(self, wanted: Iterable[str], decided: Mapping[str, int], word: str) -> list[int]:
        """The colours of words that have one, and have not been decided."""
        return [self._places[one] for one in wanted if one in self._places and one not in decided and one != word]
