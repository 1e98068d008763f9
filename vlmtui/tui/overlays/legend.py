"""Legend of a lens: the scale of its numbers, and in words what they are."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vlmtui.display.colours import hex_colour, rgb_colours
from vlmtui.display.norm_statistics import ABOVE, BELOW
from vlmtui.display.numbers import count, format_number, ordinal
from vlmtui.display.pieces import fold, fold_name, plain, visible
from vlmtui.display.value_scale import ValueScale
from vlmtui.lenses import captions
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Colours, Scalars
from vlmtui.lenses.registry import find_lens
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
NOT_FOUND = "not found"
"""Of a word that no list has."""
DOUBTFUL = "doubtful"
"""Of a word that no list has first, and of several pieces, which no list can have, where noise is as near."""


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
    floor = noise_floor_at(selection, results)
    scale = ValueScale.of(found.numbers, floor, _best_score(results, selection))
    note = scale.note(found.numbers)
    if floor is None:
        note = "noise: ..." if noise_awaited(selection, results) else ""
    if scale.high <= scale.low:
        # nothing is above noise: the numbers keep a scale, all of it grey
        scale = ValueScale.of(found.numbers)
    said = f" · {note}" if note else ""
    return LegendText(text + said, brief + said, (scale.low, scale.high))


def norm_legend(norms: StageNorms, stage: str, glyphs: bool) -> str:
    """How many norms are outliers, and how these are marked: by a character where patches have the room."""
    marks = norms.marks
    many, sides = len(marks), "".join(mark for mark in (ABOVE, BELOW) if mark in marks.values())
    how = f" ({sides})" if glyphs else " (tinted)"
    return f"norm {stage} · {count(many, 'outlier')}{how}" if many else f"norm {stage} · no outlier"


class Sought(NamedTuple):
    """In how many lists the word that is searched for is, the same in fewer words, and what both begin with where the
    word may not be there: NOT_FOUND, DOUBTFUL, or ""."""

    text: str
    brief: str = ""
    verdict: str = ""


def sought_counts(results: Results, selection: Selection) -> Sought | None:
    """Of the lists of the stage, as soon as all have come; None for no word."""
    choice, table = overlay_lens(selection, results), results.word_table(selection)
    sought = fold(visible(None, selection.sought.strip()))
    if choice is None or not choice.offer.word or not selection.sought.strip() or table is None or not table.rows:
        return None
    if table.missing(range(len(results.places_at(selection.stage)))):
        return None
    lists = [table.lines(token, selection.k, selection.folds) or () for token in table.rows]
    named = [{fold_name(row.id, row.piece, row.text): row.id for row in rows} for rows in lists]
    if any(sought in one for one in named):
        return _listed(named, sought, results.hubs(selection), selection.k)
    found, floor = shown_result(selection, results), noise_floor_at(selection, results)
    pieces = len(found.besides.get("pieces", ())) if found else 0
    above = None if found is None or floor is None else int((found.numbers > floor).sum())
    if pieces > 1:
        # the lists have single pieces: that it may not be there can be told by noise alone
        if above == 0:
            said = f"{DOUBTFUL}: not one piece but {pieces}, so in no list"
            return Sought(said, f"{DOUBTFUL}: {pieces} pieces, in no list", DOUBTFUL)
        return Sought(f"not one piece but {pieces}, so in no list", "in no list")
    though = f", though {count(above, 'patch', 'patches')} above noise" if above else ""
    said = f"{NOT_FOUND}: in no token's top {selection.k}{though}"
    return Sought(said, f"{NOT_FOUND}: in no top {selection.k}{though}", NOT_FOUND)


def _listed(named: Sequence[Mapping[str, int]], sought: str, hubs: Container[int], k: int) -> Sought:
    """Of a word that lists have: each of them by name in its order, with the token that it names."""
    among = [one for one in named if sought in one]
    hub = any(one[sought] in hubs for one in among)
    top = sum(next(iter(one)) == sought for one in among)
    after = 0 if top or hub else sum(next(name for name in one if one[name] not in hubs) == sought for one in among)
    first, many = top or after, f"{len(among):,}"
    behind = " after hub words" if after else ""
    if first:
        have = "has" if first == 1 else "have"
        text = f"{count(first, 'token')} {have} it first{behind}, {many} in their top {k}"
        brief = f"{first} {have} it first{behind}, {many} in top {k}"
    elif hub:
        text, brief = f"no token has it first, {many} in their top {k}", f"none have it first, {many} in top {k}"
    else:
        best = ordinal(1 + min(list(one).index(sought) for one in among))
        text = f"{DOUBTFUL}: no token has it first, {many} in their top {k}, {best} at best"
        return Sought(text, f"{DOUBTFUL}: first at none, {many} in top {k}", DOUBTFUL)
    return Sought(f"{text}: a hub word" if hub else text, brief)


def _best_score(results: Results, selection: Selection) -> float | None:
    """The largest score of any word at any token, where a word is searched for and the lists have the same scores: a
    word that is nowhere near has not the colours of one that is."""
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
