"""The list of panels: what the documentation says of their numbers and names."""

from __future__ import annotations

from tests.docs.blocks import DOCS, check_block, markdown_table
from vlmtui.tui.panels.registry import PANELS


def test_the_documentation_names_every_panel_by_its_digit() -> None:
    rows = [
        (f"`{number}`" if number <= 9 else "", panel.title, f"`{panel.name}`") for number, panel in enumerate(PANELS, 1)
    ]
    check_block(DOCS / "explorer.md", "panels", markdown_table(("key", "panel", "name in settings"), rows))
