"""Numbers of a lens as they are shown: their scale, their colours, and in words what they are."""

from __future__ import annotations

import numpy as np

from vlmtui.display.colours import robust_range
from vlmtui.display.numbers import figure, ordinal, percent
from vlmtui.display.pieces import plain, spelling
from vlmtui.tui.marks import marked
from vlmtui.tui.path import ANSWER, PIXELS, llm_depth
from vlmtui.tui.valuing import lens_of, ordered, scores, shown
from vlmtui.tui.view import Known, View
from vlmtui.values import Components, Evidence, Find, Position, Similarity, Values


def legend(known: Known, view: View, found: Values | None) -> tuple[str, tuple[float, float] | None]:
    """The line beneath the picture, and the range of the numbers where they are magnitudes."""
    lens = lens_of(view, known)
    if found is None:
        if lens is None:
            has = "have" if view.stage == PIXELS else "has"
            return f"overlay: {view.overlay}, which {view.stage} {has} none of", None
        refused = known.refused.get((view.stage, lens))
        return (f"{view.overlay}: {plain(refused)}" if refused else f"{view.overlay} at {view.stage}: ..."), None
    if isinstance(found.lens, Components):
        shares = " + ".join(percent(100 * share) for share in found.explained)
        return f"pca of {view.stage}: red, green, blue are {shares} of the variance", None
    return f"{_named(known, view, found)}{f', {found.note}' if found.note else ''}", robust_range(found.numbers)


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


def _named(known: Known, view: View, found: Values) -> str:
    match found.lens:
        case Similarity(to):
            if len(to) > 1 or to == marked(view, known):
                return f"cosine with {len(to)} marked at {found.stage}"
            place = known.places_at(found.stage)[to[0]]
            where = f"row {place.row}, col {place.col}" if place.row is not None else f"token {place.index}"
            return f"cosine with {where} at {found.stage}"
        case Find(text):
            joins = known.reading is not None and known.reading.model.marks_words
            pieces = spelling(text, found.pieces, joins)
            spelled = f" ({pieces})" if pieces else ""  # a text tower reads all of a text
            number = "cosine" if llm_depth(found.stage) is None else "logit"
            return f"find {plain(text)}{spelled}: {number} at {found.stage}"
        case Evidence(label):
            return f"class {plain(label)} at {found.stage}"
        case Position():
            return "norm of the position embedding"
    return view.overlay
