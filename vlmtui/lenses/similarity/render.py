"""What the cosines are, in words."""

from __future__ import annotations

from vlmtui.lenses.wording import Asked, Looked


def report(looked: Looked, asked: Asked) -> str:
    """In a report."""
    return f"{looked.call.name}: cosine with {asked.entries}"


def legend(looked: Looked, asked: Asked) -> str:
    """Beneath the image."""
    return f"cosine with {asked.entries} at {looked.stage}{f', {looked.note}' if looked.note else ''}"


def number(stage: str) -> str:
    """What one of them is."""
    return "cosine"
