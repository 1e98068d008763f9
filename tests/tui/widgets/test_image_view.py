"""Strips of the image: what is painted has the size that was asked for last."""

from __future__ import annotations

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.strip import Strip

from vlmtui.tui.widgets.image_view import ImageStrip, ImageView


class Alone(App[None]):
    def compose(self) -> ComposeResult:
        yield ImageView()


def rows(letter: str, cells: int, count: int) -> list[Strip]:
    return [Strip([Segment(letter * cells)])] * count


async def test_a_strip_that_is_filled_twice_before_it_is_laid_out_has_the_second_size() -> None:
    app = Alone()
    async with app.run_test(size=(20, 10)) as pilot:
        strip = app.query(ImageStrip).first()
        strip.fill(0, 4, rows("a", 4, 3))
        await pilot.pause()
        assert strip.size == (4, 3)
        strip.fill(0, 8, rows("b", 8, 5))
        strip.fill(0, 4, rows("c", 4, 3))
        await pilot.pause()
        assert strip.size == (4, 3)
        assert strip._rows == rows("c", 4, 3)
