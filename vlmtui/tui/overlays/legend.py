"""Legend of a lens: the scale of its numbers, and in words what they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vlmtui.display.colours import hex_colour, rgb_colours
from vlmtui.display.norm_statistics import ABOVE, BELOW
from vlmtui.display.numbers import count, format_number, ordinal
from vlmtui.display.pieces import plain
from vlmtui.display.value_scale import ValueScale
from vlmtui.lenses import captions
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Colours, Scalars
from vlmtui.lenses.registry import find_lens
from vlmtui.tui.overlays.sought_word import listing
from vlmtui.tui.state.lens_values import (
    noise_awaited,
    noise_floor_at,
    overlay_call,
    overlay_lens,
    overlay_scores,
    overlay_turns,
    shown_result,
    value_refused,
)
from vlmtui.tui.state.marks import marked_entries
from vlmtui.tui.state.results import Results, StageNorms
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import PIXELS, llm_depth

OPTIONS = "Lens: options"
"""What the command palette calls the dialog for a lens's options."""


class LegendText(NamedTuple):
    """The line beneath the image, the same in fewer words, and the range of the numbers where there are some."""

    text: str
    brief: str = ""
    scale: tuple[float, float] | None = None


def lens_legend(results: Results, selection: Selection, found: LensResult | None) -> LegendText:
    """What a lens found, or why it has not."""
    lens, choice = overlay_call(selection, results), overlay_lens(selection, results)
    name = plain(selection.overlay)
    if lens is None:
        if choice is not None and choice.missing:
            return LegendText(f"{name} needs its option {choice.missing}: Ctrl-P, {OPTIONS}")
        has = "have" if selection.stage == PIXELS else "has"
        return LegendText(f"overlay: {name}, which {selection.stage} {has} none of")
    refused = value_refused(selection, results)
    if refused and (found is None or (choice is not None and choice.of_single)):
        return LegendText(f"{name}: {plain(refused)}")
    if choice is not None and choice.of_single:
        # what is found of one entry after the other has one legend
        return LegendText(f"{captions.lens_label(lens)} at {selection.stage}")
    if found is None:
        stops = "" if choice is None or choice.built_in else " (Esc stops)"
        return LegendText(f"{name} at {selection.stage}: ...{stops}")
    asked = _asked(results, selection, found)
    text, brief = captions.legend_line(found, asked), captions.brief_legend(found, asked)
    if not isinstance(found.result, Scalars):
        return LegendText(text, brief)
    floor, page = noise_floor_at(selection, results), results.page(selection)
    listed = listing(results, selection, page) if page is not None else None
    best = None if listed is not None and listed.first else _best_score(results, selection)
    scale = ValueScale.of(found.numbers, floor, best)
    note = scale.note(found.numbers)
    if floor is None:
        note = "noise: ..." if noise_awaited(selection, results) else ""
    elif listed is not None and (found.numbers > floor).any():
        note = f"grey: noise, or not in top {selection.k}"
    if scale.high <= scale.low:
        # nothing is above noise: the numbers keep a scale, all of it grey
        scale = ValueScale.of(found.numbers)
    said = f" · {note}" if note else ""
    # why no patch is as bright as the scale goes
    reach = f"; {format_number(best, 3)}: best of any word" if said and best is not None and scale.high == best else ""
    return LegendText(text + said + reach, brief + said, (scale.low, scale.high))


def norm_legend(norms: StageNorms, stage: str, glyphs: bool) -> str:
    """How many norms are outliers, and how these are marked: by a character where patches have the room."""
    marks = norms.marks
    many, sides = len(marks), "".join(mark for mark in (ABOVE, BELOW) if mark in marks.values())
    how = f" ({sides})" if glyphs else " (tinted)"
    return f"norm {stage} · {count(many, 'outlier')}{how}" if many else f"norm {stage} · no outlier"


def _best_score(results: Results, selection: Selection) -> float | None:
    """The largest score of any word at any token, where a word is searched for and the lists have the same scores: a
    word that is first nowhere has not the colours of one that is."""
    choice, table = overlay_lens(selection, results), results.word_table(selection)
    same = llm_depth(selection.stage) is not None or selection.order == "cosine"
    if choice is None or not choice.offer.word or table is None or not same:
        return None
    return max((rows[0].score for rows in table.rows.values() if rows), default=None)


def awaited_legend(results: Results, selection: Selection) -> str:
    """The line beneath the image where the overlay is a lens that is not known yet, or cannot be used."""
    name = plain(selection.overlay)
    wrong = results.unusable.get(selection.overlay)
    return f"{name}: {plain(wrong)}" if wrong else f"{name}: ..."


def cursor_text(results: Results, selection: Selection) -> str:
    """The number under the cursor and its rank, or "" where the overlay has none."""
    numbers, entry = overlay_scores(selection, results), results.entry(selection)
    if numbers is None or entry is None:
        return _colour(results, selection, entry)
    turns = overlay_turns(selection, results)
    at = next((i for i, entries in enumerate(turns) if entry in entries), None)
    blocks = " blocks" if any(len(entries) > 1 for entries in turns) else ""
    rank = "" if at is None else f", {ordinal(at + 1)} of {len(turns):,}{blocks}"
    return f"here {format_number(float(numbers[entry]), 3)}{rank}"


def cursor_value(results: Results, selection: Selection) -> float | None:
    """The number under the cursor."""
    numbers, entry = overlay_scores(selection, results), results.entry(selection)
    return None if numbers is None or entry is None else float(numbers[entry])


def values_beyond(results: Results, selection: Selection, scale: tuple[float, float]) -> tuple[bool, bool]:
    """Whether there are numbers below a scale, and above it."""
    numbers = overlay_scores(selection, results)
    there = np.array([]) if numbers is None else numbers[np.isfinite(numbers)]
    return bool((there < scale[0]).any()), bool((there > scale[1]).any())


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
