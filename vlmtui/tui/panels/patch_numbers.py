"""Numbers panel: how the patch under the cursor becomes the vector that enters the tower's first block, in pictures.

From one pixel (in decimal, hexadecimal and binary, before and after normalising) over the flattened vector and its
linear projection to the sum with the position embedding, each a bar of colour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from vlmtui.display.colours import Rgb, difference_colours, hex_colour, ink, magnitude_colours
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.display.numbers import format_number
from vlmtui.display.pieces import width
from vlmtui.results.patch_embedding import PatchEmbeddingResult
from vlmtui.tui import needs
from vlmtui.tui.panels.channels import CHANNELS, channels
from vlmtui.tui.panels.panel import Panel, fixed
from vlmtui.tui.state.patch_facts import patch_embedding, pixel_under
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import PIXELS
from vlmtui.tui.widgets.blocks import half_block
from vlmtui.tui.widgets.lines import Lines, Part, fitting, line, wrapped

WINDOW = 24, 20
"""At most so many pixels of a patch are drawn (across, down), around the one under the pixel cursor."""
STEPS = 8
"""Shades on either side of zero: enough for the eye, and long runs of one colour are little to send."""
FLAT_ROWS, VECTOR_ROWS, MAP_ROWS = 2, 1, 12
PIXEL_LINES = 8
LABEL_CELLS = 8
NUMBER_LINE = 28
"""Cells of a channel in decimal, binary and normalised."""
LEAST_NUMBER = 19
"""Without binary."""
ENTER = "Enter: pixel by pixel"


class NumbersPanel(Lines):
    """The patch as pixels, as a flattened vector, and as what enters the first block."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """As much of it as there is room for, from the pixels on."""
        r, results, selection = self.roles, self._results, self._selection
        dim, text = r.style("dim"), r.style()
        page = results.page(selection) if results else None
        seen = patch_embedding(results, selection) if results else None
        heading = self.heading("NUMBERS")
        enter = ENTER if seen and selection.pixel is None else ""
        window = _in_view(seen, selection, cells) if seen and seen.values is not None else ""
        room = cells - sum(width(part) for part, _ in heading) - 1
        right = fitting(room, " · ".join(part for part in (window, enter) if part), window or enter, enter)
        lines = [line(cells, text, heading, [(right, r.style("accent"))])]
        if results is None or page is None or seen is None or seen.values is None:
            waiting = "the model has not read the image yet" if page is None else ""
            lines += [line(cells, text, [(part, dim)]) for part in wrapped(waiting, cells)]
            return lines if results is None else [*lines, *channels(r, results, selection, cells, rows - 1)]
        lines += self._pixels(seen, seen.values, cells)
        lines += self._vectors(seen, cells)
        if seen.position_cosines is not None and rows - len(lines) > 2:
            low, high = (format_number(float(end), 2) for end in np.nanquantile(seen.position_cosines, (0, 1)))
            span = f"{low} to {high}"
            whole = f"position embeddings by cosine with this one: {span}"
            said = fitting(cells, whole, f"positions by cosine: {span}", f"cosines {span}")
            lines.append(line(cells, text, [(said, dim)]))
            lines += _map(page, seen.position_cosines, cells, rows - len(lines), r.style())
        return lines

    def _pixels(self, seen: PatchEmbeddingResult, values: NDArray[np.float32], cells: int) -> list[Strip]:
        """The patch pixel by pixel, and beside it the numbers of one pixel and the row that it is in."""
        r = self.roles
        dim, text = r.style("dim"), r.style()
        tall, wide, _ = seen.pixels.shape
        row, col = pixel_under(self._selection, (tall, wide))
        levels = np.clip(np.rint(seen.pixels), 0, 255).astype(np.uint8)
        columns, lines_seen = _window((tall, wide), (row, col), cells)
        (left, across), (top, down) = (columns.start, len(columns)), (lines_seen.start, len(lines_seen))
        drawn = levels[top : top + down, left : left + across].copy()
        if self._selection.pixel is not None:
            drawn[row - top, col - left] = _accent(r.accent, levels[row, col])
        beside_cells = max(1, cells - across - 2)
        colour = levels[row, col]
        said = f"row {row}, column {col}"
        facts: list[list[Part]] = [
            [
                ("  ", Style(bgcolor=Color.from_rgb(*colour.tolist()))),
                (fitting(beside_cells - 2, f" {hex_colour(colour)}  {said}", f" {said}"), text),
            ]
        ]
        for name, level, value in zip(CHANNELS, colour.tolist(), values[row, col].tolist(), strict=True):
            written = fitting(beside_cells - LEAST_NUMBER, f" {level:08b}", "")
            number: list[Part] = [(f"{level:3d}", r.style("strong")), (written, dim)]
            facts.append([(name.ljust(LABEL_CELLS), dim), *number, (f"→{format_number(value, 3):>7}", text)])
        shown = slice(left, left + across)
        strips = [("levels", levels[row, shown]), *_normalised(values[row, shown])]
        facts += [[(name.ljust(LABEL_CELLS), dim), *_cells(colours)] for name, colours in strips]
        lines = []
        for y in range(max(PIXEL_LINES, -(-down // 2))):
            picture = _row(drawn, y, r.ground) if 2 * y < down else [Segment(" " * across, text)]
            beside = line(beside_cells, text, facts[y] if y < len(facts) else [])
            lines.append(Strip.join([Strip(picture, across), Strip([Segment("  ", text)], 2), beside]).simplify())
        return lines

    def _vectors(self, seen: PatchEmbeddingResult, cells: int) -> list[Strip]:
        """The flattened vector, its projection, the position embedding, and their sum."""
        lines: list[Strip] = []
        if seen.flat is not None:
            twice = f", {seen.frames} frames alike" if seen.frames > 1 else ""
            lines += self._bar(f"flattened: {len(seen.flat):,} values{twice}", seen.flat, cells, FLAT_ROWS)
        if seen.projection is None:
            return lines + self._said(seen.note, cells)
        size = f"{len(seen.projection):,} values"
        lines += self._bar(f"× weights + bias: projection, {size}", seen.projection, cells, VECTOR_ROWS)
        if seen.position_embedding is None:
            return lines + self._said(seen.note or "no position embedding is added", cells)
        lines += self._bar("+ position embedding", seen.position_embedding, cells, VECTOR_ROWS)
        name = "= their sum, which a norm layer makes vision.0" if seen.normed else "= vision.0, the first hidden state"
        return lines + self._bar(name, seen.projection + seen.position_embedding, cells, VECTOR_ROWS)

    def _bar(self, name: str, vector: NDArray[np.float32], cells: int, rows: int) -> list[Strip]:
        """A vector as colours on a line of its own, with its name and L2 norm above it."""
        r = self.roles
        norm = f"norm {format_number(float(np.linalg.norm(vector.astype(np.float64))))}"
        width = min(cells, -(-len(vector) // (2 * rows)))
        each = -(-len(vector) // (2 * rows * width))
        names = (
            f"{name}, means of {each}" if each > 1 else name,
            name,
            name.partition(", ")[0],
            name.partition(":")[0],
            " ".join(name.split()[:2]),
        )
        named = fitting(cells - len(norm) - 1, *names)
        title = line(cells, r.style(), [(named, r.style("dim"))], [(norm, r.style("dim"))])
        means = np.array([vector[at : at + each].mean() for at in range(0, len(vector), each)])
        colours = np.tile(np.array(_rgb(r.ground), np.uint8), (2 * rows * width, 1))
        colours[: len(means)] = shades(means)
        pixels = colours.reshape(2 * rows, width, 3)
        return [title, *(_padded(_row(pixels, y, r.ground), width, cells, r.style()) for y in range(rows))]

    def _said(self, sentence: str, cells: int) -> list[Strip]:
        dim = self.roles.style("dim")
        return [line(cells, self.roles.style(), [(part, dim)]) for part in wrapped(sentence, cells)]


def shades(values: NDArray[np.float32]) -> Rgb:
    """Values as colours, uint8 [..., 3]: blue below 0, red above, in a few steps of the largest."""
    reach = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    return difference_colours(np.round(values / reach * STEPS) / STEPS, 1.0)


def _normalised(values: NDArray[np.float32]) -> list[tuple[str, Rgb]]:
    colours = shades(values)
    return [(f"→ {name}", colours[:, channel]) for channel, name in enumerate(CHANNELS)]


def _cells(colours: Rgb) -> list[Part]:
    """A cell a colour."""
    return [(" ", Style(bgcolor=Color.from_rgb(*colour))) for colour in colours.tolist()]


def _row(pixels: Rgb, y: int, ground: str) -> list[Segment]:
    """Line `y` of pixels [height, width, 3] in half-blocks; `ground` lies below an odd last one."""
    pair = pixels[2 * y : 2 * y + 2]
    below = pair[1] if len(pair) > 1 else np.tile(np.array(_rgb(ground), np.uint8), (pair.shape[1], 1))
    return [half_block(tuple(a), tuple(b)) for a, b in zip(pair[0].tolist(), below.tolist(), strict=True)]


def _padded(segments: list[Segment], width: int, cells: int, fill: Style) -> Strip:
    return Strip([*segments, Segment(" " * (cells - width), fill)], cells).simplify()


def _map(page: EntryGrid, cosines: NDArray[np.float32], cells: int, rows: int, fill: Style) -> list[Strip]:
    """One value a patch where the patches lie, half a cell each; several patches share one where they are too many."""
    values = page.spread(cosines)
    step = max(-(-values.shape[1] // cells), -(-values.shape[0] // (2 * min(rows, MAP_ROWS))))
    values = values[::step, ::step]
    reach = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    colours = magnitude_colours(np.round(values / reach * STEPS) / STEPS, -1.0, 1.0)
    ground = fill.bgcolor.get_truecolor().hex if fill.bgcolor else "#000000"
    width = values.shape[1]
    return [_padded(_row(colours, y, ground), width, cells, fill) for y in range(-(-len(values) // 2))]


def _accent(accent: str, under: NDArray[np.uint8]) -> tuple[int, int, int]:
    """The accent colour, or black or white where it would hardly differ from the pixel."""
    colour = _rgb(accent)
    near = int(np.abs(np.array(colour, int) - under.astype(int)).sum()) < 150
    return ink(tuple(int(v) for v in under)) if near else colour


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = Color.parse(colour).get_truecolor()
    return red, green, blue


def _window(size: tuple[int, int], at: tuple[int, int], cells: int) -> tuple[range, range]:
    """The columns and rows of a patch of pixels (tall, wide) that are drawn, those around the one under the cursor."""
    (tall, wide), (row, col) = size, at
    spans = (col, min(wide, WINDOW[0], max(4, cells - NUMBER_LINE - 2)), wide), (row, min(tall, WINDOW[1]), tall)
    columns, rows = (min(max(0, at - span // 2), size - span) for at, span, size in spans)
    return range(columns, columns + spans[0][1]), range(rows, rows + spans[1][1])


def _in_view(seen: PatchEmbeddingResult, selection: Selection, cells: int) -> str:
    """`16×16 px`; `columns 3–12 of 16` where there is no room for all of them."""
    tall, wide, _ = seen.pixels.shape
    columns, _rows = _window((tall, wide), pixel_under(selection, (tall, wide)), cells)
    return f"columns {columns[0]}–{columns[-1]} of {wide}" if len(columns) < wide else f"{wide}×{tall} px"


def _rows_wanted(results: Results, selection: Selection, cells: int) -> int:
    tall = results.reading.patch_size[0] if results.reading else 0
    page = results.page(selection)
    below = min(MAP_ROWS, -(-page.rows // 2)) + 1 if page else 0
    return 1 + max(PIXEL_LINES, -(-min(tall, WINDOW[1]) // 2)) + 1 + FLAT_ROWS + 3 * (1 + VECTOR_ROWS) + below


PANEL = Panel(
    "numbers",
    "Numbers",
    NumbersPanel,
    _rows_wanted,
    applies=lambda results, selection: selection.stage == PIXELS,
    needs=(needs.patch,),
    least=fixed(10),
    main=True,
)
