"""What the numbers are, in words."""

from __future__ import annotations

from vlmtui.lenses.lens_text import LensInputs, LensResult


def report(found: LensResult, inputs: LensInputs) -> str:
    """In a report."""
    return f"{found.call.name}: L2 norm of the position embedding"


def legend(found: LensResult, inputs: LensInputs) -> str:
    """Beneath the image."""
    return f"norm of the position embedding{f', {found.note}' if found.note else ''}"
