"""Report line and legend of the cosines."""

from __future__ import annotations

from vlmtui.lenses.captions import LensInputs, LensResult


def report(found: LensResult, inputs: LensInputs) -> str:
    """The line of a report that says what the numbers are."""
    return f"{found.call.name}: cosine with {inputs.entries}"


def legend(found: LensResult, inputs: LensInputs) -> str:
    """The legend below the image."""
    return f"cosine with {inputs.entries}{f', {found.note}' if found.note else ''}"


def number(stage: str) -> str:
    """The name of one number."""
    return "cosine"
