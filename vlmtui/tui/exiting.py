"""The early exit in the explorer: a vision stage looked at through the projector, for as long as a person wants it.

Never to be mistaken for the words of the tokens that the language model gets: it is named wherever its words stand.
"""

from __future__ import annotations

from dataclasses import replace

from vlmtui.display.grids import sentence
from vlmtui.display.numbers import count
from vlmtui.results import early_exit as exits
from vlmtui.tui.path import vision_depth
from vlmtui.tui.view import Known, View

INTO_NONE = "This patch goes into no image token: the model leaves its place out, or mixes it into many."


def possible(known: Known, view: View) -> bool:
    """Whether the stage is one of the tower's, and its patches have words through the projector."""
    return vision_depth(view.stage) is not None and known.reading is not None and not exits.no_exit(known.reading)


def on(known: Known, view: View) -> bool:
    """Whether the words of the view are those of an early exit."""
    return view.projected and possible(known, view)


def toggled(known: Known, view: View) -> tuple[View, str]:
    """The view with the early exit turned on or off; or as it was, and why."""
    if known.reading is None:
        return view, "the model has not read the picture yet"
    if wrong := exits.no_exit(known.reading):
        return view, sentence(wrong)
    if vision_depth(view.stage) is None:
        return view, f"It is one from the vision tower: walk to vision.{_last(known)}, or before it."
    return replace(view, early_exit=not view.early_exit), ""


def title(known: Known, view: View) -> str:
    """`early exit: vision.5 → projector`, or "" where it is off."""
    return exits.named(view.stage) if on(known, view) else ""


def footing(known: Known, view: View) -> str:
    """Which token's words these are, and where they are those of the tokens themselves."""
    token = known.token(view)
    if token is None or known.reading is None:
        return ""
    patches = len(known.reading.places[token].patches)
    shared = f", as of its {count(patches, 'patch', 'patches')}" if patches > 1 else ""
    fed = "; this stage feeds the projector" if view.stage == known.reading.model.feeds else ""
    return f"of token {token}{shared}{fed}"


def _last(known: Known) -> int:
    return known.reading.model.vision_layers if known.reading else 0
