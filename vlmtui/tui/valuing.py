"""The numbers of the overlay that is chosen: which lens gives them, what has been asked for, what to show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlmtui.tui import answered
from vlmtui.tui.marks import marked
from vlmtui.tui.path import ANSWER, PIXELS, llm_depth
from vlmtui.tui.view import Known, Overlay, View
from vlmtui.tui.walking import walked
from vlmtui.tui.whole import said_by
from vlmtui.values import POSITION_STAGE, Components, Evidence, Find, Lens, Position, Similarity, Values

KEPT = 128
"""Answers that are kept of one reading."""
REACH = 3
"""So many stages on and back are asked about before anybody walks there, where that costs little."""
OF_VALUES: tuple[Overlay, ...] = ("similarity", "pca", "find", "position")
"""The overlays that a lens of the session gives the numbers for."""


def lens_of(view: View, known: Known) -> Lens | None:
    """The lens that gives the overlay's numbers at the view's stage; None where the overlay needs none."""
    if known.reading is None or view.stage in (PIXELS, ANSWER) or not known.places_at(view.stage):
        return None
    if view.overlay == "pca":
        return Components()
    if view.overlay == "find" and said_by(known.model) == "classes":
        return Evidence(view.sought) if view.sought else None
    if view.overlay == "find":
        return Find(view.sought) if view.sought else None
    if view.overlay == "position":
        return Position() if view.stage == POSITION_STAGE else None
    if view.overlay == "similarity":
        entry = known.entry(view)
        to = marked(view, known) or (() if entry is None else (entry,))
        return Similarity(to) if to else None
    return None


def shown(view: View, known: Known) -> Values | None:
    """The values to show: those of the lens, or while they are on their way the ones before of the same kind."""
    lens = lens_of(view, known)
    if lens is None:
        return None
    found = known.values.get((view.stage, lens))
    if found is None and known.latest is not None:
        before = known.latest
        if before.stage == view.stage and isinstance(before.lens, Similarity) and isinstance(lens, Similarity):
            return before
    return found


def scores(view: View, known: Known) -> np.ndarray | None:
    """One number for every entry of the stage, by which the overlay would order them [entries]; None without one."""
    if view.stage == ANSWER:
        of_answer = answered.numbers(known, view)
        return None if of_answer is None else of_answer.values
    if view.overlay == "norms":
        norms = known.norms_at(view.stage)
        return None if norms is None else norms.values
    found = shown(view, known)
    return None if found is None or found.numbers.ndim != 1 else found.numbers.astype(np.float64)


def ahead(view: View, known: Known) -> tuple[str, Lens] | None:
    """A stage near the view's and the lens for it, where a step there would have to wait; None where none would."""
    for step in (step for far in range(1, REACH + 1) for step in (-far, far)):
        there = walked(view, known, step)
        lens = lens_of(there, known)
        if not isinstance(lens, Similarity | Components) or (llm_depth(there.stage) and known.layers is None):
            continue
        if (there.stage, lens) not in known.values and (there.stage, lens) not in known.refused:
            return there.stage, lens
    return None


class ValueAsking:
    """What has been asked for and not answered yet, and why something will not come."""

    def __init__(self) -> None:
        # one of each kind: the session answers only the latest
        self._asked: dict[type[Lens], tuple[str, Lens]] = {}

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._asked.clear()

    def wanted(self, known: Known, view: View) -> Lens | None:
        """The lens to ask about now, if any."""
        lens = lens_of(view, known)
        if lens is None or (view.stage, lens) in known.values or (view.stage, lens) in known.refused:
            return None
        if self._asked.get(type(lens)) == (view.stage, lens):
            return None
        if llm_depth(view.stage) and known.layers is None:
            return None  # they are being read
        return lens

    def waiting(self, known: Known, view: View) -> bool:
        """Whether what the view shows is still on its way."""
        lens = lens_of(view, known)
        return lens is not None and self._asked.get(type(lens)) == (view.stage, lens)

    def asked(self, stage: str, lens: Lens) -> None:
        """This was asked for."""
        self._asked[type(lens)] = (stage, lens)

    def answered(self, known: Known, reading: str, values: Values, stage: str) -> bool:
        """Take in an answer; False where it is of another reading. `stage` is the one looked at."""
        self._answered(values.stage, values.lens)
        if known.reading is None or known.reading.id != reading:
            return False
        known.values[values.stage, values.lens] = values
        if values.stage == stage:
            known.latest = values
        while len(known.values) > KEPT:
            del known.values[next(iter(known.values))]
        return True

    def failed(self, known: Known, stage: str, lens: Lens, sentence: str) -> None:
        """It does not come, and will not if it is asked for again."""
        self._answered(stage, lens)
        known.refused[stage, lens] = sentence

    def _answered(self, stage: str, lens: Lens) -> None:
        if self._asked.get(type(lens)) == (stage, lens):
            del self._asked[type(lens)]


def ordered(numbers: Sequence[float] | np.ndarray) -> np.ndarray:
    """Entries from the largest number to the smallest, those without one left out."""
    values = np.asarray(numbers, np.float64)
    order = np.argsort(-values, kind="stable")
    return np.asarray(order[np.isfinite(values[order])])
