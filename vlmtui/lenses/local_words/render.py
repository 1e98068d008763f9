"""Report line and legend of local words."""

from __future__ import annotations

from vlmtui.lenses.captions import LensInputs, LensResult

_LINE = "words whose patches lie together more than chance"


def report(found: LensResult, inputs: LensInputs) -> str:
    """The line of a report."""
    return words()


def words() -> str:
    """The line of a report."""
    return f"local-words: {_LINE}, each on its neighbourhood; the score is its vote"


def legend(found: LensResult, inputs: LensInputs) -> str:
    """The legend below the image."""
    return f"{_LINE} at {found.stage}; {found.note}"
