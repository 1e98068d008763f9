"""Contact sheets of the explorer: one picture a model, its first screen and its segments in terminals of seven sizes.

`python -m tests.tui.screens.contact_sheets FOLDER [dark|light]` writes them, to be looked at, with
`TEXTUAL_COLOR_SYSTEM=256` in as many colours. Screens are drawn cell by cell, in DejaVu Sans Mono.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.strip import Strip

from tests.tui import families
from tests.tui.fake import app
from tests.tui.overlays.test_segments import RECORDED
from tests.tui.screens.shares import MODELS, PHOTO, SIZES
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.screens.explorer import Explorer
from vlmtui.tui.terminal.theme import LIGHT_NAME, roles

CELL = 6, 12
"""Pixels of a cell across and down."""
MARGIN = 12
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
OVERLAYS = "none", "segments"


def recorded(name: str) -> VlmtuiApp:
    """The explorer on words of LLaVA-1.6-7B that were recorded."""
    image = RECORDED["images"][name]
    lists = [[RECORDED["words"][i] for i in listed] for listed in image["tokens"]]
    made = families.build([families.whole((image["rows"], image["cols"]))], layers=24)
    photo = Image.open(PHOTO).convert("RGB").resize((made.image.width, made.image.height))
    return app(made=made, photo=photo, lists=lists)


def made_up(model: str) -> VlmtuiApp:
    """The explorer on a made-up reading of a model's shape."""
    made = MODELS[model]()
    photo = Image.open(PHOTO).convert("RGB").resize((made.image.width, made.image.height))
    return app(made=made, photo=photo)


APPS: dict[str, Callable[[], VlmtuiApp]] = {
    **{model: lambda model=model: made_up(model) for model in MODELS},  # type: ignore[misc]
    **{f"recorded {name}": lambda name=name: recorded(name) for name in RECORDED["images"]},  # type: ignore[misc]
}


def drawn(strips: list[Strip], ground: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """A screen as a picture."""
    wide, tall = CELL
    picture = Image.new("RGB", (wide * max(strip.cell_length for strip in strips), tall * len(strips)), ground)
    draw = ImageDraw.Draw(picture)
    for row, strip in enumerate(strips):
        column, top = 0, tall * row
        for segment in strip:
            style = segment.style
            fore, back = (
                tuple(colour.get_truecolor()) if colour and not colour.is_default else None
                for colour in ((style.color, style.bgcolor) if style else (None, None))
            )
            for character in segment.text:
                left, cells = wide * column, cell_len(character)
                end = left + wide * max(1, cells)
                if back:
                    draw.rectangle((left, top, end - 1, top + tall - 1), back)
                if character == "▀":
                    draw.rectangle((left, top, end - 1, top + tall // 2 - 1), fore)
                elif character == "▄":
                    draw.rectangle((left, top + tall // 2, end - 1, top + tall - 1), fore)
                elif not character.isspace() and cells:
                    draw.text((left, top - 1), character, fore, font)
                column += cells
    return picture


async def screens(pilot: Pilot[int], font: ImageFont.FreeTypeFont) -> list[Image.Image]:
    """The screens of one app at all sizes, under each overlay."""
    found = []
    explorer = next(each for each in pilot.app.screen_stack if isinstance(each, Explorer))
    for overlay in OVERLAYS:
        explorer.action_choose_overlay(overlay)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            for _ in range(4):
                await pilot.pause(0.05)
            found.append(drawn(explorer._compositor.render_strips(), roles(pilot.app).ground, font))
    return found


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Pictures in rows, each row as wide as the widest picture at most."""
    most = 2 * max(picture.width for picture in pictures) + MARGIN
    places, x, y, tall = [], 0, 0, 0
    for picture in pictures:
        if x and x + picture.width > most:
            x, y, tall = 0, y + tall + MARGIN, 0
        places.append((x, y))
        x, tall = x + picture.width + MARGIN, max(tall, picture.height)
    whole = Image.new("RGB", (most, y + tall), "#808080")
    for picture, place in zip(pictures, places, strict=True):
        whole.paste(picture, place)
    return whole


async def main(folder: Path, light: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    font = ImageFont.truetype(FONT, 10)
    for name, make in APPS.items():
        tui = make()
        async with tui.run_test(size=SIZES[0]) as pilot:
            await pilot.pause()
            if light:
                tui.theme = LIGHT_NAME
            sheet(await screens(pilot, font)).save(folder / f"{name.replace(' ', '-')}.png")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:] == ["light"]))
