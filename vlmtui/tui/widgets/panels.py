"""The panels' side of the screen: words, norms, patch, as many as there is room for."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from vlmtui.tui.arrangement import PANELS, Arrangement
from vlmtui.tui.view import Known, View
from vlmtui.tui.widgets.norms import NormsPanel
from vlmtui.tui.widgets.patch import PatchPanel
from vlmtui.tui.widgets.words import WordsPanel


class PanelsSide(Container):
    """Each shows its own matter of what is under the cursor."""

    def compose(self) -> ComposeResult:
        yield WordsPanel(id="words")
        yield NormsPanel(id="norms")
        yield PatchPanel(id="patch")

    def lay_out(self, plan: Arrangement) -> None:
        """Give every panel that is seen its height."""
        self.styles.width = plan.width or "1fr"
        self.styles.height = plan.height or "1fr"
        for name in PANELS:
            widget = self.query_one(f"#{name}")
            widget.display = name in plan.heights
            widget.styles.height = plan.heights.get(name, 1)

    def show(self, known: Known, view: View) -> None:
        """Show a view in all of them."""
        self.query_one(WordsPanel).show(known, view)
        self.query_one(NormsPanel).show(known, view)
        self.query_one(PatchPanel).show(known, view)
