"""Report line and legend of the lens's numbers."""

from __future__ import annotations

from vlmtui.display.pieces import isolate, plain, spelling
from vlmtui.lenses.captions import LensInputs, LensResult


def report(found: LensResult, inputs: LensInputs) -> str:
    """The line of a report that says what the numbers are."""
    pieces = _pieces(found, inputs)
    spelled = f" ({isolate(pieces)})" if pieces else ""
    return f"{found.call.name}: {number(found.stage)} of {isolate(plain(inputs.text))}{spelled}"


def legend(found: LensResult, inputs: LensInputs) -> str:
    """The legend below the image."""
    pieces = _pieces(found, inputs)
    spelled = f" ({pieces})" if pieces else ""
    said = f"{found.call.name} {plain(inputs.text)}{spelled}: {number(found.stage)} at {found.stage}"
    return f"{said}{f', {found.note}' if found.note else ''}"


def brief(found: LensResult, inputs: LensInputs) -> str:
    """The legend in fewer words: the stage is elsewhere on the screen."""
    pieces = _pieces(found, inputs)
    # a note says why, and then what is done
    notes = [part.rpartition(": ")[2] for part in found.note.split("; ") if part]
    said = f"{found.call.name} {plain(inputs.text)}{f' ({pieces})' if pieces else ''}: {number(found.stage)}"
    return ", ".join([said, *notes])


def number(stage: str) -> str:
    """The name of one number."""
    return "logit" if stage.startswith("llm.") else "cosine"


def _pieces(found: LensResult, inputs: LensInputs) -> str:
    """The pieces searched for; "" for a text tower, which encodes the whole text."""
    return spelling(inputs.text, tuple(found.besides.get("pieces", ())), inputs.marks_words)
