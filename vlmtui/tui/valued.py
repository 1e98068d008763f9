"""Numbers of a lens as they are shown: their scale, their colours, and in words what they are."""

from __future__ import annotations

import numpy as np

from vlmtui.display.colours import hex_of, rgb, robust_range
from vlmtui.display.numbers import figure, ordinal
from vlmtui.display.pieces import plain
from vlmtui.lenses import wording
from vlmtui.lenses.kinds import Colours, Scalars
from vlmtui.lenses.registry import find
from vlmtui.lenses.wording import LensResult
from vlmtui.tui.marks import marked
from vlmtui.tui.path import ANSWER, PIXELS
from vlmtui.tui.valuing import lens_of, ordered, overlay_lens, scores, shown
from vlmtui.tui.view import Known, View

OPTIONS = "Lens: options"
"""What the command palette calls the dialog for a lens's options."""


def legend(known: Known, view: View, found: LensResult | None) -> tuple[str, tuple[float, float] | None]:
    """The line beneath the picture, and the range of the numbers where they are magnitudes."""
    lens, choice = lens_of(view, known), overlay_lens(view, known)
    name = plain(view.overlay)
    if lens is None:
        if choice is not None and choice.missing:
            return f"{name} needs its option {choice.missing}: Ctrl-P, {OPTIONS}", None
        has = "have" if view.stage == PIXELS else "has"
        return f"overlay: {name}, which {view.stage} {has} none of", None
    refused = known.refused.get((view.stage, lens))
    if refused and (found is None or (choice is not None and choice.of_single)):
        return f"{name}: {plain(refused)}", None
    if choice is not None and choice.of_single:
        # what is found of one entry after the other has one legend
        return f"{wording.shown(lens)} at {view.stage}", None
    if found is None:
        stops = "" if choice is None or choice.built_in else " (Esc stops)"
        return f"{name} at {view.stage}: ...{stops}", None
    text = wording.legend(found, _asked(known, view, found))
    return text, robust_range(found.numbers) if isinstance(found.result, Scalars) else None


def awaited(known: Known, view: View) -> str:
    """The line beneath the picture where the overlay is a lens that is not known yet, or cannot be used."""
    name = plain(view.overlay)
    wrong = known.unusable.get(view.overlay)
    return f"{name}: {plain(wrong)}" if wrong else f"{name}: ..."


def here(known: Known, view: View) -> str:
    """The number under the cursor and its rank, or "" where the overlay has none."""
    numbers, entry = _numbers(known, view), known.entry(view)
    if numbers is None or entry is None:
        return _colour(known, view, entry)
    order = ordered(numbers).tolist()
    rank = f", {ordinal(order.index(entry) + 1)} of {len(order):,}" if entry in order else ""
    return f"here {figure(float(numbers[entry]), 3)}{rank}"


def value(known: Known, view: View) -> float | None:
    """The number under the cursor."""
    numbers, entry = _numbers(known, view), known.entry(view)
    return None if numbers is None or entry is None else float(numbers[entry])


def _numbers(known: Known, view: View) -> np.ndarray | None:
    """One number for every entry of the stage, where the overlay or the answer has them."""
    if view.stage == ANSWER:
        return scores(view, known)
    found = shown(view, known)
    return found.result.values if found and isinstance(found.result, Scalars) else None


def _colour(known: Known, view: View, entry: int | None) -> str:
    """The colour under the cursor; of components, which are none, nothing."""
    found = shown(view, known)
    if entry is None or found is None or not isinstance(found.result, Colours) or found.result.signed:
        return ""
    values = found.result.values[entry]
    return f"here {hex_of(rgb(values))}" if np.isfinite(values).all() else "here –"


def _asked(known: Known, view: View, found: LensResult) -> wording.LensInputs:
    """What the lens was given, as the screen names it."""
    own, given = find(found.call.name), found.call.given
    if own is None:
        return wording.LensInputs()
    joins = known.reading is not None and known.reading.model.marks_words
    to = given.get(own.offer.marked, ())
    return wording.LensInputs(given.get(own.offer.word, ""), _entries(known, view, found, to), joins)


def _entries(known: Known, view: View, found: LensResult, to: tuple[int, ...]) -> str:
    if not to:
        return ""
    if len(to) > 1 or to == marked(view, known):
        return f"{len(to)} marked"
    place = known.places_at(found.stage)[to[0]]
    return f"row {place.row}, col {place.col}" if place.row is not None else f"token {place.index}"
