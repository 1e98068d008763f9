"""What the colours are, in words."""

from __future__ import annotations

from vlmtui.display.numbers import percent
from vlmtui.lenses.lens_text import LensInputs, LensResult


def report(looked: LensResult, asked: LensInputs) -> str:
    """In a report."""
    return f"{looked.call.name}: three principal components, {shares(looked)} of the variance"


def legend(looked: LensResult, asked: LensInputs) -> str:
    """Beneath the image."""
    return f"{looked.call.name} of {looked.stage}: red, green, blue are {shares(looked)} of the variance"


def shares(looked: LensResult) -> str:
    """The share of the variance in each component."""
    return " + ".join(percent(100 * share) for share in looked.besides["explained"])
