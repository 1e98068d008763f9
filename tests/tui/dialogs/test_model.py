"""The dialog that chooses a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from tests.tui.dialogs.test_image import paste
from tests.tui.dialogs.test_layer import said
from tests.tui.fake import app
from tests.tui.panels.test_layer_words import talk
from tests.tui.screens.test_explorer import WIDE, dialog, explorer
from vlmtui.catalogue import DEMO_NOTES, models_on_disk
from vlmtui.tui.dialogs.model import ModelDialog


async def test_models_begin_at_the_one_that_is_shown_and_say_which_demo_is_which() -> None:
    tui = app()
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        models = models_on_disk()
        chosen: list[str] = []
        explorer(pilot).dialogs.open(ModelDialog(models, "demo-captioned", str), chosen.append)
        await pilot.pause()
        options = explorer(pilot).query_one(OptionList)
        assert options.highlighted == [model.name for model in models].index("demo-captioned")
        shown = [str(options.get_option_at_index(i).prompt) for i in range(options.option_count)]
        for name, note in DEMO_NOTES.items():
            assert [text for text in shown if text.startswith(f"{name} ") and text.endswith(note[-20:])]
        await pilot.press("enter")
        assert chosen == ["demo-captioned"]
        assert dialog(pilot) is None


@pytest.mark.parametrize("name", ["./nowhere", "~nosuchuser/model", "a/b/c"])
async def test_a_folder_that_is_not_there_leaves_the_dialog_open(name: str) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("M", "tab", *name, "enter")
        await pilot.pause()
        assert isinstance(dialog(pilot), ModelDialog)
        assert said(pilot) == f"there is no model folder {name}: check the path, or give a hub name such as org/model"
        assert explorer(pilot).query_one(Input).value == name
        assert talk(tui).begun == 1
        await pilot.press(*["backspace"] * len(name), *"org/model", "enter")
        assert dialog(pilot) is None
        assert talk(tui).model == "org/model"
        assert talk(tui).begun == 2


@pytest.mark.parametrize("form", ["file://{}", "'{}'"])
async def test_a_folder_is_taken_as_a_terminal_pastes_it(form: str, tmp_path: Path) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("M", "tab")
        await paste(pilot, form.format(tmp_path))
        await pilot.press("enter")
        await pilot.pause()
        assert dialog(pilot) is None
        assert talk(tui).model == str(tmp_path)


async def test_a_file_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("M", "tab")
        await paste(pilot, str(file))
        await pilot.press("enter")
        await pilot.pause()
        assert said(pilot).startswith(f"{file} is a file: give the folder")


async def test_a_name_is_typed_without_going_to_its_line_first() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("M", *"org/x")
        assert explorer(pilot).query_one(Input).value == "org/x"
        assert isinstance(explorer(pilot).focused, Input)
