"""What the cosines are, in words."""

from __future__ import annotations

from vlmtui.lenses.lens_text import LensInputs, LensResult


def report(looked: LensResult, asked: LensInputs) -> str:
    """In a report."""
    return f"{looked.call.name}: cosine with {asked.entries}"


def legend(looked: LensResult, asked: LensInputs) -> str:
    """Beneath the image."""
    return f"cosine with {asked.entries} at {looked.stage}{f', {looked.note}' if looked.note else ''}"


def number(stage: str) -> str:
    """What one of them is."""
    return "cosine"
