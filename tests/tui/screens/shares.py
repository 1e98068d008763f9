"""Shares of the screen that are image, panel and empty, as it is drawn; and what of it is cut or hidden.

`python -m tests.tui.screens.shares FOLDER [light]` writes a table of models by sizes, and a picture (SVG) of each.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.color import Color
from textual.pilot import Pilot
from textual.strip import Strip

from tests.docs.blocks import markdown_table
from tests.tui import families
from tests.tui.fake import FakeWorker, app
from vlmtui.reading import Reading
from vlmtui.tui.panels.patch import PatchFacts
from vlmtui.tui.screens.explorer import Explorer
from vlmtui.tui.terminal.theme import LIGHT_NAME, roles
from vlmtui.tui.widgets.image_view import ImageView
from vlmtui.tui.widgets.lines import Lines

SIZES = [(80, 24), (100, 30), (120, 40), (140, 30), (160, 24), (200, 60), (240, 64)]
HEAD = "model", "terminal", "image", "panels", "empty", "cut or hidden"
BLANK = 8
"""Blank cells in a row that count as empty."""
MOST_EMPTY = 1 / 6
PLENTY = 60
"""Rows in which any panel says all."""
PHOTO = Path(__file__).parents[3] / "sample_images" / "china.jpg"
ANSWER = "a gray tree, a gray mountain and a brown house on white snow under a white sky. It is cold"
MODELS: dict[str, Callable[[], Reading]] = {
    "demo 14×14": lambda: families.build([families.whole((14, 14))], layers=6),
    "LLaVA-1.5 24×24": lambda: families.build([families.whole((24, 24))], layers=24),
    "Qwen2.5-VL 27×36": lambda: families.build([families.whole((54, 72))], merge=2, layers=32),
    "Qwen2.5-VL 48×64": lambda: families.build([families.whole((96, 128))], merge=2, layers=32),
    "Gemma 3 16×16": lambda: families.build([families.whole((64, 64))], merge=4, layers=27),
    "LLaVA-NeXT five tiles": families.llava_next,
    "BLIP-2 queries": families.blip2,
    "DINOv2 37×37": families.dinov2,
}


@dataclass(frozen=True)
class Shares:
    """Shares of the screen's cells; `cut` names what is not seen whole."""

    image: float
    panels: float
    empty: float
    cut: tuple[str, ...]

    @property
    def fair(self) -> bool:
        """Whether no more is empty than may be."""
        return self.empty <= MOST_EMPTY or not self.cut


def measured(pilot: Pilot[int]) -> Shares:
    """The shares of what is drawn now."""
    tui = pilot.app
    screen = next(each for each in tui.screen_stack if isinstance(each, Explorer))
    cells = tui.size.width * tui.size.height
    strips = screen._compositor.render_strips()
    grounds = {Color.parse(roles(tui).ground), Color.parse(roles(tui).raised)}  # type: ignore[arg-type]
    empty = sum(run for strip in strips for run in blank_runs(strip, grounds) if run >= BLANK)
    view = screen.query_one(ImageView)
    panels = [screen.query_one(f"#{name}").size for name in screen.state.panels.seen]
    return Shares(
        view.size.area / cells, sum(size.area for size in panels) / cells, empty / cells, tuple(cut(screen, strips))
    )


def blank_runs(strip: Strip, grounds: set[Color]) -> Iterator[int]:
    """The lengths of the runs of blank cells of a line, on one of the grounds."""
    run = 0
    for segment in strip:
        ground = segment.style.bgcolor if segment.style else None
        for character in segment.text:
            if character == " " and (ground is None or ground in grounds):
                run += 1
            else:
                yield run
                run = 0
    yield run


def cut(screen: Explorer, strips: list[Strip]) -> Iterator[str]:
    """Panels that are hidden or that have more to say, text that ends early, an image of which not all is in view."""
    results, selection = screen.state.results, screen.state.selection
    seen = screen.state.panels.seen
    for panel in screen.panels:
        if panel.applies(results, selection) and panel.name not in screen.state.panels.folded:
            if panel.name not in seen:
                yield f"{panel.name} hidden"
            elif panel.name == "answer":
                size = screen.query_one("#answer").size
                # the blank line above what the numbers are may go
                if size.height < panel.rows(results, selection, size.width) - 1:
                    yield "answer short"
            elif panel.name == "numbers":
                # a lower map has all patches, several to a colour
                size = screen.query_one("#numbers").size
                if size.height < panel.rows(results, selection, size.width) - panel.gives(
                    results, selection, size.width
                ):
                    yield "numbers short"
            elif panel.name != "norms" and not ranks_norms(screen, panel.name) and shortened(screen, panel.name):
                # a chart shows as much in fewer rows, and the largest norms of a stage are as many as have room
                yield f"{panel.name} short"
    body = strips[2:-2]
    if any("…" in strip.text for strip in body) and not screen.query_one("#list").display:
        yield "text"
    layout = screen.query_one(ImageView)._layout
    if layout is not None and layout.window is not None:
        yield "image"


