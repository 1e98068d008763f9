"""`png` and `svg` where there is little room: which numbers and words are left, and what is said of it."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from tests.reports import made_reports
from tests.reports.images.test_images import inside, shown, texts
from vlmtui.query.drawing_options import HEAT, DrawOptions
from vlmtui.reports.images import fonts
from vlmtui.reports.images.composition import compose
from vlmtui.reports.images.scene import PhotoMark, Scene, TextMark

TOO_SMALL = "The patches are too small for words: choose "


def ticks(of: Scene) -> tuple[list[TextMark], list[TextMark]]:
    """The numbers over the photograph, and those left of it."""
    photo = next(mark for mark in of.marks if isinstance(mark, PhotoMark))
    numbers = [text for text in texts(of) if text.text.isdecimal()]
    return [text for text in numbers if text.y < photo.y], [text for text in numbers if text.x < photo.x]


@pytest.mark.parametrize("size", [64, 100, 240, 1280])
def test_numbers_of_rows_and_columns_do_not_run_into_each_other(size: int) -> None:
    columns, rows = ticks(compose(shown(reading=made_reports.reading(14, 14), drawing=DrawOptions(size=size))))
    assert columns[0].text == rows[0].text == "0"
    for one, other in pairwise(columns):
        assert one.x + fonts.text_width(one.text, one.size) / 2 < other.x - fonts.text_width(other.text, other.size) / 2
    for one, other in pairwise(rows):
        assert other.y - one.y > one.size
    for numbers in columns, rows:
        steps = {int(other.text) - int(one.text) for one, other in pairwise(numbers)}
        assert len(steps) == 1, "every n-th"
    assert size < 1280 or [text.text for text in columns] == [str(col) for col in range(14)]


def test_patches_too_small_for_words_have_none_and_that_is_said() -> None:
    of = shown(reading=made_reports.reading(14, 14), drawing=DrawOptions(size=64))
    drawn = compose(of)
    assert not inside(drawn)
    (said,) = (text.text for text in texts(drawn) if text.text.startswith(TOO_SMALL))
    enough = re.fullmatch(r"--size (\d+) or more", said.removeprefix(TOO_SMALL))
    assert enough
    for size, has in ((int(enough[1]) - 1, False), (int(enough[1]), True)):
        again = compose(shown(reading=made_reports.reading(14, 14), drawing=DrawOptions(size=size)))
        assert bool(inside(again)) is has


def test_a_strip_is_no_larger_than_others_and_says_what_to_do() -> None:
    reading, of = made_reports.reading(14, 14), msgspec.structs.replace
    scaled = np.array([7 / 640, 3000 / 427] * 2)
    places = tuple(replace(place, box=tuple((place.box * scaled).tolist())) for place in reading.places)
    grids = tuple(replace(grid, box=(0.0, 0.0, 7.0, 3000.0)) for grid in reading.grids)
    strip = shown(reading=of(reading, places=places, grids=grids))
    drawn = compose(replace(strip, rgb=np.full((3000, 7, 3), 120, np.uint8)))
    assert drawn.height < 1500
    assert not inside(drawn)
    assert f"{TOO_SMALL}--draw heat" in [text.text for text in texts(drawn)]


@pytest.mark.parametrize("show", ["words", HEAT])
def test_the_lines_under_a_small_picture_are_whole(show: str) -> None:
    drawn = compose(shown(show, made_reports.reading(14, 14), drawing=DrawOptions(size=64)))
    lines = texts(drawn)
    assert not any("…" in text.text for text in lines)
    for text in lines:
        wide = fonts.text_width(text.text, text.size)
        assert text.anchor != "start" or text.x + wide <= drawn.width
