"""Lens panel: the result of a lens for the entry under the cursor, or for the image, in lines, whatever its kind."""

from __future__ import annotations

from textual.strip import Strip

from vlmtui.display.pieces import fit, isolate, plain, width
from vlmtui.lenses.fact_lines import FactLine, fact_lines
from vlmtui.lenses.kinds import LayerWords, ResultKind, Scores, Words
from vlmtui.tui.panels.panel import Panel, fixed
from vlmtui.tui.state.panel_lens import lens_in_panel, panel_lens, panel_lens_rows
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import llm_depth
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import NUMBER_CELLS, Lines, Part, fitting, line, wrapped

BAR = "━"
LONGEST_BAR = 36
LEAST_LABEL = 9
LEAST_ROWS = 4
RANKED = (Words, Scores)
"""Kinds whose lines are the best first."""


class FactsPanel(Lines):
    """A header, and a line for each label and its value."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """As much as there is room for."""
        r = self.roles
        results, selection = self._results, self._selection
        told = panel_lens(results, selection) if results else None
        if results is None or told is None:
            return []
        blank, dim = r.style(), r.style("dim")
        name = plain(told.lens.name)
        head: list[Part] = [*self.heading("LENS"), (f"  {name}", r.style("accent"))]
        about = fitting(cells - width(name) - 8 - NUMBER_CELLS, told.lens.kind.one, "")
        lines = [line(cells, blank, head, [(about, dim)])]
        if told.result is None:
            return [*lines, *(line(cells, blank, [(part, dim)]) for part in wrapped(told.instead, cells))]
        if not told.result_lines(1):
            return [*lines, line(cells, blank, [("nothing here", dim)])]
        lines += _rows(r, results, selection, told.result, told.entry, cells, rows - 1)
        # beneath the image stands the note of what is of all entries
        note = wrapped(plain(told.result.note), cells) if told.lens.of_single else []
        return [*lines, *(line(cells, blank, [(part, dim)]) for part in note[: max(0, rows - len(lines))])]


def _rows(
    r: Roles, results: Results, selection: Selection, result: ResultKind, entry: int | None, cells: int, rows: int
) -> list[Strip]:
    joins = bool(results.model and results.model.marks_words)
    if isinstance(result, LayerWords):
        there = _around(fact_lines(result, entry, joins=joins), llm_depth(selection.stage), rows)
    else:
        there = fact_lines(result, entry, most=rows, joins=joins)
    labels = min(max([LEAST_LABEL, *(width(one.label) for one in there)]), max(LEAST_LABEL, cells // 2))
    if not any(one.share is not None for one in there):
        room = max(1, cells - labels - 2)
        lit = f"layer {llm_depth(selection.stage)}" if isinstance(result, LayerWords) else ""
        return [
            line(
                cells,
                r.style(),
                [
                    (_padded(one.label, labels), r.style("accent" if one.label == lit else "dim")),
                    ("  ", r.style()),
                    (isolate(fit(one.value, room)), r.style()),
                ],
            )
            for one in there
        ]
    numbers = max(width(one.value) for one in there)
    longest = min(cells - labels - numbers - 5, LONGEST_BAR)
    return [
        _barred(r, one, i == 0 and isinstance(result, RANKED), labels, longest, cells) for i, one in enumerate(there)
    ]


def _barred(r: Roles, one: FactLine, first: bool, labels: int, longest: int, cells: int) -> Strip:
    if one.share is None:
        return line(cells, r.style(), [(" ", r.style()), (one.label, r.style("dim"))], [(f"{one.value} ", r.style())])
    bar = BAR * round(abs(one.share) * longest) if longest > 3 else ""
    style = "accent" if first else "dim" if one.share < 0 else "accent_soft"
    parts: list[Part] = [
        (" ", r.style()),
        (_padded(one.label, labels), r.style("strong" if first else "text", bold=first)),
        (" ", r.style()),
        (bar, r.style(style)),
    ]
    return line(cells, r.style(), parts, [(f"{one.value} ", r.style("strong" if first else "text"))])


def _padded(label: str, cells: int) -> str:
    cut = fit(label, cells)
    return isolate(cut) + " " * (cells - width(cut))


def _around(lines: list[FactLine], layer: int | None, rows: int) -> list[FactLine]:
    """The layers about the one looked at, or the last ones."""
    at = len(lines) if layer is None else layer
    first = min(max(0, at - 1 - rows // 2), max(0, len(lines) - rows))
    return lines[first : first + rows]


PANEL = Panel(
    "facts",
    "Lens",
    FactsPanel,
    lambda results, selection, cells: panel_lens_rows(results, selection),
    applies=lambda results, selection: lens_in_panel(results, selection) is not None,
    least=fixed(LEAST_ROWS),
)
"""What a lens found that is no overlay: there while such a lens is chosen, and cut rather than folded away."""
