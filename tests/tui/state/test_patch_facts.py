"""Patches as they enter the tower, and outliers counted from picture to picture: in the panels, and as plain data."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest
from textual.pilot import Pilot

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.families import FAMILIES
from tests.tui.panels.test_layer_words import BACK, ON, rested, stage, talk
from tests.tui.screens.test_explorer import NARROW, WIDE, at, dialog, explorer, text
from vlmtui.display.outlier_positions import GridShape
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.reading import ImageInfo, Reading
from vlmtui.session.typed_lenses.values import Position
from vlmtui.tui import messages, requests
from vlmtui.tui.actions.key_table import help_rows
from vlmtui.tui.dialogs.outliers import OutliersPage, outlier_report
from vlmtui.tui.state.image_outliers import OutlierPlaces
from vlmtui.tui.state.outlier_history import MODELS, OutlierHistory
from vlmtui.tui.state.patch_facts import _position, patch_key, recurring
from vlmtui.tui.state.results import KEPT, Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.subject import REST, LensRequest, PatchLens
from vlmtui.tui.terminal.theme import DARK

COLS = 8  # of the made-up reading
OUTLIER = 24  # of its vision.2


def another(number: int, made: Reading | None = None) -> Reading:
    """A reading of another picture, of the same shape."""
    made = made or readings.reading(6, 8)
    image = ImageInfo(f"{number}.png", f"{number:064}", made.image.width, made.image.height)
    return msgspec.structs.replace(made, id=f"r{number}", image=image)


async def test_a_patch_is_asked_about_where_the_cursor_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    # longer than three keys take on a busy machine
    monkeypatch.setitem(requests.DELAYS_S, REST, 1.0)
    tui = app(stage="vision.0")
    async with tui.run_test(size=WIDE) as pilot:
        await rested(pilot)
        here = at(pilot)[0] * COLS + at(pilot)[1]
        assert talk(tui).asked_patches == [here]
        facts = text(tui, "PatchFacts")
        assert "2 × 16 × 16 × 3 = 1,536 values" in facts
        assert f"{10 + here}.00 projected, {1 + here}.00 position" in facts
        assert "outlier" not in facts
        # where it only passes by nothing is asked; how patches are flattened is known by then
        await pilot.press("right", "right", "right")
        assert "1,536 values" in text(tui, "PatchFacts")
        assert "projected" not in text(tui, "PatchFacts")
        await rested(pilot)
        assert talk(tui).asked_patches == [here, here + 3]
        # at the pixels it is the same patch, and known
        await pilot.press(BACK)
        assert stage(pilot) == "pixels"
        numbers = text(tui, "#numbers")
        assert "row 8, column 8 " in numbers
        red = next(line for line in numbers.splitlines() if " red " in line)
        assert f"{here + 3:3d} {here + 3:08b}" in red
        assert f" #{here + 3:02x}64c8 " in numbers
        assert red.split()[-1] == f"{(here + 3) / 127.5 - 1:.3f}"
        # a patch of the model's own pixels is enlarged: all of one colour
        drawn = explorer(pilot).query_one("EnlargedPatch").render_line(1)
        assert {segment.style.bgcolor.triplet for segment in drawn if segment.style} == {(here + 3, 100, 200)}
        await pilot.press(ON, ON)
        assert stage(pilot) == "vision.1"
        await pilot.press("right")
        await rested(pilot)
        assert len(talk(tui).asked_patches) == 2


async def test_what_does_not_come_is_asked_for_once() -> None:
    tui = app(stage="vision.0")
    async with tui.run_test(size=NARROW) as pilot:
        talk(tui).no_patches = "no"
        await rested(pilot)
        await pilot.press("right")
        await rested(pilot)
        await pilot.press("left")
        await rested(pilot)
        here = at(pilot)[0] * COLS + at(pilot)[1]
        assert talk(tui).asked_patches == [here, here + 1]
        assert "projected" not in text(tui, "PatchFacts")


async def test_positions_are_an_overlay_where_they_are_added() -> None:
    tui = app(stage="vision.0")
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        explorer(pilot).action_choose_overlay("position")
        await pilot.pause()
        assert talk(tui).asked_values[-1] == ("vision.0", Position())
        assert "norm of the position embedding" in text(tui, "#legend")
        assert "here 28.0, 20th of 48" in text(tui, "#legend")
        await pilot.press(ON)
        await pilot.pause()
        assert "overlay: position, which vision.1 has none of" in text(tui, "#legend")
        await pilot.press("o")
        assert explorer(pilot).state.selection.overlay == "none"


async def test_a_lens_that_is_for_other_models_is_said_to_be() -> None:
    for lens, said in (
        (ChosenLens("position"), ""),
        (ChosenLens("evidence", "cat"), "--lens evidence needs a model with"),
    ):
        tui = app(stage="vision.0", lens=lens)
        async with tui.run_test(size=WIDE) as pilot:
            await pilot.pause()
            assert explorer(pilot).state.selection.overlay == ("none" if said else "position")
            assert [n.message for n in tui._notifications if said in n.message] or not said


async def test_outliers_are_counted_from_picture_to_picture() -> None:
    tui = app(stage="vision.2", shape=(6, 8))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("home")
        assert at(pilot)[0] * COLS + at(pilot)[1] == OUTLIER
        assert "▲ outlier" in text(tui, "#norms")
        assert "outlier" not in text(tui, "PatchFacts")  # of one picture there is nothing to say
        screen = explorer(pilot)
        for number in range(1, 4):
            picture = readings.picture()
            source = readings.source(picture, f"{number}.png")
            talk(tui).made = another(number)
            screen.post_message(messages.ImageOpened(source, picture))
            await pilot.pause()
        assert "outlier  in 4 of 4 images, by position" in text(tui, "PatchFacts")
        screen.action_do("read-again")
        await pilot.pause()
        assert "in 4 of 4 images, by position" in text(tui, "PatchFacts")
        await pilot.press("right")
        assert "outlier" not in text(tui, "PatchFacts")


@pytest.mark.parametrize(("rows", "cols"), [(4, 6), (6, 4)])
def test_a_position_is_counted_in_a_grid_of_its_own_shape(rows: int, cols: int) -> None:
    made = readings.reading(rows, cols)
    grid = made.grids[0]
    assert (grid.rows, grid.cols) == (rows, cols)
    place = next(place for place in made.places if (place.row, place.col) == (2, 3))
    for where, kind in (("vision.1", "patch"), ("tokens", "token")):
        assert _position(made, where, place) == (GridShape(kind, rows, cols), 2 * cols + 3)


async def test_every_stage_has_its_verdict_on_the_pictures_so_far() -> None:
    tui = app(stage="vision.2", shape=(6, 8))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("V")
        shown = page(pilot)
        # nothing is told of one image but that several are needed
        assert "too few" not in shown
        assert "1 image" not in shown
        assert "position:" not in shown
        assert "needs several images" in shown
        # where they are in this image, and what was read
        row, col = divmod(OUTLIER, COLS)
        norms = talk(tui).reading.norms_at("vision.2")
        ratio = 500 / float(np.median(norms))
        assert f"vision.2 (1)  ▲ {row},{col} {ratio:.3g}×\n" in shown
        assert "Read: vision.0 to tokens. Not read: llm.1 to llm.3; ] goes there" in shown
        await pilot.press("escape")
        for number in range(1, 4):
            picture = readings.picture()
            talk(tui).made = another(number)
            explorer(pilot).post_message(messages.ImageOpened(readings.source(picture, f"{number}.png"), picture))
            await pilot.pause()
        await pilot.press("V")
        shown = page(pilot)
        row, col = divmod(OUTLIER, COLS)
        found = rf"vision\.2 +position +4 outliers \(2%\) +6×8, 4 images\n +repeat: {row},{col} \(4 of 4\)"
        assert re.search(found, shown)
        assert "position: at least 80%" in shown
        await pilot.press("V")
        assert dialog(pilot) is None
    assert "V" in [key for key, _ in help_rows()]


def test_all_outliers_of_an_image_are_listed() -> None:
    places = [f"▲ {number},3 2.31×" for number in range(30)]
    shown = outlier_report(DARK, (), "tokens", OutlierPlaces({"tokens": places}, ("tokens",), ())).plain
    assert re.findall(r"▲ (\d+),3", shown) == [str(number) for number in range(30)]
    assert not re.search(r"and \d+ more", shown)


@pytest.mark.parametrize(
    ("many", "said"),
    [
        ((2, 5, 1), "Most: vision.1, 5 of 8 outliers."),
        ((3, 0, 3), "Most: vision.0 and vision.2, 3 each of 6 outliers."),
    ],
)
def test_the_stage_with_most_outliers_is_named(many: tuple[int, ...], said: str) -> None:
    places = {f"vision.{stage}": ["▲ 1,1 2.5×"] * number for stage, number in enumerate(many) if number}
    shown = outlier_report(DARK, (), "tokens", OutlierPlaces(places, tuple(places), ())).plain
    assert said in shown.splitlines()
    assert re.findall(r"^(vision\.\d) \((\d)\)", shown, re.MULTILINE) == [
        (f"vision.{stage}", str(number)) for stage, number in enumerate(many) if number
    ]


def page(pilot: Pilot[int]) -> str:
    """What the page over the explorer says."""
    shown = dialog(pilot)
    assert isinstance(shown, OutliersPage)
    return outlier_report(DARK, shown._stages, shown._here, shown._image).plain


def place(made: Reading, entry: int, stage: str, outliers: OutlierHistory) -> str:
    known = Results(made.image, None)  # type: ignore[arg-type]
    known.take(made)
    known.outliers = outliers
    page = next(page for page in known.pages(stage) if entry in page.entries.values())
    row, col = next(cell for cell, i in page.entries.items() if i == entry)
    return recurring(known, Selection(row=row, col=col, grid=page.id, stage=stage))


def test_views_of_tiles_and_queries_without_a_place() -> None:
    outliers = OutlierHistory()
    for number in range(3):
        made = another(number, FAMILIES["llava_next"]())
        wild = np.full(len(made.norms), 10.0, np.float32)
        wild[5] = 900.0
        outliers.add(msgspec.structs.replace(made, norms=wild))
    cell = made.places[5].row, made.places[5].col
    said = place(made, 5, "tokens", outliers)
    views = sum((at.row, at.col) == cell for at in made.places)  # not in tiles that are cut there
    assert views > 1
    assert said == f"in 3 of {3 * views} grids in 3 images, by position"
    assert place(made, 6, "tokens", outliers) == ""
    outliers = OutlierHistory()
    for number in range(3):
        made = another(number, FAMILIES["idefics2"]())
        wild = np.full(len(made.norms), 10.0, np.float32)
        wild[2] = 900.0
        outliers.add(msgspec.structs.replace(made, norms=wild))
    assert place(made, 2, "tokens", outliers) == "in 3 of 3 images, by position"


def test_what_is_kept_is_bounded() -> None:
    record = OutlierHistory()
    made = readings.reading(6, 8)
    for number in range(MODELS + 2):
        model = msgspec.structs.replace(made.model, name=f"model {number}")
        record.add(msgspec.structs.replace(another(number), model=model))
    assert len(record._models) == MODELS
    shape = GridShape("patch", 6, 8)
    assert record.tally(model, "vision.2", shape).counts[OUTLIER] == 1
    assert record.tally(made.model, "vision.2", shape) is None
    known = Results(made.image, None)  # type: ignore[arg-type]
    known.take(made)
    most = KEPT[PatchLens, True]
    for patch in range(most + 10):
        known.keep(patch_key(patch), readings.anatomy(patch))
    assert len(known.found) == most
    assert not known.belongs(LensRequest("another", *patch_key(0)))
