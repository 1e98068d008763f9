"""Panels beside the image, in one list: adding one is a file and a line here."""

from __future__ import annotations

from collections.abc import Iterable

from vlmtui.tui.panels import answer, facts, norms, patch, patch_numbers, words
from vlmtui.tui.panels.panel import Panel

PANELS: tuple[Panel, ...] = (
    facts.PANEL,
    answer.PANEL,
    words.PANEL,
    patch_numbers.PANEL,
    norms.PANEL,
    patch.PANEL,
)
"""In the order of Tab."""


def panels_named(names: Iterable[str]) -> tuple[Panel, ...]:
    """The panels of these names, in this order."""
    by_name = {panel.name: panel for panel in PANELS}
    return tuple(by_name[name] for name in names)
