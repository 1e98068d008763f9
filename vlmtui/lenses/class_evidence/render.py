"""What the numbers are, in words."""

from __future__ import annotations

from vlmtui.display.pieces import isolate, plain
from vlmtui.lenses.lens_text import LensInputs, LensResult


def report(looked: LensResult, asked: LensInputs) -> str:
    """In a report."""
    return f"{looked.call.name}: {isolate(plain(asked.text))}"


def legend(looked: LensResult, asked: LensInputs) -> str:
    """Beneath the image."""
    return f"class {plain(asked.text)} at {looked.stage}{f', {looked.note}' if looked.note else ''}"
