"""Early exit: a vision stage sent through the projector, for as long as a person wants it.

Never to be mistaken for the words of the tokens that the language model gets: it is named wherever its words stand.
"""

from __future__ import annotations

from dataclasses import replace

from vlmtui.display.grid_names import as_sentence
from vlmtui.display.numbers import count
from vlmtui.results import early_exit as exits
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import vision_depth

INTO_NONE = "This patch goes into no image token: the model leaves its place out, or mixes it into many."


def has_early_exit(results: Results, selection: Selection) -> bool:
    """Whether the stage is one of the tower's, and its patches have words through the projector."""
    return (
        vision_depth(selection.stage) is not None
        and results.reading is not None
        and not exits.no_exit_in_reading(results.reading)
    )


def shows_early_exit(results: Results, selection: Selection) -> bool:
    """Whether the words of the view are those of an early exit."""
    return selection.projected and has_early_exit(results, selection)


def toggle_early_exit(results: Results, selection: Selection) -> tuple[Selection, str]:
    """The view with the early exit turned on or off; or as it was, and why."""
    if results.reading is None:
        return selection, "the model has not read the image yet"
    if wrong := exits.no_exit_in_reading(results.reading):
        return selection, as_sentence(wrong)
    if vision_depth(selection.stage) is None:
        return selection, f"The projector lens is for vision stages: go to vision.{_last(results)} or an earlier one."
    return replace(selection, early_exit=not selection.early_exit), ""


def early_exit_title(results: Results, selection: Selection) -> str:
    """`early exit: vision.5 → projector`, or "" where it is off."""
    return exits.early_exit_name(selection.stage) if shows_early_exit(results, selection) else ""


def early_exit_footer(results: Results, selection: Selection) -> str:
    """Which token's words these are, and where they are those of the tokens themselves."""
    token = results.token(selection)
    if token is None or results.reading is None:
        return ""
    patches = len(results.reading.places[token].patches)
    shared = f", as of its {count(patches, 'patch', 'patches')}" if patches > 1 else ""
    fed = "; this stage feeds the projector" if selection.stage == results.reading.model.feeds else ""
    return f"of token {token}{shared}{fed}"


def _last(results: Results) -> int:
    return results.reading.model.vision_layers if results.reading else 0
