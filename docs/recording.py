"""Pictures of the explorer: `python -m docs.recording` makes `docs/explorer.gif` and the picture of the README again;
with `--picture` the picture alone.

Keys are pressed in the explorer without a terminal, with the demo model, for the picture with 24 × 24 patches. The
screen after each is exported as SVG and drawn by Chromium, and Pillow joins the frames. Needs `chromium` on the PATH
and the packages that the tests need.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

os.environ |= {"TEXTUAL_COLOR_SYSTEM": "truecolor", "COLORTERM": "truecolor"}  # read as Textual is imported

from textual.pilot import Pilot

from tests.enlarged_demo import enlarge
from vlmtui.images.decoding import decode
from vlmtui.images.image_file import read_source
from vlmtui.query.options import LoadOptions, Query
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.screens.explorer import Explorer
from vlmtui.tui.session_worker import SessionWorker

DOCS = Path(__file__).resolve().parent
IMAGE = DOCS.parent / "sample_images" / "china.jpg"
RECORDING = DOCS / "explorer.gif"
PICTURE = DOCS / "explorer.png"
COLUMNS, ROWS = 120, 36
WIDTH = 1000
"""Of the recording, in pixels."""
SCALE = 1.5
"""Pixels of a screenshot for one of the SVG."""
COLOURS = 128
STEPS: tuple[tuple[tuple[str, ...], float], ...] = (
    ((), 2.0),
    (("down", "down", "right", "right"), 1.0),
    (("o", "o"), 2.0),
    (("z", "z"), 2.5),
    (("Z", "Z", "o"), 2.5),
    (("g", *"3,4", "enter"), 2.5),
    (("n",), 1.0),
    (("slash", *"sky", "enter"), 2.5),
    (("n",), 1.0),
    (("o",) * 2, 1.5),
    (("left_square_bracket",), 1.0),
    (("left_square_bracket",), 1.0),
    (("left_square_bracket",), 1.0),
    (("right_square_bracket",) * 5, 2.0),
    (("a", *"What color is the sky?", "enter"), 3.0),
    (("full_stop",), 2.0),
)
"""Keys, and for how many seconds the screen after them is shown."""
PICTURED: tuple[tuple[tuple[str, ...], float], ...] = ((("o", "o", "o", "m"), 1.0), (("g", *"8,8", "enter"), 1.0))
"""Keys to the README's picture."""
LARGER = "demo-24x24"
NAMES = {" ": "space", "?": "question_mark", ",": "comma"}


async def settled(pilot: Pilot[int]) -> str:
    """The screen as SVG, once it has not changed for two seconds."""
    before, quiet = "", 0
    while quiet < 5:
        await pilot.pause(0.4)
        now = pilot.app.export_screenshot(title="vlmtui")
        quiet = quiet + 1 if now == before else 0
        before = now
    return before


async def screens(model: str, steps: Sequence[tuple[Sequence[str], float]]) -> list[tuple[str, float]]:
    """The screen after each step as SVG, with its seconds."""
    query = Query(LoadOptions(model, device="cpu"))
    query = replace(query, load=replace(query.load, where=replace(query.load.where, warm=False)))
    options = ExplorerOptions(image=replace(read_source(str(IMAGE)), source=IMAGE.name), query=query)
    picture = Image.fromarray(decode(options.image.data, options.image.source, query.read.max_pixels).rgb)
    worker = SessionWorker(options)
    worker.start(may_ask=False)
    found = []
    try:
        app = VlmtuiApp(worker, picture)
        async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
            while not (isinstance(app.screen, Explorer) and app.screen.state.results.reading):
                await pilot.pause(0.5)
            for keys, seconds in steps:
                await pilot.press(*(NAMES.get(key, key) for key in keys))
                found.append((await settled(pilot), seconds))
                print(f"{len(found)} of {len(steps)}: {' '.join(keys)}", file=sys.stderr)
    finally:
        worker.close()
    return found


def drawn(screen: str, folder: Path) -> Image.Image:
    """A screen drawn by Chromium."""
    left, right = screen.index('viewBox="') + 9, screen.index('"', screen.index('viewBox="') + 9)
    _, _, width, height = map(float, screen[left:right].split())
    page, shot = folder / "screen.html", folder / "screen.png"
    page.write_text(f"<!doctype html><meta charset=utf-8><style>body {{ margin: 0 }}</style>{screen}", encoding="utf-8")
    size = f"--window-size={round(width)},{round(height)}"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size]
    factor = f"--force-device-scale-factor={SCALE}"
    subprocess.run([*command, factor, f"--screenshot={shot}", page.as_uri()], check=True, capture_output=True)
    with Image.open(shot) as image:
        return image.convert("RGB").resize((WIDTH, round(WIDTH * height / width)), Image.Resampling.LANCZOS)


def frames(found: list[tuple[str, float]]) -> Iterator[Image.Image]:
    """The screens, in colours that they share."""
    with tempfile.TemporaryDirectory() as folder:
        images = [drawn(screen, Path(folder)) for screen, _ in found]
    height = images[0].height
    sheet = Image.new("RGB", (WIDTH, len(images) * height))
    for i, image in enumerate(images):
        sheet.paste(image, (0, i * height))
    palette = sheet.quantize(COLOURS, Image.Quantize.MEDIANCUT)
    for image in images:
        yield image.quantize(palette=palette, dither=Image.Dither.NONE)


def main() -> None:
    """Make the picture, and the recording."""
    if not shutil.which("chromium"):
        sys.exit("chromium is not on the PATH: install it, or leave the recording as it is")
    with tempfile.TemporaryDirectory() as folder:
        enlarge(Path(folder, LARGER))
        # by its name alone it is in the title
        with contextlib.chdir(folder):
            found = asyncio.run(screens(f"./{LARGER}", PICTURED))
        picture = drawn(found[-1][0], Path(folder))
    picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    if "--picture" in sys.argv[1:]:
        return
    found = asyncio.run(screens("demo", STEPS))
    first, *others = frames(found)
    durations = [round(1000 * seconds) for _, seconds in found]
    first.save(RECORDING, save_all=True, append_images=others, duration=durations, loop=0, optimize=True)
    print(f"{RECORDING}: {RECORDING.stat().st_size / 1e6:.2f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
