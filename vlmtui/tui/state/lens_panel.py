"""What the panel of a lens shows: its result where that is no overlay, for the entry under the cursor.

Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.display.pieces import plain
from vlmtui.lenses.fact_lines import FactLine, fact_lines
from vlmtui.lenses.kinds import Facts, LayerWords, ResultKind
from vlmtui.tui.state import attribution
from vlmtui.tui.state.lens_choice import LensChoice
from vlmtui.tui.state.lens_values import lens_of, overlay_lens, shown
from vlmtui.tui.state.results import Results, Selection
from vlmtui.tui.state.stages import ANSWER

MOST_ROWS, LEAST_ROWS = 11, 3


@dataclass(frozen=True)
class PanelLens:
    """A lens, what it found if that has come, and which of its entries is under the cursor; `instead` is said where
    there is nothing."""

    lens: LensChoice
    result: ResultKind | None
    entry: int | None
    instead: str = ""

    def result_lines(self, most: int | None = None) -> list[FactLine]:
        """What it says, in lines."""
        return [] if self.result is None else fact_lines(self.result, self.entry, most=most)


def faced(results: Results, selection: Selection) -> PanelLens | None:
    """What there is to show; None where no such lens is chosen."""
    lens = lens_in_panel(results, selection)
    if lens is None:
        return None
    entry = results.entry(selection)
    if selection.stage == ANSWER:
        asked = attribution.wanted(results, selection)
        result, refused = (
            attribution.result(results, selection),
            results.generation.refused.get(asked) if asked else None,
        )
    else:
        found, call = shown(selection, results), lens_of(selection, results)
        result = None if found is None else found.result
        refused = results.refused.get((selection.stage, call)) if call else None
    # of one entry at a time it is the only one of its result
    at = 0 if lens.of_single and entry is not None else entry
    return PanelLens(
        lens, result, at, plain(refused) if refused else results.waiting if _asked(results, selection) else ""
    )


def lens_in_panel(results: Results, selection: Selection) -> LensChoice | None:
    """The lens that is chosen, where what it finds stands in a panel."""
    if selection.stage == ANSWER:
        lens = results.lenses.get(selection.of_answer.attribution)
    else:
        lens = overlay_lens(selection, results)
        if lens is not None and lens_of(selection, results) is None:
            return None
    return lens if lens is not None and lens.in_panel else None


def rows_wanted(results: Results, selection: Selection) -> int:
    """The lines that the panel would like, its header among them; 0 where there is none.

    Of one entry after the other as many as the longest had, so that nothing moves with the cursor.
    """
    told = faced(results, selection)
    if told is None:
        return 0
    call = lens_of(selection, results)
    there = [told.result] if told.result is not None else []
    if told.lens.of_single:
        there += [found.result for (_, asked, _), found in results.singles.items() if asked == call]
    lengths = [_length(result, told.entry) for result in there]
    return 1 + min(MOST_ROWS, max([LEAST_ROWS, *lengths]))


def _length(result: ResultKind, entry: int | None) -> int:
    match result:
        case Facts():
            return len(result.rows) + bool(result.note)
        case LayerWords():
            return len(result.ids) + bool(result.note)
    return len(fact_lines(result, 0 if entry is None else entry))


def _asked(results: Results, selection: Selection) -> bool:
    return (
        attribution.wanted(results, selection) is not None
        if selection.stage == ANSWER
        else lens_of(selection, results) is not None
    )
