"""Legend of a lens: the scale of its numbers, and in words what they are."""

from __future__ import annotations

import numpy as np

from vlmtui.display.colours import hex_colour, rgb_colours
from vlmtui.display.numbers import count, format_number, ordinal
from vlmtui.display.pieces import plain
from vlmtui.display.value_scale import ValueScale
from vlmtui.lenses import captions
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Colours, Scalars
from vlmtui.lenses.registry import find_lens
from vlmtui.tui.state.lens_values import (
    noise_floor_at,
    overlay_call,
    overlay_lens,
    overlay_scores,
    ranked_entries,
    shown_result,
    value_refused,
)
from vlmtui.tui.state.marks import marked_entries
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS

OPTIONS = "Lens: options"
"""What the command palette calls the dialog for a lens's options."""


def lens_legend(
    results: Results, selection: Selection, found: LensResult | None
) -> tuple[str, tuple[float, float] | None]:
    """The line beneath the image, and the range of the numbers where they are magnitudes."""
    lens, choice = overlay_call(selection, results), overlay_lens(selection, results)
    name = plain(selection.overlay)
    if lens is None:
        if choice is not None and choice.missing:
            return f"{name} needs its option {choice.missing}: Ctrl-P, {OPTIONS}", None
        has = "have" if selection.stage == PIXELS else "has"
        return f"overlay: {name}, which {selection.stage} {has} none of", None
    refused = value_refused(selection, results)
    if refused and (found is None or (choice is not None and choice.of_single)):
        return f"{name}: {plain(refused)}", None
    if choice is not None and choice.of_single:
        # what is found of one entry after the other has one legend
        return f"{captions.lens_label(lens)} at {selection.stage}", None
    if found is None:
        stops = "" if choice is None or choice.built_in else " (Esc stops)"
        return f"{name} at {selection.stage}: ...{stops}", None
    text = captions.legend_line(found, _asked(results, selection, found))
    if not isinstance(found.result, Scalars):
        return text, None
    scale = ValueScale.of(found.numbers, noise_floor_at(selection, results))
    note = scale.note(found.numbers)
    there = (scale.low, scale.high) if scale.high > scale.low else None
    return f"{text} · {note}" if note else text, there


def sought_counts(results: Results, selection: Selection) -> str:
    """In how many lists of the stage the word that is searched for is, as soon as all have come; else ""."""
    choice, table = overlay_lens(selection, results), results.word_table(selection)
    sought = selection.sought.strip().casefold()
    if choice is None or not choice.offer.word or not sought or table is None or not table.rows:
        return ""
    if table.missing(range(len(results.places_at(selection.stage)))):
        return ""
    lists = [
        [(row.text or "").strip().casefold() for row in table.lines(token, selection.k, selection.folds) or ()]
        for token in table.rows
    ]
    top, among = sum(one[:1] == [sought] for one in lists), sum(sought in one for one in lists)
    if not among:
        return f"in no token's top {selection.k}"
    return f"top-1 of {top or 'none'}, in the top {selection.k} of {count(among, 'token')}"


def awaited_legend(results: Results, selection: Selection) -> str:
    """The line beneath the image where the overlay is a lens that is not known yet, or cannot be used."""
    name = plain(selection.overlay)
    wrong = results.unusable.get(selection.overlay)
    return f"{name}: {plain(wrong)}" if wrong else f"{name}: ..."


def cursor_text(results: Results, selection: Selection) -> str:
    """The number under the cursor and its rank, or "" where the overlay has none."""
    numbers, entry = _numbers(results, selection), results.entry(selection)
    if numbers is None or entry is None:
        return _colour(results, selection, entry)
    order = ranked_entries(numbers).tolist()
    rank = f", {ordinal(order.index(entry) + 1)} of {len(order):,}" if entry in order else ""
    return f"here {format_number(float(numbers[entry]), 3)}{rank}"


def cursor_value(results: Results, selection: Selection) -> float | None:
    """The number under the cursor."""
    numbers, entry = _numbers(results, selection), results.entry(selection)
    return None if numbers is None or entry is None else float(numbers[entry])


def _numbers(results: Results, selection: Selection) -> np.ndarray | None:
    """One number for every entry of the stage, where the overlay or the answer has them."""
    if selection.stage == ANSWER:
        return overlay_scores(selection, results)
    found = shown_result(selection, results)
    return found.result.values if found and isinstance(found.result, Scalars) else None


def _colour(results: Results, selection: Selection, entry: int | None) -> str:
    """The colour under the cursor; of components, which are none, nothing."""
    found = shown_result(selection, results)
    if entry is None or found is None or not isinstance(found.result, Colours) or found.result.signed:
        return ""
    values = found.result.values[entry]
    return f"here {hex_colour(rgb_colours(values))}" if np.isfinite(values).all() else "here –"


def _asked(results: Results, selection: Selection, found: LensResult) -> captions.LensInputs:
    """What the lens was given, as the screen names it."""
    own, given = find_lens(found.call.name), found.call.given
    if own is None:
        return captions.LensInputs()
    joins = results.reading is not None and results.reading.model.marks_words
    to = given.get(own.offer.marked, ())
    return captions.LensInputs(given.get(own.offer.word, ""), _entries(results, selection, found, to), joins)


def _entries(results: Results, selection: Selection, found: LensResult, to: tuple[int, ...]) -> str:
    if not to:
        return ""
    if len(to) > 1 or to == marked_entries(selection, results):
        return f"{len(to)} marked"
    place = results.places_at(found.stage)[to[0]]
    return f"row {place.row}, col {place.col}" if place.row is not None else f"token {place.index}"
