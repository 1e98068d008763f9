"""The word that is searched for: how many lists have it, what that tells, and the patches whose lists have it."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.display.entry_grids import EntryGrid
from vlmtui.display.numbers import count, ordinal
from vlmtui.display.pieces import fold, visible
from vlmtui.display.segments import Cell
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Scalars
from vlmtui.tui.state.lens_values import noise_floor_at, overlay_lens, shown_result
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection

NOT_FOUND, DOUBTFUL, UNDECIDED = "not found", "doubtful", "undecided"
"""Of a word that no list has; that lists have, but none first; that is no single piece, where noise is as near."""
FIRST = "•"
"""On a patch whose list has the word first."""


class Sought(NamedTuple):
    """In how many lists the word that is searched for is, the same in fewer words, and what both begin with where the
    word may not be there: one of the verdicts above, or "". `first`: whether both begin with how many have it first."""

    text: str
    brief: str = ""
    verdict: str = ""
    first: bool = False


class Listing(NamedTuple):
    """The cells whose tokens' lists have the word, and those whose have it first."""

    cells: frozenset[Cell]
    first: frozenset[Cell]


def sought_counts(results: Results, selection: Selection) -> Sought | None:
    """Of the lists of the stage, as soon as all have come; None for no word."""
    named = _lists(results, selection)
    if named is None:
        return None
    sought = _name(selection)
    if any(sought in one for one in named.values()):
        return _listed(named.values(), sought, results.hubs(selection), selection.k)
    found, floor = shown_result(selection, results), noise_floor_at(selection, results)
    pieces = _pieces(found)
    above = None if found is None or floor is None else int((found.numbers > floor).sum())
    if pieces > 1:
        # the lists have single pieces: only noise says whether it may be there
        if above == 0:
            said = f"{UNDECIDED}: not one piece but {pieces}, so in no list"
            return Sought(said, f"{UNDECIDED}: {pieces} pieces, in no list", UNDECIDED)
        return Sought(f"not one piece but {pieces}, so in no list", "in no list")
    though = f", though {count(above, 'patch', 'patches')} above noise" if above else ""
    said = f"{NOT_FOUND}: in no token's top {selection.k}{though}"
    return Sought(said, f"{NOT_FOUND}: in no top {selection.k}{though}", NOT_FOUND)


def listing(results: Results, selection: Selection, page: EntryGrid) -> Listing | None:
    """Where the lists have the word; None before all have come, and where lists cannot have it."""
    named, found = _lists(results, selection), shown_result(selection, results)
    if named is None or found is None or _pieces(found) > 1:
        return None
    sought, hubs = _name(selection), results.hubs(selection)
    have = {token: one for token, one in named.items() if sought in one}
    first = _having_first(have, sought, hubs)
    where = {cell: results.token_of(selection.stage, entry) for cell, entry in page.entries.items()}
    in_lists, in_first = (frozenset(cell for cell, token in where.items() if token in of) for of in (have, first))
    return Listing(in_lists, in_first)


def only_listed(found: Scalars, page: EntryGrid, listed: Collection[Cell], floor: float) -> Scalars:
    """The numbers, those of patches whose lists have not the word as low as noise, which ends at the `floor`."""
    values: NDArray[np.float32] = np.array(found.values, np.float32)
    others = [entry for cell, entry in page.entries.items() if cell not in listed]
    values[others] = np.minimum(values[others], np.nextafter(np.float32(floor), np.float32(-np.inf)))
    return msgspec.structs.replace(found, values=values)


def _pieces(found: LensResult | None) -> int:
    """How many pieces the word is of; 0 where its lens does not say so, or has found nothing yet."""
    return len(found.besides.get("pieces", ())) if found else 0


def _name(selection: Selection) -> str:
    return fold(visible(None, selection.sought.strip()))


def _lists(results: Results, selection: Selection) -> Mapping[int, Mapping[str, int]] | None:
    """What every token's list has, by name in its order."""
    choice, table = overlay_lens(selection, results), results.word_table(selection)
    if choice is None or not choice.offer.word or not selection.sought.strip() or table is None or not table.rows:
        return None
    if table.missing(range(len(results.places_at(selection.stage)))):
        return None
    return table.named(selection.k, selection.folds)


def _listed(named: Collection[Mapping[str, int]], sought: str, hubs: Container[int], k: int) -> Sought:
    """Of a word that lists have: each of them by name in its order, with the token that it names."""
    among = [one for one in named if sought in one]
    hub = any(one[sought] in hubs for one in among)
    of_first = _having_first(dict(enumerate(among)), sought, hubs)
    first, many = len(of_first), f"{len(among):,}"
    behind = " after hub words" if first and next(iter(among[of_first[0]])) != sought else ""
    if first:
        have = "has" if first == 1 else "have"
        text = f"{count(first, 'token')} {have} it first{behind}, {many} in their top {k}"
        brief = f"{count(first, 'token')} {have} it first{behind}, {many} in top {k}"
    elif hub:
        text, brief = f"no token has it first, {many} in their top {k}", f"no token has it first, {many} in top {k}"
    else:
        best = ordinal(1 + min(list(one).index(sought) for one in among))
        text = f"{DOUBTFUL}: no token has it first, {many} in their top {k}, {best} at best"
        return Sought(text, f"{DOUBTFUL}: first at none, {many} in top {k}", DOUBTFUL)
    return Sought(f"{text}: a hub word" if hub else text, brief, first=first > 0)


def _having_first(among: Mapping[int, Mapping[str, int]], sought: str, hubs: Container[int]) -> list[int]:
    """Which of the lists that have the word have it first; where none has, which have it first after hub words."""
    top = [at for at, one in among.items() if next(iter(one)) == sought]
    if top or any(one[sought] in hubs for one in among.values()):
        return top
    return [at for at, one in among.items() if next(name for name in one if one[name] not in hubs) == sought]
