"""What the numbers are, in words."""

from __future__ import annotations

from vlmtui.display.pieces import isolate, plain, spelling
from vlmtui.lenses.lens_text import LensInputs, LensResult


def report(looked: LensResult, asked: LensInputs) -> str:
    """In a report."""
    pieces = _pieces(looked, asked)
    spelled = f" ({isolate(pieces)})" if pieces else ""
    return f"{looked.call.name}: {number(looked.stage)} of {isolate(plain(asked.text))}{spelled}"


def legend(looked: LensResult, asked: LensInputs) -> str:
    """Beneath the image."""
    pieces = _pieces(looked, asked)
    spelled = f" ({pieces})" if pieces else ""
    said = f"{looked.call.name} {plain(asked.text)}{spelled}: {number(looked.stage)} at {looked.stage}"
    return f"{said}{f', {looked.note}' if looked.note else ''}"


def number(stage: str) -> str:
    """What one of them is."""
    return "logit" if stage.startswith("llm.") else "cosine"


def _pieces(looked: LensResult, asked: LensInputs) -> str:
    """The pieces looked for; "" of a text tower, which reads all of a text."""
    return spelling(asked.text, tuple(looked.besides.get("pieces", ())), asked.marks_words)
