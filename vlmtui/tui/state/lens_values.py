"""What the lens of the overlay finds: which lens that is, what has been asked for, what to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from vlmtui.lenses.kinds import Scalars
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.lenses.lens_text import LensResult
from vlmtui.tui.navigation import walked
from vlmtui.tui.state import attribution
from vlmtui.tui.state.lens_choice import LensChoice, chosen
from vlmtui.tui.state.marks import marked
from vlmtui.tui.state.results import NORMS, Results, Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS, llm_depth

_Key = TypeVar("_Key")

KEPT = 128
"""Answers that are kept of one reading."""
KEPT_SINGLES = 2048
"""Answers about one entry each."""
REACH = 3
"""So many stages on and back are asked about before anybody walks there, where that costs little."""
LITTLE_S = 0.1
"""What a lens of one's own may have taken to be asked before anybody looks."""
STOPPED = "stopped: choose the overlay once more to ask again"


def lens_of(selection: Selection, results: Results) -> LensCall | None:
    """What to ask the overlay's lens at the view's stage; None where the overlay needs none."""
    if results.reading is None or selection.stage in (PIXELS, ANSWER) or not results.places_at(selection.stage):
        return None
    lens = overlay_lens(selection, results)
    if lens is None or lens.missing or lens.refuses(selection.stage, results.reading.model):
        return None
    offer, options = lens.offer, dict(lens.given)
    if offer.word:
        if not selection.sought:
            return None
        options[offer.word] = selection.sought
    if offer.marked:
        entry = results.entry(selection)
        to = marked(selection, results) or (() if entry is None else (entry,))
        if not to:
            return None
        options[offer.marked] = to
    return LensCall(lens.source, tuple(options.items()))


def overlay_lens(selection: Selection, results: Results) -> LensChoice | None:
    """The lens of the overlay that is chosen; where it looks for a word, the one that suits the model."""
    return chosen(selection.overlay, results.lenses, results.model)


def single_of(selection: Selection, results: Results) -> int | None:
    """The entry under the cursor, where the overlay's lens is of one at a time."""
    lens = overlay_lens(selection, results)
    return results.entry(selection) if lens is not None and lens.of_single else None


def shown(selection: Selection, results: Results) -> LensResult | None:
    """What to show: what the lens found, or while that is on its way what it found before of the same kind."""
    lens = lens_of(selection, results)
    if lens is None:
        return None
    entry = single_of(selection, results)
    if entry is not None:
        return results.singles.get((selection.stage, lens, entry))
    found = results.values.get((selection.stage, lens))
    if found is None and results.latest is not None:
        before, own = results.latest, overlay_lens(selection, results)
        # those that follow the cursor
        if before.stage == selection.stage and before.call.lens == lens.lens and own is not None and own.offer.marked:
            return before
    return found


def scores(selection: Selection, results: Results) -> np.ndarray | None:
    """One number for every entry of the stage, by which the overlay would order them [entries]; None without one."""
    if selection.stage == ANSWER:
        of_answer = attribution.numbers(results, selection)
        return None if of_answer is None else of_answer.values
    if selection.overlay == NORMS:
        norms = results.norms_at(selection.stage)
        return None if norms is None else norms.values
    found = shown(selection, results)
    return found.result.values.astype(np.float64) if found and isinstance(found.result, Scalars) else None


def ahead(selection: Selection, results: Results) -> tuple[str, LensCall] | None:
    """A stage near the view's and the lens for it, where a step there would have to wait; None where none would."""
    for step in (step for far in range(1, REACH + 1) for step in (-far, far)):
        there = walked(selection, results, step)
        lens = lens_of(there, results)
        if lens is None or not _cheap(there, results) or (llm_depth(there.stage) and results.layers is None):
            continue
        if (there.stage, lens) not in results.values and (there.stage, lens) not in results.refused:
            return there.stage, lens
    return None


def _cheap(selection: Selection, results: Results) -> bool:
    """Whether it is worth to be asked for before anybody looks: another word is looked for anew at every stage, and
    what a lens of one's own costs is known when it has been asked once."""
    lens = overlay_lens(selection, results)
    if lens is None or not lens.of_numbers or not lens.quick or lens.offer.word:
        return False
    if lens.built_in:
        return True
    taken = [found.seconds for found in results.values.values() if found.call.lens == lens.source]
    return bool(taken) and max(taken) < LITTLE_S


class ValueAsking:
    """What has been asked for and not answered yet, and why something will not come."""

    def __init__(self) -> None:
        # one of each kind: the session answers only the latest
        self._asked: dict[LensSource, tuple[str, LensCall, int | None]] = {}

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._asked.clear()

    def wanted(self, results: Results, selection: Selection) -> LensCall | None:
        """The lens to ask about now, if any; of one that is of one entry at a time, about `single_of`."""
        lens, entry = lens_of(selection, results), single_of(selection, results)
        if lens is None or (selection.stage, lens) in results.refused or self.waiting(results, selection):
            return None
        single = overlay_lens(selection, results)
        if single is not None and single.of_single:
            if entry is None or (selection.stage, lens, entry) in results.singles:
                return None
        elif (selection.stage, lens) in results.values:
            return None
        if llm_depth(selection.stage) and results.layers is None:
            return None  # they are being read
        return lens

    def waiting(self, results: Results, selection: Selection) -> bool:
        """Whether what the view shows is still on its way."""
        lens = lens_of(selection, results)
        return lens is not None and self._asked.get(lens.lens) == (selection.stage, lens, single_of(selection, results))

    def asked(self, stage: str, lens: LensCall, entry: int | None = None) -> None:
        """This was asked for."""
        self._asked[lens.lens] = (stage, lens, entry)

    def own(self, results: Results) -> tuple[str, LensCall] | None:
        """What a lens of a person's own is asked for, if any is: its stage and question."""
        sources = {one.source for one in results.lenses.values()}
        return next(((stage, lens) for stage, lens, _ in self._asked.values() if lens.lens in sources), None)

    def answered(
        self, results: Results, reading: str, values: LensResult, stage: str, entry: int | None = None
    ) -> bool:
        """Take in an answer; False where it is of another reading. `stage` is the one looked at."""
        self._answered(values.stage, values.call, entry)
        if results.reading is None or results.reading.id != reading:
            return False
        if entry is not None:
            results.singles[values.stage, values.call, entry] = values
            _keep(results.singles, KEPT_SINGLES)
            return True
        results.values[values.stage, values.call] = values
        if values.stage == stage:
            results.latest = values
        _keep(results.values, KEPT)
        return True

    def failed(self, results: Results, stage: str, lens: LensCall, sentence: str) -> None:
        """It does not come, and will not if it is asked for again."""
        asked = self._asked.get(lens.lens)
        if asked is not None:
            self._answered(stage, lens, asked[2])
        results.refused[stage, lens] = sentence

    def _answered(self, stage: str, lens: LensCall, entry: int | None) -> None:
        if self._asked.get(lens.lens) == (stage, lens, entry):
            del self._asked[lens.lens]


def _keep(found: dict[_Key, LensResult], most: int) -> None:
    while len(found) > most:
        del found[next(iter(found))]


def ordered(numbers: Sequence[float] | np.ndarray) -> np.ndarray:
    """Entries from the largest number to the smallest, those without one left out."""
    values = np.asarray(numbers, np.float64)
    order = np.argsort(-values, kind="stable")
    return np.asarray(order[np.isfinite(values[order])])
