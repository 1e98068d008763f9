"""What the panels have in common: they show the place under the cursor, and are told when it is another."""

from __future__ import annotations

from vlmtui.tui.lines import Lines
from vlmtui.tui.view import Known, View


class ViewPanel(Lines):
    """Lines built from what is known and what has been chosen to look at."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._known: Known | None = None
        self._view = View()

    def show(self, known: Known | None, view: View) -> None:
        """Show another view, repainting the lines that differ."""
        self._known, self._view = known, view
        self.rebuild()
