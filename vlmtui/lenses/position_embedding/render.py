"""What the numbers are, in words."""

from __future__ import annotations

from vlmtui.lenses.lens_text import LensInputs, LensResult


def report(looked: LensResult, asked: LensInputs) -> str:
    """In a report."""
    return f"{looked.call.name}: L2 norm of the position embedding"


def legend(looked: LensResult, asked: LensInputs) -> str:
    """Beneath the image."""
    return f"norm of the position embedding{f', {looked.note}' if looked.note else ''}"
