"""Options of drawings: what an image output shows, and how large (`--draw`, `--size`, `--num-words`)."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.errors import UsageError

WORDS, HEAT, LAYERS, NORMS = "words", "heat", "layers", "norms"
SHOWN = (WORDS, HEAT, LAYERS, NORMS)
"""Words in their patches; one number per patch as colours; such colours for every stage up to the one selected; the
norms of every stage as a chart."""
LARGEST = 8192
MOST_LINES = 5
"""Patches that a chart draws a line for."""
SMALLEST = 64


@dataclass(frozen=True)
class DrawOptions:
    """Options of an image output; None leaves a choice to the format.

    `size` is the longer side of the photograph in pixels (the width of a chart; for `ansi` the columns), `num_words`
    the maximum number of words per patch. `deep` is true for 24-bit colour in a terminal, false for 256 colours.
    """

    show: str | None = None
    size: int | None = None
    num_words: int | None = None
    deep: bool = True

    @property
    def asked(self) -> str | None:
        """The first option that was given, if any."""
        given = {"--draw": self.show, "--size": self.size, "--num-words": self.num_words}
        return next((option for option, value in given.items() if value is not None), None)


def parse_drawing(show: str | None, size: int | None, num_words: int | None, deep: bool = True) -> DrawOptions:
    """Check the options of a drawing. Raises `UsageError`, which names the choices or the range."""
    if show is not None and show not in SHOWN:
        raise UsageError(f"--draw {show!r} is not one of {', '.join(SHOWN)}")
    if size is not None and not 1 <= size <= LARGEST:
        raise UsageError(f"--size {size} is out of range: choose {SMALLEST} to {LARGEST} pixels, or columns for ansi")
    return DrawOptions(show, size, num_words, deep)
