"""What the panel of a lens shows: its result where that is no overlay, for the entry under the cursor.

Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.display.pieces import plain
from vlmtui.lenses.facts import FactLine, lines_of
from vlmtui.lenses.kinds import Facts, LayerWords, ResultKind
from vlmtui.tui import answered
from vlmtui.tui.choices import LensChoice
from vlmtui.tui.path import ANSWER
from vlmtui.tui.valuing import lens_of, overlay_lens, shown
from vlmtui.tui.view import Known, View

MOST_ROWS, LEAST_ROWS = 11, 3


@dataclass(frozen=True)
class Faced:
    """A lens, what it found if that has come, and which of its entries is under the cursor; `instead` is said where
    there is nothing."""

    lens: LensChoice
    result: ResultKind | None
    entry: int | None
    instead: str = ""

    def result_lines(self, most: int | None = None) -> list[FactLine]:
        """What it says, in lines."""
        return [] if self.result is None else lines_of(self.result, self.entry, most=most)


def faced(known: Known, view: View) -> Faced | None:
    """What there is to show; None where no such lens is chosen."""
    lens = lens_in_panel(known, view)
    if lens is None:
        return None
    entry = known.entry(view)
    if view.stage == ANSWER:
        asked = answered.wanted(known, view)
        result, refused = answered.result(known, view), known.speech.refused.get(asked) if asked else None
    else:
        found, call = shown(view, known), lens_of(view, known)
        result = None if found is None else found.result
        refused = known.refused.get((view.stage, call)) if call else None
    # of one entry at a time it is the only one of its result
    at = 0 if lens.of_single and entry is not None else entry
    return Faced(lens, result, at, plain(refused) if refused else known.waiting if _asked(known, view) else "")


def lens_in_panel(known: Known, view: View) -> LensChoice | None:
    """The lens that is chosen, where what it finds stands in a panel."""
    if view.stage == ANSWER:
        lens = known.lenses.get(view.looking.way)
    else:
        lens = overlay_lens(view, known)
        if lens is not None and lens_of(view, known) is None:
            return None
    return lens if lens is not None and lens.in_panel else None


def rows_wanted(known: Known, view: View) -> int:
    """The lines that the panel would like, its header among them; 0 where there is none.

    Of one entry after the other as many as the longest had, so that nothing moves with the cursor.
    """
    told = faced(known, view)
    if told is None:
        return 0
    call = lens_of(view, known)
    results = [told.result] if told.result is not None else []
    if told.lens.of_single:
        results += [found.result for (_, asked, _), found in known.singles.items() if asked == call]
    lengths = [_length(result, told.entry) for result in results]
    return 1 + min(MOST_ROWS, max([LEAST_ROWS, *lengths]))


def _length(result: ResultKind, entry: int | None) -> int:
    match result:
        case Facts():
            return len(result.rows) + bool(result.note)
        case LayerWords():
            return len(result.ids) + bool(result.note)
    return len(lines_of(result, 0 if entry is None else entry))


def _asked(known: Known, view: View) -> bool:
    return answered.wanted(known, view) is not None if view.stage == ANSWER else lens_of(view, known) is not None
