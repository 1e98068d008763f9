"""Room of image and panels: folding by number, the image alone, and how much of a screen is empty."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot

from tests.docs.blocks import check_block, markdown_table
from tests.tui import readings
from tests.tui.fake import FakeWorker, app
from tests.tui.screens.shares import HEAD, MODELS, PHOTO, SIZES, answers, settled, shares_at, table_row
from tests.tui.screens.test_explorer import NARROW, WIDE, digit, explorer, text
from vlmtui.display.pieces import width
from vlmtui.tui.panels.patch_text import CursorPlace, fact_lines, least_rows
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.terminal.theme import DARK
from vlmtui.tui.widgets.image_view import ImageView

DOCS = Path(__file__).parents[3] / "docs"


def seen(pilot: Pilot[int]) -> tuple[str, ...]:
    screen = explorer(pilot)
    shown = tuple(panel.name for panel in screen.panels if screen.query_one(f"#{panel.name}").display)
    assert shown == screen.state.panels.seen
    return shown


async def test_a_panel_is_folded_by_the_number_in_its_header_and_stays_so_at_other_stages() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert seen(pilot) == ("words", "norms", "patch")
        assert text(tui, "#norms").startswith(f"{digit('norms')} NORMS")
        await pilot.press(digit("norms"))
        await pilot.pause()
        assert seen(pilot) == ("words", "patch")
        assert text(tui, "#keys").startswith(f" {digit('norms')} norms")
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert "norms" not in seen(pilot)
        await pilot.press("right_square_bracket", digit("words"), digit("patch"))
        await pilot.pause()
        assert seen(pilot) == ()
        assert explorer(pilot).query_one("#picture-side").size.width == WIDE[0] - 2
        await pilot.press(*map(digit, ("norms", "patch", "words")))
        await pilot.pause()
        assert seen(pilot) == ("words", "norms", "patch")


@pytest.mark.parametrize("columns", [40, 50, 60, 80])
async def test_with_all_folded_help_and_quit_stay_in_the_key_bar(columns: int) -> None:
    tui = app()
    async with tui.run_test(size=(columns, 24)) as pilot:
        await pilot.pause()
        await pilot.press(*map(digit, ("words", "norms", "patch")))
        await pilot.pause()
        assert seen(pilot) == ()
        keys = text(tui, "#keys")
        assert "? help" in keys
        assert "q quit" in keys
        assert "…" not in keys


async def test_a_panel_without_room_comes_by_its_number() -> None:
    tui = app()
    async with tui.run_test(size=(64, 20)) as pilot:
        await pilot.pause()
        assert "patch" not in seen(pilot)
        await pilot.press(digit("patch"))
        await pilot.pause()
        assert "patch" in seen(pilot)


async def test_tab_does_nothing_where_all_panels_are_seen() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        before = {name: explorer(pilot).query_one(f"#{name}").region for name in seen(pilot)}
        await pilot.press("tab")
        await pilot.pause()
        assert {name: explorer(pilot).query_one(f"#{name}").region for name in seen(pilot)} == before
        await pilot.press(digit("norms"), "tab")
        await pilot.pause()
        assert "norms" in seen(pilot)


async def test_a_number_of_no_panel_says_so() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(digit("answer"))
        await pilot.pause()
        assert seen(pilot) == ("words", "norms", "patch")
        assert any(
            f"panel {digit('answer')}, Answer, has nothing to show at tokens" in one.message
            for one in tui._notifications
        )


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_f_gives_the_image_the_screen_and_one_line_has_the_facts(size: tuple[int, int]) -> None:
    tui = app()
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        before = seen(pilot)
        await pilot.press("f")
        await pilot.pause()
        side = explorer(pilot).query_one("#picture-side")
        assert seen(pilot) == ()
        assert (side.size.width, side.size.height) == (size[0] - 2, size[1] - 2)
        assert not explorer(pilot).query_one("#title").display
        assert "tokens   row 3 · column 4 · token 28   w100 -1.028   norm 1.596" in text(tui, "#status")
        await pilot.press("right")
        await pilot.pause()
        assert "column 5 · token 29" in text(tui, "#status")
        assert "f panels" in text(tui, "#keys")
        await pilot.press("f")
        await pilot.pause()
        assert seen(pilot) == before
        assert "column 5" not in text(tui, "#status")


@pytest.mark.parametrize(("size", "larger"), [((80, 24), False), ((140, 40), True)])
async def test_f_says_where_the_image_is_no_larger(size: tuple[int, int], larger: bool) -> None:
    tui = app(made=MODELS["LLaVA-1.5 24×24"]())
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        before = explorer(pilot).query_one(ImageView)._layout
        await pilot.press("f")
        await pilot.pause()
        after = explorer(pilot).query_one(ImageView)._layout
        assert before is not None
        assert after is not None
        assert (after.width > before.width) == larger
        assert any("no larger" in one.message for one in tui._notifications) == (not larger)


@pytest.mark.parametrize(("block", "answered"), [("shares", False), ("answer-shares", True)])
async def test_no_more_than_a_sixth_is_empty_while_something_is_cut_or_hidden(block: str, answered: bool) -> None:
    """Of the first screen of every model, and of its answer, at every size; the documentation has the tables."""
    rows, unfair = [], []
    for model, make in MODELS.items():
        if answered and not answers(make()):
            continue
        for size, shares in zip(SIZES, await shares_at(make(), SIZES, answered=answered), strict=True):
            rows.append(table_row(model, size, shares))
            unfair += [] if shares.fair else [(model, size)]
    assert not unfair
    check_block(DOCS / "explorer.md", block, markdown_table(HEAD, rows))


@pytest.mark.parametrize("model", MODELS)
async def test_so_it_is_at_vision_stages_on_the_smallest_screen(model: str) -> None:
    made = MODELS[model]()
    photo = Image.open(PHOTO).convert("RGB").resize((made.image.width, made.image.height))
    tui = app(made=made, photo=photo, stage="vision.1")
    async with tui.run_test(size=SIZES[0]) as pilot:
        shares = await settled(pilot)
        assert shares.fair, shares
        assert "Largest norms" in text(tui, "#words")


@pytest.mark.parametrize("model", MODELS)
async def test_so_it_is_at_pixels_at_every_size(model: str) -> None:
    made = MODELS[model]()
    photo = Image.open(PHOTO).convert("RGB").resize((made.image.width, made.image.height))
    tui = app(made=made, photo=photo, stage="pixels")
    worker = tui._worker
    assert isinstance(worker, FakeWorker)
    worker.anatomy = readings.large_anatomy
    async with tui.run_test(size=SIZES[0]) as pilot:
        await pilot.pause(0.5)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            shares = await settled(pilot)
            assert shares.fair, (size, shares)
            assert "vision.0" in text(tui, "#numbers"), "the vectors are seen"


@pytest.mark.parametrize("cells", [24, 36, 48, 60, 80])
@pytest.mark.parametrize("row", [0, 8, 15])
def test_facts_of_a_patch_stand_side_by_side_where_there_are_few_lines(cells: int, row: int) -> None:
    """In as many lines as the panel is given at least, all of them, and no line wider than its place."""
    made = MODELS["Gemma 3 16×16"]()
    results = Results(made.image, readings.picture(made.image.width, made.image.height), made.model, made)
    selection = Selection(row=row, col=row)
    under = CursorPlace.of(results, selection)
    assert under is not None
    least = least_rows(results, selection, cells) - 1
    lines = ["".join(part for part, _ in one) for one in fact_lines(DARK, under, selection, cells, least)]
    assert len(lines) <= least
    assert all(width(one) <= cells for one in lines if " mean" in one or " of" in one)
    said = " ".join(lines)
    labels = ("in file", "mean", "seen as", "made of" if least == 5 else "of 16", "reads")
    places = [said.find(label) for label in labels]
    assert -1 not in places
    assert places == sorted(places)
    # and one to a line as soon as there are the lines
    assert len(fact_lines(DARK, under, selection, cells, 5)) == 5
