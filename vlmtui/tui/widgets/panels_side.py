"""Panels' side of the screen: as many of the panels that apply as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Container

from vlmtui.tui.panels.panel import Panel, ShowsResults
from vlmtui.tui.screens.layout import ScreenLayout
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection


class PanelsSide(Container):
    """Each panel shows its own matter of what is under the cursor."""

    def __init__(self, panels: Sequence[Panel], *, id: str) -> None:
        super().__init__(id=id)
        self._panels = panels
        self._plan: ScreenLayout | None = None

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
        for panel in self._panels:
            if panel.applies(results, selection):
                widget = self.query_one(f"#{panel.name}")
                assert isinstance(widget, ShowsResults)
                widget.show(results, selection)
