"""Lines of a text report: cells, sentences and labels laid out in a fixed number of columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vlmtui.display.pieces import fit, width

COLUMNS = 80
_LABEL = 8


def flow(cells: Iterable[str], start: str, indent: int | None = None) -> Iterator[str]:
    """Lay out cells one after the other on lines of `COLUMNS`; later lines are indented."""
    line, used, empty = start, width(start), True
    for cell in cells:
        wide = width(cell.rstrip(" "))
        if not empty and used + wide > COLUMNS:
            yield line
            line = start if indent is None else " " * indent
            used = width(line)
        line, used, empty = line + cell, used + width(cell), False
    if not empty:
        yield line


def wrapped(sentence: str, start: str) -> Iterator[str]:
    """Wrap a sentence into lines of `COLUMNS`, each beginning with `start`."""
    yield from flow((f"{word} " for word in sentence.split()), start)


def labelled(label: str, sentence: str) -> Iterator[str]:
    """Wrap a sentence after a label, with later lines indented to match."""
    yield from flow([fit(label, _LABEL), *(f"{word} " for word in sentence.split())], "", indent=_LABEL)
