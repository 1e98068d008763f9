"""The choices and the knowledge behind the screen: pure data."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.tui import readings
from vlmtui.reading import ImageInfo
from vlmtui.tui.go_to import GoTo, parse_go_to
from vlmtui.tui.navigation import at_stage, fit_selection, step_stage
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import MAX_K, Selection
from vlmtui.tui.state.stages import ANSWER
from vlmtui.tui.state.subject import Subject, WordsLens
from vlmtui.tui.state.word_table import WordTable


def known(rows: int = 6, cols: int = 8) -> Results:
    reading = readings.reading(rows, cols)
    return Results(ImageInfo("toy.png", "0", 96, 64), readings.picture(), reading.model, reading)


@given(st.integers(-50, 50), st.integers(-50, 50))
def test_the_cursor_never_leaves_the_grid(row: int, col: int) -> None:
    view = fit_selection(Selection(row=row, col=col), known())
    assert 0 <= view.row < 6
    assert 0 <= view.col < 8
    place = known().place(view)
    assert place is not None
    assert (place.row, place.col) == (view.row, view.col)


def test_the_path_holds_at_its_ends() -> None:
    seen = known()
    view = Selection(stage="tokens")
    assert step_stage(view, seen, 1).stage == "llm.1"
    assert step_stage(view, seen, 99).stage == step_stage(view, seen, 3).stage == "llm.3"
    assert step_stage(view, seen, -99).stage == "pixels"
    assert step_stage(step_stage(view, seen, -99), seen, 1).stage == "vision.0"


def test_a_stage_with_a_finer_grid_keeps_the_part_of_the_picture() -> None:
    seen = known(6, 8)
    reading = seen.reading
    assert reading is not None
    # two by two patches a token
    finer = readings.reading(12, 16)
    grid = replace(reading.grids[0], patch_rows=12, patch_cols=16)
    seen.reading = type(reading)(
        **{f: getattr(reading, f) for f in reading.__struct_fields__ if f not in ("grids", "patch_places")},
        grids=(grid,),
        patch_places=finer.places,
    )
    view = at_stage(Selection(row=2, col=5, stage="tokens"), seen, "vision.1")
    token, patch = reading.places[2 * 8 + 5], seen.place(view)
    assert patch is not None
    assert token.box is not None
    assert patch.box is not None
    assert token.box[0] <= patch.box[0] < patch.box[2] <= token.box[2]
    assert token.box[1] <= patch.box[1] < patch.box[3] <= token.box[3]
    back = at_stage(view, seen, "tokens")
    assert (back.row, back.col) == (2, 5)


def test_words_of_another_metric_are_not_shown() -> None:
    seen = known()
    table = WordTable("r", "tokens", "cosine", 4)
    table.add(readings.words([0], 4))
    seen.keep((Subject("tokens"), WordsLens("cosine")), table)
    assert len(seen.words(Selection(k=3)) or ()) == 3
    assert seen.words(Selection(metric="l2")) is None
    assert seen.words(Selection(stage="vision.1")) is None


def test_gathered_words_are_what_the_session_sent() -> None:
    book = WordTable("r", "tokens", "cosine", 5)
    book.add(readings.words([3, 4], 5))
    book.add(readings.words([0, 1, 2], 5))
    got, sent = book.gathered([0, 1, 2, 3, 4], 5), readings.words([0, 1, 2, 3, 4], 5)
    np.testing.assert_array_equal(got.ids, sent.ids)
    np.testing.assert_array_equal(got.scores, sent.scores)
    assert got.pieces == sent.pieces
    assert (got.candidates, got.left_out) == (sent.candidates, sent.left_out)
    assert book.gathered([0], 2).ids.shape == (1, 2)


def test_a_patch_through_depth() -> None:
    seen = known()
    column = seen.column(Selection(row=1, col=2))
    assert column is not None
    values, everything = column
    assert everything.shape == (readings.LAYERS + 1, 48)
    np.testing.assert_allclose(values, everything[:, 10])


def test_k_has_bounds() -> None:
    assert Selection(k=1).with_k(0).k == 1
    assert Selection().with_k(1000).k == MAX_K


def test_go_to_understands_rows_and_pixels() -> None:
    assert parse_go_to("3,4") == GoTo(3, 4, pixel=False)
    assert parse_go_to(" 3 4 ") == GoTo(3, 4, pixel=False)
    assert parse_go_to("x120 y80.5") == GoTo(120, 80.5, pixel=True)
    assert parse_go_to("120x80 px") == GoTo(120, 80, pixel=True)
    assert parse_go_to("y80 x120") == GoTo(120, 80, pixel=True)
    assert parse_go_to("120, 80 px") == GoTo(120, 80, pixel=True)
    for wrong in ("", "3", "a,b", "3.5,4", "1,2,3", "-1,2", "rm -rf 1 2", "x5 x6", "y5 y6", "80y 120x"):
        assert parse_go_to(wrong) is None


def test_overlays_and_attributions_go_back_the_way_they_came() -> None:
    for stage in ("tokens", ANSWER):
        gone = [Selection(stage=stage)]
        while not gone[1:] or gone[-1] != gone[0]:
            gone.append(gone[-1].next_overlay())
        assert len(gone) > 4
        back = [gone[-1]]
        for _ in gone[1:]:
            back.append(back[-1].next_overlay(step=-1))
        assert back == gone[::-1]
    # from one that is not offered here to the last
    assert Selection(overlay="gone").next_overlay(step=-1) == Selection().next_overlay(step=-1)
