"""Numbers of a lens as they are shown: their scale, their colours, and in words what they are."""

from __future__ import annotations

import numpy as np

from vlmtui.display.colours import robust_range
from vlmtui.display.numbers import figure, ordinal
from vlmtui.display.pieces import plain
from vlmtui.lenses import wording
from vlmtui.lenses.registry import find
from vlmtui.lenses.wording import Looked
from vlmtui.tui.marks import marked
from vlmtui.tui.path import ANSWER, PIXELS
from vlmtui.tui.valuing import lens_of, ordered, scores, shown
from vlmtui.tui.view import Known, View


def legend(known: Known, view: View, found: Looked | None) -> tuple[str, tuple[float, float] | None]:
    """The line beneath the picture, and the range of the numbers where they are magnitudes."""
    lens = lens_of(view, known)
    if found is None:
        if lens is None:
            has = "have" if view.stage == PIXELS else "has"
            return f"overlay: {view.overlay}, which {view.stage} {has} none of", None
        refused = known.refused.get((view.stage, lens))
        return (f"{view.overlay}: {plain(refused)}" if refused else f"{view.overlay} at {view.stage}: ..."), None
    text = wording.legend(found, _asked(known, view, found))
    return text, robust_range(found.numbers) if found.numbers.ndim == 1 else None


def here(known: Known, view: View) -> str:
    """The number under the cursor and its rank, or "" where the overlay has none."""
    numbers, entry = _numbers(known, view), known.entry(view)
    if numbers is None or entry is None:
        return ""
    order = ordered(numbers).tolist()
    rank = f", {ordinal(order.index(entry) + 1)} of {len(order):,}" if entry in order else ""
    return f"here {figure(float(numbers[entry]), 3)}{rank}"


def value(known: Known, view: View) -> float | None:
    """The number under the cursor."""
    numbers, entry = _numbers(known, view), known.entry(view)
    return None if numbers is None or entry is None else float(numbers[entry])


def _numbers(known: Known, view: View) -> np.ndarray | None:
    """One number for every entry of the stage, where the overlay or the answer has them."""
    found = shown(view, known)
    numbers = scores(view, known) if view.stage == ANSWER else found.numbers if found else None
    return None if numbers is None or numbers.ndim != 1 else numbers


def _asked(known: Known, view: View, found: Looked) -> wording.Asked:
    """What the lens was given, as the screen names it."""
    own, given = find(found.call.name), found.call.given
    if own is None:
        return wording.Asked()
    joins = known.reading is not None and known.reading.model.marks_words
    to = given.get(own.offer.marked, ())
    return wording.Asked(given.get(own.offer.word, ""), _entries(known, view, found, to), joins)


def _entries(known: Known, view: View, found: Looked, to: tuple[int, ...]) -> str:
    if not to:
        return ""
    if len(to) > 1 or to == marked(view, known):
        return f"{len(to)} marked"
    place = known.places_at(found.stage)[to[0]]
    return f"row {place.row}, col {place.col}" if place.row is not None else f"token {place.index}"
