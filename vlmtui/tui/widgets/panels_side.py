"""The panels' side of the screen: words, norms, patch, as many as there is room for."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from vlmtui.tui.panels.answer import AnswerPanel
from vlmtui.tui.panels.facts import FactsPanel
from vlmtui.tui.panels.norms import NormsPanel
from vlmtui.tui.panels.patch import PatchPanel
from vlmtui.tui.panels.words import WordsPanel
from vlmtui.tui.screens.layout import FACTS, PANELS, WORDS, ScreenLayout
from vlmtui.tui.state.results import Results, Selection
from vlmtui.tui.state.stages import ANSWER


class PanelsSide(Container):
    """Each shows its own matter of what is under the cursor."""

    def compose(self) -> ComposeResult:
        yield WordsPanel(id="words")
        yield AnswerPanel(id="answer")
        yield FactsPanel(id=FACTS)
        yield NormsPanel(id="norms")
        yield PatchPanel(id="patch")

    def lay_out(self, plan: ScreenLayout, stage: str = "") -> None:
        """Give every panel that is seen its height; at the answer it stands in the place of the words."""
        self.styles.width = plan.width or "1fr"
        self.styles.height = plan.height or "1fr"
        heights = {ANSWER if name == WORDS and stage == ANSWER else name: h for name, h in plan.heights.items()}
        for name in (*PANELS, ANSWER, FACTS):
            widget = self.query_one(f"#{name}")
            widget.display = name in heights
            widget.styles.height = heights.get(name, 1)

    def show(self, results: Results, selection: Selection) -> None:
        """Show a view in all of them."""
        if selection.stage == ANSWER:
            self.query_one(AnswerPanel).show(results, selection)
        else:
            self.query_one(WordsPanel).show(results, selection)
        self.query_one(FactsPanel).show(results, selection)
        self.query_one(NormsPanel).show(results, selection)
        self.query_one(PatchPanel).show(results, selection)