def ranks_norms(screen: Explorer, name: str) -> bool:
    """Whether a panel has the largest norms of a stage in the place of words."""
    reading, stage = screen.state.results.reading, screen.state.selection.stage
    return name == "words" and reading is not None and (bool(reading.model.wordless) or stage.startswith("vision"))


def shortened(screen: Explorer, name: str) -> bool:
    """Whether a panel has more to say than there are lines."""
    panel = screen.query_one(f"#{name}")
    said = panel if isinstance(panel, Lines) else panel.query_one(PatchFacts)
    # facts stand side by side where there are few lines for them
    rows = PLENTY if isinstance(panel, Lines) else said.size.height
    whole = said.build(said.size.width, rows)
    while whole and not whole[-1].text.strip():
        whole.pop()
    return len(whole) > said.size.height


def answers(made: Reading) -> bool:
    """Whether a model has the layers to answer with."""
    return made.model.llm_layers > 0


async def shares_at(made: Reading, sizes: Sequence[tuple[int, int]], *, answered: bool = False) -> list[Shares]:
    """The shares of a model's first screen, or of an answer's, in a terminal that is given one size after the other."""
    photo = Image.open(PHOTO).convert("RGB").resize((made.image.width, made.image.height))
    found = []
    tui = app(made=made, photo=photo)
    async with tui.run_test(size=sizes[0]) as pilot:
        await pilot.pause()
        if answered:
            await ask(pilot)
        for size in sizes:
            await pilot.resize_terminal(*size)
            found.append(await settled(pilot))
    return found


async def settled(pilot: Pilot[int]) -> Shares:
    """The shares once they stay: results come, and the screen is laid out for them."""
    before: Shares | None = None
    for _ in range(20):
        await pilot.pause(0.05)
        now = measured(pilot)
        if now == before:
            return now
        before = now
    raise AssertionError("the screen does not come to rest")


async def ask(pilot: Pilot[int]) -> None:
    """Ask for the answer that fills a panel."""
    worker = pilot.app._worker  # type: ignore[attr-defined]
    assert isinstance(worker, FakeWorker)
    worker.said = ANSWER
    await pilot.press("a", "enter")


def table_row(model: str, size: tuple[int, int], shares: Shares) -> tuple[str, ...]:
    """A row of the table in the documentation."""
    numbers = (f"{share:.0%}" for share in (shares.image, shares.panels, shares.empty))
    return model, "×".join(map(str, size)), *numbers, ", ".join(shares.cut)


async def shares_of(
    made: Reading, size: tuple[int, int], *, answered: bool = False, light: bool = False, picture: Path | None = None
) -> Shares:
    """The shares of a model's first screen, or of an answer's; drawn into `picture`."""
    photo = Image.open(PHOTO).convert("RGB").resize((made.image.width, made.image.height))
    tui = app(made=made, photo=photo)
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        if light:
            tui.theme = LIGHT_NAME
        if answered:
            await ask(pilot)
        await pilot.pause()
        await pilot.pause()
        if picture is not None:
            picture.write_text(tui.export_screenshot(), "utf-8")
        return measured(pilot)


async def main(folder: Path, light: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, make in MODELS.items():
        for answered in (False, True) if answers(make()) else (False,):
            for columns, lines in SIZES:
                label = f"{name}{', answer' if answered else ''}"
                drawn = folder / f"{label.replace(' ', '-').replace(',', '')}-{columns}x{lines}.svg"
                one = await shares_of(make(), (columns, lines), answered=answered, light=light, picture=drawn)
                rows.append((*table_row(label, (columns, lines), one), "" if one.fair else "too much is empty"))
    print(markdown_table((*HEAD, ""), rows))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:] == ["light"]))
