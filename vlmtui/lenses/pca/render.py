"""Report line and legend of the components."""

from __future__ import annotations

from vlmtui.display.numbers import percent
from vlmtui.lenses.captions import LensInputs, LensResult


def report(found: LensResult, inputs: LensInputs) -> str:
    """The line of a report that says what the numbers are."""
    return f"{found.call.name}: three principal components, {shares(found)} of the variance"


def legend(found: LensResult, inputs: LensInputs) -> str:
    """The legend below the image."""
    return f"{found.call.name} of {found.stage}: red, green, blue {shares(found)} of variance"


def shares(found: LensResult) -> str:
    """The share of the variance in each component."""
    return " + ".join(percent(100 * share) for share in found.besides["explained"])
