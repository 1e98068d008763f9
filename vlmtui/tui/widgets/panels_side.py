"""Panels' side of the screen: as many of the panels that apply as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Container
from textual.timer import Timer

from vlmtui.tui.panels.panel import Panel, ShowsResults
from vlmtui.tui.screens.layout import ScreenLayout
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection

FOLLOW_S = 0.1
"""How long after the last move of the cursor the panels follow that are not the main one: on a slow line each of them
is several times what the move itself costs."""


class PanelsSide(Container):
    """Each panel shows its own matter of what is under the cursor; where the cursor moves, the main one first."""

    def __init__(self, panels: Sequence[Panel], *, id: str) -> None:
        super().__init__(id=id)
        self._panels = panels
        self._plan: ScreenLayout | None = None
        self._shown: tuple[Results, Selection] | None = None
        self._follow: Timer | None = None

    def compose(self) -> ComposeResult:
        for panel in self._panels:
            widget = panel.widget()
            widget.id = panel.name
            widget.add_class("panel")
            yield widget

    def lay_out(self, plan: ScreenLayout) -> None:
        """Give every panel that is seen its height."""
        if plan == self._plan:
            return
        self._plan = plan
        self.styles.width = plan.width or "1fr"
        self.styles.height = plan.height or "1fr"
        for panel in self._panels:
            widget = self.query_one(f"#{panel.name}")
            widget.display = panel.name in plan.heights
            widget.styles.height = plan.heights.get(panel.name, 1)

    def show(self, results: Results, selection: Selection) -> None:
        """Show a selection in those that apply."""
        before, self._shown = self._shown, (results, selection)
        moved = before is not None and before[1] != selection and _same_view(before[1], selection)
        if moved and self._follow is not None:
            self._follow.stop()
            self._follow = None
        if moved:
            self._follow = self.set_timer(FOLLOW_S, self._show_others)
        self._show_panels(main_alone=self._follow is not None and self._several)

    @property
    def follows(self) -> bool:
        """Whether panels are still to follow the cursor."""
        return self._follow is not None

    @property
    def _several(self) -> bool:
        return self._plan is None or len(self._plan.heights) > 1

    def _show_others(self) -> None:
        self._follow = None
        self._show_panels()

    def _show_panels(self, main_alone: bool = False) -> None:
        assert self._shown is not None
        results, selection = self._shown
        for panel in self._panels:
            if panel.applies(results, selection) and (panel.main or not main_alone):
                widget = self.query_one(f"#{panel.name}")
                assert isinstance(widget, ShowsResults)
                widget.show(results, selection)


def _same_view(one: Selection, other: Selection) -> bool:
    """Whether only the cursor stands elsewhere."""
    return replace(one, row=other.row, col=other.col, pixel=other.pixel) == other
