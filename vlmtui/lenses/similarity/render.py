"""What the cosines are, in words."""

from __future__ import annotations

from vlmtui.lenses.lens_text import LensInputs, LensResult


def report(found: LensResult, inputs: LensInputs) -> str:
    """In a report."""
    return f"{found.call.name}: cosine with {inputs.entries}"


def legend(found: LensResult, inputs: LensInputs) -> str:
    """Beneath the image."""
    return f"cosine with {inputs.entries} at {found.stage}{f', {found.note}' if found.note else ''}"


def number(stage: str) -> str:
    """What one of them is."""
    return "cosine"
