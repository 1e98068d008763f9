"""The numbers of the overlay that is chosen: which lens gives them, what has been asked for, what to show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlmtui.lenses.base import Lens
from vlmtui.lenses.kinds import Colours, Scalars
from vlmtui.lenses.registry import find
from vlmtui.lenses.source import Call, call
from vlmtui.lenses.wording import Looked
from vlmtui.reading import ModelInfo
from vlmtui.tui import answered
from vlmtui.tui.marks import marked
from vlmtui.tui.path import ANSWER, PIXELS, llm_depth
from vlmtui.tui.view import NORMS, Known, View, overlay_lenses
from vlmtui.tui.walking import walked

KEPT = 128
"""Answers that are kept of one reading."""
REACH = 3
"""So many stages on and back are asked about before anybody walks there, where that costs little."""


def lens_of(view: View, known: Known) -> Call | None:
    """The lens that gives the overlay's numbers at the view's stage; None where the overlay needs none."""
    if known.reading is None or view.stage in (PIXELS, ANSWER) or not known.places_at(view.stage):
        return None
    lens = overlay_lens(view, known)
    if lens is None or lens.offer.refuses(view.stage, known.reading.model):
        return None
    offer, options = lens.offer, dict[str, object]()
    if offer.word:
        if not view.sought:
            return None
        options[offer.word] = view.sought
    if offer.marked:
        entry = known.entry(view)
        to = marked(view, known) or (() if entry is None else (entry,))
        if not to:
            return None
        options[offer.marked] = to
    return call(lens.name, **options)


def overlay_lens(view: View, known: Known) -> Lens | None:
    """The lens of the overlay that is chosen; where it looks for a word, the one that suits the model."""
    lens = find(view.overlay)
    if lens is None or lens.kind not in (Scalars, Colours):
        return None
    return word_lens(known.model) or lens if lens.offer.word else lens


def word_lens(model: ModelInfo | None) -> Lens | None:
    """The lens that looks for a word in a model."""
    return next((one for one in overlay_lenses(model) if one.offer.word), None)


def shown(view: View, known: Known) -> Looked | None:
    """The values to show: those of the lens, or while they are on their way the ones before of the same kind."""
    lens = lens_of(view, known)
    if lens is None:
        return None
    found = known.values.get((view.stage, lens))
    if found is None and known.latest is not None:
        before, own = known.latest, find(lens.name)
        # those that follow the cursor
        if before.stage == view.stage and before.call.name == lens.name and own is not None and own.offer.marked:
            return before
    return found


def scores(view: View, known: Known) -> np.ndarray | None:
    """One number for every entry of the stage, by which the overlay would order them [entries]; None without one."""
    if view.stage == ANSWER:
        of_answer = answered.numbers(known, view)
        return None if of_answer is None else of_answer.values
    if view.overlay == NORMS:
        norms = known.norms_at(view.stage)
        return None if norms is None else norms.values
    found = shown(view, known)
    return None if found is None or found.numbers.ndim != 1 else found.numbers.astype(np.float64)


def ahead(view: View, known: Known) -> tuple[str, Call] | None:
    """A stage near the view's and the lens for it, where a step there would have to wait; None where none would."""
    for step in (step for far in range(1, REACH + 1) for step in (-far, far)):
        there = walked(view, known, step)
        lens = lens_of(there, known)
        if lens is None or not _cheap(lens) or (llm_depth(there.stage) and known.layers is None):
            continue
        if (there.stage, lens) not in known.values and (there.stage, lens) not in known.refused:
            return there.stage, lens
    return None


def _cheap(lens: Call) -> bool:
    """Whether it is worth to be asked for before anybody looks: another word is looked for anew at every stage."""
    known = find(lens.name)
    return known is not None and known.cost == "quick" and not known.offer.word


class ValueAsking:
    """What has been asked for and not answered yet, and why something will not come."""

    def __init__(self) -> None:
        # one of each kind: the session answers only the latest
        self._asked: dict[str, tuple[str, Call]] = {}

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._asked.clear()

    def wanted(self, known: Known, view: View) -> Call | None:
        """The lens to ask about now, if any."""
        lens = lens_of(view, known)
        if lens is None or (view.stage, lens) in known.values or (view.stage, lens) in known.refused:
            return None
        if self._asked.get(lens.name) == (view.stage, lens):
            return None
        if llm_depth(view.stage) and known.layers is None:
            return None  # they are being read
        return lens

    def waiting(self, known: Known, view: View) -> bool:
        """Whether what the view shows is still on its way."""
        lens = lens_of(view, known)
        return lens is not None and self._asked.get(lens.name) == (view.stage, lens)

    def asked(self, stage: str, lens: Call) -> None:
        """This was asked for."""
        self._asked[lens.name] = (stage, lens)

    def answered(self, known: Known, reading: str, values: Looked, stage: str) -> bool:
        """Take in an answer; False where it is of another reading. `stage` is the one looked at."""
        self._answered(values.stage, values.call)
        if known.reading is None or known.reading.id != reading:
            return False
        known.values[values.stage, values.call] = values
        if values.stage == stage:
            known.latest = values
        while len(known.values) > KEPT:
            del known.values[next(iter(known.values))]
        return True

    def failed(self, known: Known, stage: str, lens: Call, sentence: str) -> None:
        """It does not come, and will not if it is asked for again."""
        self._answered(stage, lens)
        known.refused[stage, lens] = sentence

    def _answered(self, stage: str, lens: Call) -> None:
        if self._asked.get(lens.name) == (stage, lens):
            del self._asked[lens.name]


def ordered(numbers: Sequence[float] | np.ndarray) -> np.ndarray:
    """Entries from the largest number to the smallest, those without one left out."""
    values = np.asarray(numbers, np.float64)
    order = np.argsort(-values, kind="stable")
    return np.asarray(order[np.isfinite(values[order])])
