"""Panels beside the image, in one list: adding one is a file and a line here."""

from __future__ import annotations

from vlmtui.tui.panels import answer, facts, norms, patch, words
from vlmtui.tui.panels.panel import Panel

PANELS: tuple[Panel, ...] = (
    facts.PANEL,
    answer.PANEL,
    words.PANEL,
    norms.PANEL,
    patch.PANEL,
)
"""In the order of Tab."""
