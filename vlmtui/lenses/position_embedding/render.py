"""Report line and legend of the lens's numbers."""

from __future__ import annotations

from vlmtui.lenses.captions import LensInputs, LensResult


def report(found: LensResult, inputs: LensInputs) -> str:
    """The line of a report that says what the numbers are."""
    return f"{found.call.name}: L2 norm of the position embedding"


def legend(found: LensResult, inputs: LensInputs) -> str:
    """The legend below the image."""
    return f"norm of the position embedding{f', {found.note}' if found.note else ''}"
