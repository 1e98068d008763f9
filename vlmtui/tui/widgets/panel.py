"""What the panels have in common: they show the place under the cursor, and are told when it is another."""

from __future__ import annotations

from vlmtui.tui.state.results import Results, Selection
from vlmtui.tui.widgets.lines import Lines


class ViewPanel(Lines):
    """Lines built from what is known and what has been chosen to look at."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._results: Results | None = None
        self._selection = Selection()

    def show(self, results: Results | None, selection: Selection) -> None:
        """Show another view, repainting the lines that differ."""
        self._results, self._selection = results, selection
        self.rebuild()
