"""Panel: what a panel is called, where it applies, which results it needs, how many rows it would like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from textual.widget import Widget

from vlmtui.tui.needs import NeedsOf
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection


class RowsOf(Protocol):
    """How many rows a panel would like."""

    def __call__(self, results: Results, selection: Selection, cells: int) -> int:
        """In a panel of so many cells; its header is one of the rows."""


@runtime_checkable
class ShowsResults(Protocol):
    """A widget that shows results for a selection."""

    def show(self, results: Results, selection: Selection) -> None:
        """Show them."""


def fixed(rows: int) -> RowsOf:
    """Always so many."""
    return lambda results, selection, cells: rows


@dataclass(frozen=True)
class Panel:
    """One panel. `name` is also the id of its `widget`, which is shown where the panel `applies`.

    `rows` are preferred. `least`: fewer than preferred will do, down to these; None where the panel is folded away
    rather than cut. `main`: it is the one that is seen first. `grows`: it has the rows that the others leave. In fewer
    than so many `columns` its text is cut. `gives`: where it must be seen, so many of its rows go to the others that
    would be hidden otherwise.
    """

    name: str
    title: str
    widget: Callable[[], Widget]
    rows: RowsOf
    applies: Callable[[Results, Selection], bool] = lambda results, selection: True
    needs: tuple[NeedsOf, ...] = ()
    least: RowsOf | None = None
    main: bool = False
    grows: bool = False
    columns: int = 0
    gives: RowsOf = lambda results, selection, cells: 1
