"""Report line and legend of the lens's numbers."""

from __future__ import annotations

from vlmtui.display.pieces import isolate, plain
from vlmtui.lenses.captions import LensInputs, LensResult


def report(found: LensResult, inputs: LensInputs) -> str:
    """The line of a report that says what the numbers are."""
    return f"{found.call.name}: {isolate(plain(inputs.text))}"


def legend(found: LensResult, inputs: LensInputs) -> str:
    """The legend below the image."""
    return f"class {plain(inputs.text)} at {found.stage}{f', {found.note}' if found.note else ''}"
