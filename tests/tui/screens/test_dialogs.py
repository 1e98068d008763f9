"""What is asked in a window of its own."""

from __future__ import annotations

from textual.app import App
from textual.widgets import OptionList

from vlmtui.catalogue import DEMO_NOTES, models_on_disk
from vlmtui.tui.screens.dialogs import ChooseModel


async def test_models_begin_at_the_one_that_is_shown_and_say_which_demo_is_which() -> None:
    app: App[None] = App()
    async with app.run_test(size=(120, 40)) as pilot:
        models = models_on_disk()
        chosen: list[str | None] = []
        await app.push_screen(ChooseModel(models, "demo-captioned"), chosen.append)
        options = app.screen.query_one(OptionList)
        assert options.highlighted == [model.name for model in models].index("demo-captioned")
        shown = [str(options.get_option_at_index(i).prompt) for i in range(options.option_count)]
        for name, note in DEMO_NOTES.items():
            assert [text for text in shown if text.startswith(f"{name} ") and text.endswith(note[-20:])]
        await pilot.press("enter")
        assert chosen == ["demo-captioned"]
