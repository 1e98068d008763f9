"""What a lens made of a stage's entries, as text."""

from __future__ import annotations

from collections.abc import Iterator

from vlmtui import exits
from vlmtui.display import numbers
from vlmtui.lenses.wording import report_line
from vlmtui.reports import layers
from vlmtui.reports.source import Seen
from vlmtui.reports.wordgrid import cell_grid


def lens_line(seen: Seen) -> str:
    """What the numbers are; or whose the words, where they are those of an early exit."""
    if seen.projected:
        return f"{exits.named(seen.stage)}; a patch has the words of the token that it goes into"
    if seen.by_layer:
        return layers.WHAT
    through, values = seen.query.lens, seen.values
    assert through is not None
    assert values is not None
    return report_line(values, through.asked(seen.reading.model.marks_words))


def value_grid(seen: Seen, columns: int) -> Iterator[str]:
    """One number an entry on the grids it lies in; of components, which are three, none."""
    assert seen.values is not None
    if seen.values.numbers.ndim == 1:
        said = {entry: _short(float(seen.values.numbers[entry])) for entry in seen.entries}
        yield from cell_grid(seen.reading, seen.stage, said, columns, "Values of the lens")


def value_line(seen: Seen, entry: int) -> str:
    """The number of one entry, or its three."""
    assert seen.query.lens is not None
    assert seen.values is not None
    found = seen.values.numbers[entry]
    said = [found] if found.ndim == 0 else list(found)
    return f"{seen.query.lens.name} {' '.join(numbers.figure(float(number)) for number in said)}"


def _short(number: float) -> str:
    """`.83`, `-.12`, `12`: two places below ten, none above."""
    if abs(number) >= 10:
        return f"{number:.0f}"
    text = f"{round(number, 2) + 0.0:.2f}"  # no minus zero
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
