"""More panels than there are today: each has its digit, and those beyond nine none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.fake import app
from tests.tui.screens.test_explorer import explorer
from vlmtui.tui.panels import registry
from vlmtui.tui.panels.words import WordsPanel
from vlmtui.tui.screens import explorer as screen


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_the_explorer_opens_with_more_panels_than_digits(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = next(panel for panel in registry.PANELS if panel.name == "words")
    more = tuple(replace(words, name=f"words-{i}", widget=WordsPanel, main=False) for i in range(5))
    monkeypatch.setattr(screen, "PANELS", registry.PANELS + more)
    tui = app()
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        assert len(explorer(pilot).panels) > 9
        await pilot.press("right", "f", "f", "3", "3")
        await pilot.pause()
        assert tui._exception is None
    assert tui.return_code in (None, 0)
