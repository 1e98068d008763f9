"""`png`, `svg` and `ansi`: what is drawn where, in letters that there are; what is refused."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.looked import looked
from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.display.cells import width
from vlmtui.errors import UsageError
from vlmtui.geometry import Place
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.conditions import parse_where
from vlmtui.query.drawing_options import HEAT, LAYERS, NORMS, WORDS, DrawOptions, parse_drawing
from vlmtui.query.patches import PatchPosition
from vlmtui.reading import Reading
from vlmtui.reports.formats import ansi
from vlmtui.reports.formats.png import png, raster
from vlmtui.reports.formats.svg import svg
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.images import fonts, words_on_image
from vlmtui.reports.images.composition import compose
from vlmtui.reports.images.content import ReportDrawing, drawing_kind
from vlmtui.reports.images.scene import DotMark, LineMark, PhotoMark, RectMark, Scene, TextMark
from vlmtui.session.typed_lenses.values import Components, Find

GREY = np.full((427, 640, 3), 120, np.uint8)
STAGES = ("vision.0", "vision.1", "vision.2", "tokens")


def shown(show: str = WORDS, reading: Reading | None = None, pieces: Any = None, **query: Any) -> ReportDrawing:
    reading = reading or made_reports.reading(3, 4)
    asked = query_of("tiny", **query)
    seen = made_reports.seen(
        reading, made_reports.words(reading, 3, pieces or ["▁sky", "▁blue", "▁mountains"]), query=asked
    )
    return ReportDrawing(show, GREY, seen, STAGES if show in (LAYERS, NORMS) else ())


def texts(of: Scene) -> list[TextMark]:
    return [mark for mark in of.marks if isinstance(mark, TextMark)]


def inside(of: Scene) -> list[TextMark]:
    """The words in their patches: what has an edge around its letters."""
    return [text for text in texts(of) if text.halo]


# --- words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 4), (14, 14), (24, 24)])
def test_words_lie_in_their_patches(rows: int, cols: int) -> None:
    reading = made_reports.reading(rows, cols)
    of = shown(reading=reading)
    drawn = compose(of)
    (photo,) = (mark for mark in drawn.marks if isinstance(mark, PhotoMark))
    scale = photo.rgb.shape[1] / 640
    words = inside(drawn)
    assert len(words) >= rows * cols
    for text in words:
        place = next(
            p.box
            for p in reading.places
            if p.box
            and p.box[0] <= (text.x - photo.x) / scale <= p.box[2]
            and p.box[1] <= (text.y - photo.y) / scale <= p.box[3] + 1e-6
        )
        assert fonts.text_width(text.text, text.size) <= (place[2] - place[0]) * scale
        assert text.size >= 7 * 0.75
    assert {text.text for text in words} <= {"sky", "blue", "mountains"}


def test_as_many_words_as_asked_for_and_as_large() -> None:
    drawing = DrawOptions(size=800, num_words=1)
    drawn = compose(shown(drawing=drawing))
    (photo,) = (mark for mark in drawn.marks if isinstance(mark, PhotoMark))
    assert photo.rgb.shape[1] == 800
    assert len(inside(drawn)) == 12
    assert raster(drawn).size == (drawn.width, drawn.height)
    with Image.open(io.BytesIO(png(drawn))) as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize("grey", [0, 60, 100, 120, 200, 255])
def test_the_image_is_no_darker_than_white_words_need(grey: int) -> None:
    marks = compose(replace(shown(), rgb=np.full_like(GREY, grey))).marks
    photo = next(mark for mark in marks if isinstance(mark, PhotoMark))
    (layer,) = (mark for mark in marks if isinstance(mark, RectMark) and mark.width == photo.rgb.shape[1])
    left = grey * (1 - layer.opacity)
    luminance = (left / 255) / 12.92 if left / 255 <= 0.04045 else ((left / 255 + 0.055) / 1.055) ** 2.4
    assert 1.05 / (luminance + 0.05) >= 4.5  # the contrast that WCAG 2 asks for
    assert left >= min(0.8 * grey, 90)


def test_only_the_patches_asked_for_have_words() -> None:
    of = shown()
    few = ReportDrawing(WORDS, GREY, of.report.narrowed(np.arange(12) == 5))
    assert len(inside(compose(few))) == 3


def test_where_no_patch_is_kept_that_is_the_title() -> None:
    one = shown(condition=parse_where('word = "zebra"'))
    drawn = texts(compose(replace(one, report=one.report.narrowed(np.zeros(12, bool)))))
    assert any("no patch matches --where" in text.text for text in drawn)
    assert not any("no words" in text.text for text in drawn)


def test_tiles_are_drawn_and_not_what_lies_under_them() -> None:
    reading = made_reports.reading(2, 2, grids=2)
    drawn = compose(shown(reading=reading))
    assert len(inside(drawn)) == 4 * 3


def test_tokens_without_a_place_cannot_be_drawn() -> None:
    queries = tuple(Place(i, "query", None, None, None, None, 0.0, ()) for i in range(4))
    reading = made_reports.reading(2, 2, places=queries, placeless="each query reads all patches")
    for show in (WORDS, HEAT):
        with pytest.raises(UsageError, match="each query reads all patches"):
            compose(shown(show, reading))
    with pytest.raises(UsageError, match="each query reads all patches"):
        list(ansi.cell_lines(shown(WORDS, reading)))


def test_a_chart_says_how_many_outliers_it_does_not_draw() -> None:
    reading = made_reports.reading(20, 20)
    patches = reading.grid_norms[0].patches
    patches[1] = np.linspace(9, 11, 400)
    patches[1, :30], patches[1, 30:50] = np.linspace(40, 41, 30), np.linspace(1, 2, 20)
    drawn = compose(shown(NORMS, reading))
    (legend,) = [text.text for text in texts(drawn) if "|z|" in text.text]
    assert legend == "outliers (|z| > 3.5), 10 nearer to the median not drawn"
    # the high ones are farther from it than any of the low ones, which are drawn from the lowest on
    dots = sorted(mark.y for mark in drawn.marks if isinstance(mark, DotMark))[:-1]
    reading.grid_norms[0].patches[1, 40:50] = 10
    fewer = compose(shown(NORMS, reading))
    assert not any("not drawn" in text.text for text in texts(fewer))
    assert dots == sorted(mark.y for mark in fewer.marks if isinstance(mark, DotMark))[:-1]


# --- colours ---------------------------------------------------------------------------------------------------


def test_heat_is_of_the_lens_or_of_norms() -> None:
    of = shown(HEAT)
    values = looked(lens=Find("sky"), stage="tokens", numbers=np.arange(12, dtype=np.float32))
    query = query_of("tiny", lens=ChosenLens("find", "sky"))
    found = ReportDrawing(
        HEAT, GREY, ImageReport(query, of.report.reading, "tokens", of.report.entries, None, values=values)
    )
    photo = next(mark for mark in compose(found).marks if isinstance(mark, PhotoMark))
    # viridis: dark blue below, yellow above
    assert photo.rgb[5, 5, 2] > photo.rgb[5, 5, 1]
    assert photo.rgb[-5, -5, 0] > 2 * photo.rgb[-5, -5, 2]
    assert any("find: cosine of sky" in text.text for text in texts(compose(found)))
    assert any("L2 norms" in text.text for text in texts(compose(of)))


def of_noise(show: str, end: float, **query: Any) -> ReportDrawing:
    """Numbers 0 to 11 of a lens at 3×4 tokens, of which those up to `end` are noise."""
    of = shown(show)
    found = replace(looked(lens=Find("sky"), stage="tokens", numbers=np.arange(12.0)), noise_end=end)
    seen = replace(of.report, query=query_of("tiny", lens=ChosenLens("find", "sky"), **query), values=found)
    vision = tuple(replace(found, stage=stage, noise_end=20.0) for stage in STAGES[:-1])
    return replace(of, report=seen, values=(*vision, found))


def greys(rgb: np.ndarray) -> list[bool]:
    """Whether each of 3×4 patches is without colour."""
    high, wide = rgb.shape[0] // 3, rgb.shape[1] // 4
    return [bool(np.ptp(rgb[(i // 4) * high + high // 2, (i % 4) * wide + wide // 2]) == 0) for i in range(12)]


def test_numbers_of_noise_are_grey_on_a_scale_that_begins_there() -> None:
    drawn = compose(of_noise(HEAT, 6.0))
    photo, bar = (mark.rgb.astype(int) for mark in drawn.marks if isinstance(mark, PhotoMark))
    assert greys(photo) == [value <= 6 for value in range(12)]
    assert bar.shape[0] == 10
    said = [text.text for text in texts(drawn)]
    assert any("tokens · grey: noise · find" in one for one in said)
    assert "6.00" in said
    none = compose(of_noise(HEAT, 11.0))
    (photo,) = (mark.rgb.astype(int) for mark in none.marks if isinstance(mark, PhotoMark))
    assert all(greys(photo))
    assert any("nothing above noise" in text.text for text in texts(none))
    assert "nothing above noise" in svg(none)


def test_every_stage_of_a_sheet_has_its_own_noise() -> None:
    drawn = compose(of_noise(LAYERS, 6.0))
    photos = [mark.rgb.astype(int) for mark in drawn.marks if isinstance(mark, PhotoMark)]
    assert [sum(greys(photo)) for photo in photos] == [12, 12, 12, 7]
    said = [text.text for text in texts(drawn)]
    assert sum("nothing above noise" in one for one in said) == 3
    assert any(one.endswith("stage by stage; grey: noise") for one in said)
    of = of_noise(LAYERS, -1.0)
    clear = replace(of, values=tuple(replace(one, noise_end=-1.0) for one in of.values))
    assert not any("grey" in text.text for text in texts(compose(clear)))


def test_cells_have_the_same_greys() -> None:
    lines = list(ansi.cell_lines(of_noise(HEAT, 6.0, drawing=DrawOptions(size=40))))
    assert "tokens · grey: noise · find" in lines[0]
    cells = re.findall(r"\x1b\[([0-9;]*)m([^\x1b]+)", lines[-1])
    row = [codes for codes, letters in cells for _ in letters]
    grounds = [tuple(map(int, codes.split(";")[-3:])) for codes in row]
    assert all(max(one) > min(one) for one in grounds)  # the last row: 8 to 11
    first = re.findall(r"\x1b\[([0-9;]*)m", lines[1])
    assert all(len(set(codes.split(";")[-3:])) == 1 for codes in first if codes != "0")
    assert "nothing above noise" in next(ansi.cell_lines(of_noise(HEAT, 11.0, drawing=DrawOptions(size=60))))


def test_a_sheet_has_every_stage() -> None:
    of = shown(LAYERS)
    drawn = compose(of)
    assert [text.text for text in texts(drawn) if text.text in STAGES] == list(STAGES)
    assert len([mark for mark in drawn.marks if isinstance(mark, PhotoMark)]) == 4
    numbers = np.zeros((12, 3), np.float32)
    values = tuple(looked(lens=Components(), stage=s, numbers=numbers, explained=(0.5, 0.2, 0.1)) for s in STAGES)
    seen = ImageReport(query_of("tiny", lens=ChosenLens("pca")), of.report.reading, "tokens", of.report.entries, None)
    sheet = compose(ReportDrawing(LAYERS, GREY, seen, STAGES, values))
    assert sum(text.text == "80% of the variance" for text in texts(sheet)) == 4


def test_a_plot_has_a_line_a_tower_and_its_outliers() -> None:
    reading = made_reports.reading(4, 4)
    reading.grid_norms[0].patches[1, 6] = 99.0
    drawn = compose(shown(NORMS, reading, patches=(PatchPosition(None, 1, 2),)))
    assert "patch 1,2" in [text.text for text in texts(drawn)]
    dots = [mark for mark in drawn.marks if isinstance(mark, DotMark)]
    lowest = min(dots, key=lambda dot: dot.y)
    assert 0 < lowest.y < drawn.height / 4
    for mark in drawn.marks:
        if isinstance(mark, LineMark):
            assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in mark.points)


def test_plots_of_norms_that_are_all_the_same_or_none() -> None:
    for value in (1.0, 0.0, np.nan):
        reading = made_reports.reading(2, 2, norms=np.full(4, value, np.float32))
        reading.grid_norms[0].patches[:] = value
        raster(compose(shown(NORMS, reading)))


# --- letters ---------------------------------------------------------------------------------------------------


def test_what_no_font_has_is_its_code_point() -> None:
    assert list(fonts.runs("sky")) == [(None, "sky")]
    assert list(fonts.runs("a\U0010fffd")) == [(None, "aU+10FFFD")]
    assert "".join(part for _, part in fonts.runs("naïve – ‘x’")) == "naïve – ‘x’"


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=20), st.floats(7, 30), st.floats(5, 300))
def test_what_is_fitted_fits(text: str, size: float, room: float) -> None:
    shown_, smaller = fonts.fit_text(text, size, room)
    assert smaller <= size
    assert not shown_ or shown_ == "…" or fonts.text_width(shown_, smaller) <= room + 1e-6


# --- files -----------------------------------------------------------------------------------------------------


def test_marks_are_drawn_where_they_are() -> None:
    photo = np.full((4, 6, 3), (0, 255, 0), np.uint8)
    marks = [PhotoMark(2, 3, photo), RectMark(10, 10, 5, 4, (255, 0, 0)), DotMark(30, 30, 4, (0, 0, 255))]
    pixels = np.asarray(raster(Scene(40, 40, "x", marks=list(marks))))
    green, red, blue = ((pixels == colour).all(axis=-1) for colour in ((0, 255, 0), (255, 0, 0), (0, 0, 255)))
    assert (green.sum(), green[3:7, 2:8].all()) == (24, True)
    assert (red.sum(), red[10:14, 10:15].all()) == (20, True)
    assert blue[30, 30]
    assert 30 < blue.sum() < 51


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text(max_size=9), min_size=1, max_size=4), st.text(max_size=20))
def test_svg_is_xml_whatever_the_words_are(pieces: list[str], name: str) -> None:
    import msgspec

    reading = made_reports.reading(1, 2)
    source = name.encode("utf-8", "replace").decode()
    reading = msgspec.structs.replace(reading, image=msgspec.structs.replace(reading.image, source=source))
    drawn = compose(shown(reading=reading, pieces=pieces))
    root = ElementTree.fromstring(svg(drawn))
    found = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert found == [text.text for text in texts(drawn)]
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= set(
        "svg title rect g image polyline polygon circle text".split()
    )


def test_the_same_twice_is_the_same_bytes() -> None:
    assert png(compose(shown())) == png(compose(shown()))
    assert svg(compose(shown(NORMS))) == svg(compose(shown(NORMS)))


# --- ansi ------------------------------------------------------------------------------------------------------

SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("columns", [30, 80, 132])
@pytest.mark.parametrize("show", [WORDS, HEAT])
def test_ansi_is_as_wide_as_asked_for(columns: int, show: str) -> None:
    lines = list(ansi.cell_lines(shown(show, pieces=["▁sky", "▁漢字", "\x1b[31m"], drawing=DrawOptions(size=columns))))
    for line in lines:
        bare = SGR.sub("", line)
        assert "\x1b" not in bare
        assert width(bare) <= columns
    assert {width(SGR.sub("", line)) for line in lines[1:]} == {width(SGR.sub("", lines[1]))}
    assert all(line.endswith("\x1b[0m") for line in lines[1:])


def test_ansi_takes_the_terminals_width_and_its_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "47")
    assert max(width(SGR.sub("", line)) for line in ansi.cell_lines(shown())) in range(40, 48)
    few = "".join(ansi.cell_lines(shown(drawing=DrawOptions(deep=False))))
    assert "8;5;" in few
    assert "8;2;" not in few


def test_ansi_says_the_first_words() -> None:
    bare = SGR.sub("", "\n".join(ansi.cell_lines(shown(drawing=DrawOptions(size=80)))))
    assert {"sky", "blue", "mountains"} <= set(re.findall(r"\w+", bare))


# --- what is asked for -----------------------------------------------------------------------------------------


def test_what_is_drawn_without_being_named() -> None:
    assert drawing_kind(query_of("tiny")) == WORDS
    assert drawing_kind(query_of("tiny", lens=ChosenLens("pca"))) == HEAT
    assert drawing_kind(query_of("tiny", lens=ChosenLens("projector"))) == WORDS


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"lens": ChosenLens("pca"), "drawing": DrawOptions(WORDS)}, "--draw heat"),
        ({"lens": ChosenLens("pca"), "drawing": DrawOptions(NORMS)}, "--draw heat"),
        ({"lens": ChosenLens("projector"), "drawing": DrawOptions(HEAT)}, "--draw words"),
        ({"lens": ChosenLens("position"), "drawing": DrawOptions(LAYERS)}, "--draw heat"),
        ({"rows": (range(3),), "drawing": DrawOptions(LAYERS)}, "--draw heat"),
        ({"rows": (range(3),), "drawing": DrawOptions(NORMS)}, "--patch"),
        ({"patches": (PatchPosition(None, 0, 0),) * 6, "drawing": DrawOptions(NORMS)}, "5 patches"),
        ({"null": True}, "--null"),
    ],
)
def test_what_does_not_go_together(query: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        drawing_kind(query_of("tiny", **query))


def test_options_that_are_none() -> None:
    with pytest.raises(UsageError, match="words, heat, layers, norms"):
        parse_drawing("wrods", None, None)
    with pytest.raises(UsageError, match="8192"):
        parse_drawing(None, 99999, None)


def test_a_word_is_shrunk_before_it_is_cut() -> None:
    room = fonts.text_width("mountain", 9.0)
    assert fonts.fit_text("mountain", 26.0, room, words_on_image.LEAST / 26.0)[0] == "mountain"
    (mark,) = words_on_image._written((0.0, 0.0, room / 0.96, 30.0), ["mountain"], 26.0)
    assert isinstance(mark, TextMark)
    assert mark.text == "mountain"
    assert mark.size >= words_on_image.LEAST


@pytest.mark.parametrize("show", [HEAT, LAYERS, NORMS])
def test_a_metric_that_no_word_is_drawn_by_is_said(show: str) -> None:
    assert shown(show, metric="l2").unused_option == f"--metric l2 is not used: --draw {show} shows no words"
    assert shown(WORDS, metric="l2").unused_option == shown(show).unused_option == ""
    # a condition may be about words
    assert shown(show, metric="l2", condition=parse_where("word ~ sky")).unused_option == ""
    with pytest.raises(UsageError, match=f"--num-words is for --draw words, and {show} shows none"):
        drawing_kind(query_of("tiny", drawing=DrawOptions(show, num_words=2)))
