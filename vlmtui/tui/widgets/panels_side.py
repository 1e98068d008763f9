"""Panels' side of the screen: as many of the panels that apply as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Container
from textual.timer import Timer
from textual.widget import Widget

from vlmtui.tui.panels.panel import Panel, ShowsResults
from vlmtui.tui.screens.layout import ScreenLayout
from vlmtui.tui.screens.packing import Area
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
        for number, panel in enumerate(self._panels, 1):
            widget = panel.widget()
            widget.id = panel.name
            widget.number = number  # type: ignore[attr-defined]
            widget.add_class("panel")
            yield widget

    def lay_out(self, plan: ScreenLayout) -> None:
        """Give every panel that is seen its place."""
        if plan == self._plan:
            return
        self._plan = plan
        for panel in self._panels:
            widget = self.query_one(f"#{panel.name}")
            area = plan.panels.get(panel.name)
            widget.display = area is not None
            if area is not None:
                put(widget, area)

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
        return self._plan is None or len(self._plan.panels) > 1

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


def put(widget: Widget, area: Area) -> None:
    """Put a widget whose position is absolute at its place in the body of the screen."""
    styles = widget.styles
    styles.width, styles.height, styles.offset = area.width, area.height, (area.x, area.y)


def _same_view(one: Selection, other: Selection) -> bool:
    """Whether only the cursor stands elsewhere."""
    return replace(one, row=other.row, col=other.col, pixel=other.pixel) == other
