"""`--draw`, `--size`, `--num-words`: what a picture is to show, and how large."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.errors import UsageError

WORDS, HEAT, LAYERS, NORMS = "words", "heat", "layers", "norms"
SHOWN = (WORDS, HEAT, LAYERS, NORMS)
"""The words in their patches; one number a patch as colours; the same for every stage up to the one asked for; the
norms of every stage as a plot."""
LARGEST = 8192
MOST_LINES = 5
"""Patches that a plot has lines of."""
SMALLEST = 64


@dataclass(frozen=True)
class DrawOptions:
    """What was asked of a picture, None for what is left to it.

    `size` is the longer side of the photograph in pixels (the width of a plot; of `ansi` the columns), `num_words` how
    many words a patch has at most. `deep` says whether a terminal shows all colours, or the 256.
    """

    show: str | None = None
    size: int | None = None
    num_words: int | None = None
    deep: bool = True

    @property
    def asked(self) -> str | None:
        """The option that was given, if any."""
        given = {"--draw": self.show, "--size": self.size, "--num-words": self.num_words}
        return next((option for option, value in given.items() if value is not None), None)


def parse_drawing(show: str | None, size: int | None, num_words: int | None, deep: bool = True) -> DrawOptions:
    """These options, checked; `UsageError` says what there is."""
    if show is not None and show not in SHOWN:
        raise UsageError(f"--draw {show!r} is not one of {', '.join(SHOWN)}")
    if size is not None and not 1 <= size <= LARGEST:
        raise UsageError(f"--size {size} is out of range: choose {SMALLEST} to {LARGEST} pixels, or columns for ansi")
    return DrawOptions(show, size, num_words, deep)
