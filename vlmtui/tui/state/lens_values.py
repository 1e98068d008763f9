"""Values of the overlay's lens: which lens that is, and what of its results to show. No Textual."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Scalars, Words
from vlmtui.lenses.lens_source import LensCall
from vlmtui.lenses.noise_call import noise_call, noise_end
from vlmtui.tui.state import answer_values
from vlmtui.tui.state.lens_choice import LensChoice, overlay_choice, segment_lens
from vlmtui.tui.state.marks import marked_entries
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import NORMS, SEGMENTS, Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS
from vlmtui.tui.state.subject import ResultKey, Subject

STOPPED = "stopped: choose the overlay once more to ask again"


def overlay_call(selection: Selection, results: Results) -> LensCall | None:
    """What to ask the overlay's lens at the stage looked at; None where the overlay needs none."""
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
        to = marked_entries(selection, results) or (() if entry is None else (entry,))
        if not to:
            return None
        options[offer.marked] = to
    return LensCall(lens.source, tuple(options.items()))


def overlay_lens(selection: Selection, results: Results) -> LensChoice | None:
    """The lens of the overlay that is chosen; where it searches for a word, the one that suits the model; of segments
    the one that they show first, or of a person's own that was chosen."""
    if selection.overlay == SEGMENTS:
        if selection.own_words in own_word_lenses(selection, results):
            return results.lenses[selection.own_words]
        return None if selection.top_1 else first_of_segments(selection, results)
    return overlay_choice(selection.overlay, results.lenses, results.model)


def first_of_segments(selection: Selection, results: Results) -> LensChoice | None:
    """The lens that segments show first; None at a stage where it cannot look."""
    lens, model = segment_lens(selection.metric), results.model
    return None if lens is None or model is None or lens.refuses(selection.stage, model) else lens


def own_word_lenses(selection: Selection, results: Results) -> tuple[str, ...]:
    """The names of a person's own lenses that find words at the stage looked at."""
    model = results.model
    return tuple(
        name
        for name, one in results.lenses.items()
        if one.kind is Words and not one.of_answers and not one.missing and model
        if not one.refuses(selection.stage, model)
    )


def cursor_entry(selection: Selection, results: Results) -> int | None:
    """The entry under the cursor, where the overlay's lens is of one at a time."""
    lens = overlay_lens(selection, results)
    return results.entry(selection) if lens is not None and lens.of_single else None


def value_key(selection: Selection, results: Results) -> ResultKey | None:
    """What the result of the overlay's lens is known by; None where the overlay needs none, or none here."""
    lens = overlay_call(selection, results)
    if lens is None:
        return None
    choice = overlay_lens(selection, results)
    if choice is None or not choice.of_single:
        return Subject(selection.stage), lens
    entry = cursor_entry(selection, results)
    return None if entry is None else (Subject(selection.stage, entry), lens)


def noise_call_key(selection: Selection, results: Results) -> ResultKey | None:
    """What the same numbers of noise are known by; None where they are not compared with noise."""
    key, choice = value_key(selection, results), overlay_lens(selection, results)
    if key is None or choice is None or not selection.noise:
        return None
    assert isinstance(key[1], LensCall)
    call = noise_call(key[1])
    return None if call is None else (key[0], call)


def noise_floor_at(selection: Selection, results: Results) -> float | None:
    """The number below which 95% of those of noise are; None until these have come."""
    key = noise_call_key(selection, results)
    found = None if key is None else results.found.get(key)
    return noise_end(found) if isinstance(found, LensResult) else None


def noise_awaited(selection: Selection, results: Results) -> bool:
    """Whether the numbers of noise are still to come."""
    key = noise_call_key(selection, results)
    return key is not None and key not in results.found and key not in results.refused


def value_refused(selection: Selection, results: Results) -> str:
    """Why the overlay's lens cannot be had at this stage, or ""."""
    lens = overlay_call(selection, results)
    return "" if lens is None else results.refused.get((Subject(selection.stage), lens), "")


def shown_result(selection: Selection, results: Results) -> LensResult | None:
    """What to show: what the lens found, or while that is on its way what it found before of the same kind."""
    key = value_key(selection, results)
    if key is None:
        return None
    found = results.found.get(key)
    if isinstance(found, LensResult):
        return found
    before, own = results.latest, overlay_lens(selection, results)
    # while the lens follows the cursor
    if before is None or own is None or not own.offer.marked or own.of_single:
        return None
    return before if before.stage == selection.stage and before.call.lens == own.source else None


def overlay_scores(selection: Selection, results: Results) -> np.ndarray | None:
    """One number for every entry of the stage, by which the overlay would order them [entries]; None without one."""
    if selection.stage == ANSWER:
        of_answer = answer_values.answer_values(results, selection)
        return None if of_answer is None else of_answer.values
    if selection.overlay == NORMS:
        norms = results.norms_at(selection.stage)
        return None if norms is None else norms.values
    found = shown_result(selection, results)
    return found.result.values.astype(np.float64) if found and isinstance(found.result, Scalars) else None


def overlay_turns(selection: Selection, results: Results) -> list[tuple[int, ...]]:
    """Entries from the overlay's largest number to its smallest, those of one block together: they share one number,
    since they were replaced together. Empty without numbers."""
    numbers = overlay_scores(selection, results)
    if numbers is None:
        return []
    order = ranked_entries(numbers).tolist()
    found = answer_values.answer_values(results, selection) if selection.stage == ANSWER else None
    if found is None or not found.blocks:
        return [(entry,) for entry in order]
    together: dict[object, list[int]] = {}
    for entry in order:
        together.setdefault(found.blocks[entry], []).append(entry)
    return [tuple(entries) for entries in together.values()]


def ranked_entries(numbers: Sequence[float] | np.ndarray) -> np.ndarray:
    """Entries from the largest number to the smallest, those without one left out."""
    values = np.asarray(numbers, np.float64)
    order = np.argsort(-values, kind="stable")
    return np.asarray(order[np.isfinite(values[order])])
