"""Largest norms of a stage, for stages that have no words."""

from __future__ import annotations

import numpy as np
from textual.strip import Strip

from vlmtui.display.numbers import count, format_number, ordinal
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import Part, fitting, line

LONGEST_BAR = 36
BAR = "━"
LEAST_NUMBER = 12
"""Cells for a norm beside its place."""


def largest_norms(roles: Roles, results: Results, selection: Selection, cells: int, rows: int) -> list[Strip]:
    """As many lines as there is room for: a heading, the largest norms with their places, the rank of this entry.

    ▲ and ▼ mark outliers.
    """
    ranked = results.norms_at(selection.stage)
    if ranked is None or rows < 4 or not results.pages(selection.stage):
        return []
    dim, text = roles.style("dim"), roles.style()
    norms, marks = ranked.values, ranked.marks
    here = results.entry(selection)
    places = results.places_at(selection.stage)
    names = {page.id: page.name for page in results.pages(selection.stage)}
    top = ranked.order[: rows - 3].tolist()
    where = [
        (f"{names[p.grid]}, " if len(names) > 1 else "") + f"row {p.row}, column {p.col}"
        for p in map(places.__getitem__, top)
    ]
    if max(map(len, where)) > cells - LEAST_NUMBER:
        where = [
            (f"{names[p.grid]}, " if len(names) > 1 else "") + f"{p.row},{p.col}" for p in map(places.__getitem__, top)
        ]
    label = max(map(len, where))
    largest = float(norms[top[0]])
    bar_cells = min(cells - label - 14, LONGEST_BAR)
    lines = [line(cells, text, []), line(cells, text, [(f"Largest norms of {selection.stage}", dim)])]
    for entry, name in zip(top, where, strict=True):
        lit = entry == here
        role, mark = ("outlier", marks[entry]) if entry in marks else ("measured", " ")
        share = float(norms[entry]) / largest if largest > 0 else 0.0
        bar = BAR * max(1, round(share * bar_cells)) if bar_cells > 3 and np.isfinite(share) else ""
        parts: list[Part] = [
            (
                f"{mark}{name.ljust(label)}  ",
                roles.style("accent" if lit else "text", bold=lit),
            ),
            (bar, roles.style(role)),
        ]
        lines.append(line(cells, text, parts, [(f"{format_number(float(norms[entry]))} ", text)]))
    if here is not None:
        rank = int(ranked.rank[here]) + 1
        of = count(len(norms), "patch", "patches")
        own = format_number(float(norms[here]))
        said = fitting(
            cells, f"this one: {own}, the {ordinal(rank)} of {of}", f"{own}, the {ordinal(rank)} of {len(norms):,}"
        )
        lines.append(line(cells, text, [(said, dim)]))
    return lines
