"""Facts of the patch under the cursor in one line, for a screen without panels."""

from __future__ import annotations

from vlmtui.display.numbers import format_number
from vlmtui.display.pieces import visible
from vlmtui.tui.panels.patch_text import CursorPlace, where_text
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.word_table import shown_score


def cursor_facts(results: Results, selection: Selection) -> tuple[str, ...]:
    """Stage, place, top-1 with its score, and norm: as far as they are known."""
    under = CursorPlace.of(results, selection)
    if under is None:
        return (selection.stage,)
    facts = [selection.stage, where_text(under, selection)]
    if words := results.words(selection):
        name = visible(words[0].piece, words[0].text, joins=under.reading.model.marks_words)
        facts.append(f"{name} {format_number(shown_score(words[0].score, selection.order))}")
    norms, entry = results.norms_at(selection.stage), results.entry(selection)
    if norms is not None and entry is not None:
        facts.append(f"norm {format_number(float(norms.values[entry]))}")
    return tuple(facts)
