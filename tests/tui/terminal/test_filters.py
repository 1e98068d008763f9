"""What poorer terminals get."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tests.tui.fake import app
from vlmtui.display.dithering import dithered
from vlmtui.display.pieces import width
from vlmtui.tui.terminal.filters import Ascii, Perceptual256, terminal_is_utf8
from vlmtui.tui.terminal.theme import roles
from vlmtui.tui.widgets.image_side import ImageSide
from vlmtui.tui.widgets.image_view import ImageView

BLACK = Color(0, 0, 0)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cc", "Cs", "Cf", "Mn", "Me", "Mc")), max_size=20))
def test_ascii_keeps_the_width(text: str) -> None:
    (segment,) = Ascii().apply([Segment(text)], BLACK)
    assert segment.text.isascii()
    assert len(segment.text) == width(text)


@pytest.mark.parametrize(
    ("text", "shown"), [("sky°", "sky*"), ("☃ 漢", "? ??"), ("640×427 → 1…", "640x427 > 1~"), ("é½", "??")]
)
def test_no_letter_is_made_up(text: str, shown: str) -> None:
    assert Ascii().apply([Segment(text)], BLACK)[0].text == shown


def test_half_blocks_become_their_mean() -> None:
    style = Style(color="rgb(100,0,0)", bgcolor="rgb(0,200,0)")
    (segment,) = Ascii().apply([Segment("▀▀", style)], BLACK)
    assert segment.text == "  "
    assert segment.style is not None
    assert segment.style.bgcolor is not None
    assert tuple(segment.style.bgcolor.triplet or ()) == (50, 100, 0)


def test_256_colours_keep_dark_colours_apart() -> None:
    filtered = [
        Perceptual256().apply([Segment("x", Style(color=f"rgb({v},{v},{v})"))], BLACK)[0].style for v in (8, 28, 58, 98)
    ]
    numbers = [s.color.number for s in filtered if s and s.color]
    assert len(set(numbers)) == 4
    assert all(n is not None and n >= 16 for n in numbers)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, True),
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "de_DE.utf8"}, True),
        ({"LANG": "en_US.ISO-8859-1"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "en_US.ISO-8859-1", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
    ],
)
def test_the_locale_tells(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: bool) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert terminal_is_utf8() is expected


async def test_every_segment_has_a_style(monkeypatch: pytest.MonkeyPatch) -> None:
    # Textual's own filter for NO_COLOR looks into every style
    monkeypatch.setenv("NO_COLOR", "1")
    tui = app()
    async with tui.run_test(size=(132, 40)) as pilot:
        await pilot.pause()
        await pilot.press("o", "o", "right")
        await pilot.pause()
        assert tui.no_color
        assert tui.return_code is None


@pytest.mark.parametrize(("colours", "dithers"), [("256", True), ("truecolor", False)])
async def test_the_image_is_dithered_in_256_colours_alone(
    monkeypatch: pytest.MonkeyPatch, colours: str, dithers: bool
) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", colours)
    tui = app()
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert tui.console.color_system == colours
        view = tui.screen_stack[1].query_one(ImageView)
        drawn = tui.screen_stack[1].query_one(ImageSide)._drawn
        assert drawn is not None
        assert view._pixels is not None
        np.testing.assert_array_equal(view._pixels, dithered(drawn.pixels) if dithers else drawn.pixels)
        # what is written has the nearest colours
        status = tui.screen_stack[1].query_one("#status").render_line(0)
        assert {segment.style.color for segment in status if segment.style} & {
            Color.parse(roles(tui).dim).rich_color,
            Color.parse(roles(tui).text).rich_color,
        }
