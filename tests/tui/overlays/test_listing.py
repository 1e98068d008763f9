"""The list of overlays: what the documentation says each of them shows."""

from __future__ import annotations

from tests.docs.blocks import DOCS, check_block, markdown_table
from vlmtui.tui.overlays.listing import NO_LENSES
from vlmtui.tui.state.lens_choice import overlays


def test_the_documentation_says_what_every_overlay_shows() -> None:
    plain = [(f"`{name}`", line) for name, line in NO_LENSES.items()]
    lenses = [(f"[`{one.name}`](lenses/{one.name}.md)", one.line) for one in overlays()]
    check_block(DOCS / "explorer.md", "overlays", markdown_table(("overlay", "what it shows"), [*plain, *lenses]))
