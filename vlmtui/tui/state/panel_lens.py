"""Panel of a lens: its result where that is no overlay, for the entry under the cursor. No Textual."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.display.pieces import plain
from vlmtui.lenses.fact_lines import FactLine, fact_lines
from vlmtui.lenses.kinds import Facts, LayerWords, ResultKind
from vlmtui.tui.state.answer_values import answer_result, attribution_key
from vlmtui.tui.state.lens_choice import LensChoice
from vlmtui.tui.state.lens_values import overlay_call, overlay_lens, shown_result, value_refused
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import SEGMENTS, Selection
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


def panel_lens(results: Results, selection: Selection) -> PanelLens | None:
    """What there is to show; None where no such lens is chosen."""
    lens = lens_in_panel(results, selection)
    if lens is None:
        return None
    entry = results.entry(selection)
    if selection.stage == ANSWER:
        key = attribution_key(results, selection)
        result, refused = answer_result(results, selection), results.refused.get(key, "") if key else ""
        asked = key is not None
    else:
        found, asked = shown_result(selection, results), overlay_call(selection, results) is not None
        result, refused = None if found is None else found.result, value_refused(selection, results)
    # of one entry at a time it is the only one of its result
    at = 0 if lens.of_single and entry is not None else entry
    return PanelLens(lens, result, at, plain(refused) if refused else results.waiting if asked else "")


def lens_in_panel(results: Results, selection: Selection) -> LensChoice | None:
    """The lens that is chosen, where what it finds stands in a panel."""
    if selection.stage == ANSWER:
        lens = results.lenses.get(selection.of_answer.attribution)
    else:
        # of segments the legend names the word under the cursor
        lens = None if selection.overlay == SEGMENTS else overlay_lens(selection, results)
        if lens is not None and overlay_call(selection, results) is None:
            return None
    return lens if lens is not None and lens.in_panel else None


def panel_lens_rows(results: Results, selection: Selection) -> int:
    """The lines that the panel would like, its header among them; 0 where there is none.

    Of one entry after the other as many as the longest had, so that nothing moves with the cursor.
    """
    told = panel_lens(results, selection)
    if told is None:
        return 0
    call = overlay_call(selection, results)
    there = [told.result] if told.result is not None else []
    if told.lens.of_single:
        of_lens = ((subject, found) for (subject, lens), found in results.found.items() if lens == call)
        there += [found.result for subject, found in of_lens if subject.entry is not None]
    lengths = [_length(result, told.entry) for result in there]
    return 1 + min(MOST_ROWS, max([LEAST_ROWS, *lengths]))


def _length(result: ResultKind, entry: int | None) -> int:
    match result:
        case Facts():
            return len(result.rows) + bool(result.note)
        case LayerWords():
            return len(result.ids) + bool(result.note)
    return len(fact_lines(result, 0 if entry is None else entry))
