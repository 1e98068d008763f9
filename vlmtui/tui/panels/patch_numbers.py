"""Numbers panel: how the patch under the cursor becomes the vector that enters the tower's first block, in pictures.

From one pixel (in decimal, hexadecimal and binary, before and after normalising) over the flattened vector and its
linear projection to the sum with the position embedding, each a bar of colour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
from vlmtui.tui.panels.number_places import GAP, POSITIONS, VECTORS, PartSizes, Places, possible_places
from vlmtui.tui.panels.number_places import PIXELS as PIXELS_PART
from vlmtui.tui.panels.panel import Panel, fixed
from vlmtui.tui.state.patch_facts import any_patch, patch_embedding, pixel_under
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import PIXELS
from vlmtui.tui.widgets.blocks import half_block
from vlmtui.tui.widgets.lines import Lines, Part, fitting, line, side_by_side, wrapped

WINDOW = 24, 20
"""At most so many pixels of a patch are drawn (across, down), around the one under the pixel cursor."""
STEPS = 8
"""Shades on either side of zero: enough for the eye, and long runs of one colour are little to send."""
FLAT_ROWS, VECTOR_ROWS = 2, 1
VECTOR_LINES = 1 + FLAT_ROWS + 3 * (1 + VECTOR_ROWS)
MAP_ROWS = 12
PIXEL_LINES = 8
LABEL_CELLS = 8
NUMBER_LINE = 28
"""Cells of a channel in decimal, binary and normalised."""
LEAST_NUMBER = 19
"""Without binary."""
LEAST_MAP = 14, 7
"""Cells and rows of a small map."""
LEAST_POSITIONS = 5
"""Rows in which some of it is drawn, with what is said above it."""
ENTER = "Enter: pixel by pixel"
PartOf = Callable[[int, int], list[Strip]]
"""The lines of a part in so many cells, in at most so many rows."""


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
        values, cosines = seen.values, seen.position_cosines
        parts: dict[str, PartOf] = {
            PIXELS_PART: lambda cells, rows: self._pixels(seen, values, cells),
            VECTORS: lambda cells, rows: self._vectors(seen, cells, rows),
            POSITIONS: lambda cells, rows: self._positions(page, cosines, cells, rows),
        }
        found = _Room(page, seen.pixels.shape[:2], cosines is not None).places(cells, rows - len(lines))
        lines += _stacked(parts, found.above, cells, rows - len(lines))
        left = rows - len(lines)
        columns = [(across, _stacked(parts, names, across, left)) for across, names in found.columns]
        return lines + side_by_side(columns, GAP, text)

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
        fits = min(wide, max(across, beside_cells - LABEL_CELLS))
        start = min(max(0, col - fits // 2), wide - fits)
        shown = slice(start, start + fits)
        strips = [("levels", levels[row, shown]), *_normalised(values[row, shown])]
        facts += [[(name.ljust(LABEL_CELLS), dim), *_cells(colours)] for name, colours in strips]
        lines = []
        for y in range(max(PIXEL_LINES, -(-down // 2))):
            picture = _row(drawn, y, r.ground) if 2 * y < down else [Segment(" " * across, text)]
            beside = line(beside_cells, text, facts[y] if y < len(facts) else [])
            lines.append(Strip.join([Strip(picture, across), Strip([Segment("  ", text)], 2), beside]).simplify())
        return lines

    def _vectors(self, seen: PatchEmbeddingResult, cells: int, rows: int) -> list[Strip]:
        """The flattened vector, its projection, the position embedding, and their sum.

        The flattened one has the rows that are left and too few for a map.
        """
        lines: list[Strip] = []
        spare = rows - VECTOR_LINES
        flat_rows = FLAT_ROWS + (spare if 0 < spare < LEAST_POSITIONS else 0)
        if seen.flat is not None:
            twice = f", {seen.frames} frames alike" if seen.frames > 1 else ""
            lines += self._bar(f"flattened: {len(seen.flat):,} values{twice}", seen.flat, cells, flat_rows)
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
        norm = format_number(float(np.linalg.norm(vector.astype(np.float64))))
        width = min(cells, -(-len(vector) // (2 * rows)))
        each = -(-len(vector) // (2 * rows * width))
        names = (
            f"{name}, means of {each}" if each > 1 else name,
            name,
            name.partition(", ")[0],
            name.partition(":")[0],
            " ".join(name.split()[:2]),
        )
        norm = fitting(cells - len(names[-1]) - 1, f"norm {norm}", norm)
        named = fitting(cells - len(norm) - 1, *names)
        title = line(cells, r.style(), [(named, r.style("dim"))], [(norm, r.style("dim"))])
        means = np.array([vector[at : at + each].mean() for at in range(0, len(vector), each)])
        colours = np.tile(np.array(_rgb(r.ground), np.uint8), (2 * rows * width, 1))
        colours[: len(means)] = shades(means)
        pixels = colours.reshape(2 * rows, width, 3)
        return [title, *(_padded(_row(pixels, y, r.ground), width, cells, r.style()) for y in range(rows))]

    def _positions(self, page: EntryGrid, cosines: NDArray[np.float32] | None, cells: int, rows: int) -> list[Strip]:
        """How like this patch's position embedding each patch's is, where the patches lie."""
        if cosines is None or rows < LEAST_POSITIONS:
            return []
        dim, fill = self.roles.style("dim"), self.roles.style()
        low, high = (format_number(float(end), 2) for end in np.nanquantile(cosines, (0, 1)))
        span = f"{low} to {high}"
        whole, short = f"position embeddings by cosine with this one: {span}", f"positions by cosine: {span}"
        one = fitting(cells, whole, short)
        said = [one] if width(one) <= cells else [fitting(cells, "position cosines", "cosines"), span]
        above = [line(cells, fill, [(part, dim)]) for part in said]
        return [*above, *_map(page, cosines, cells, rows - len(above), fill)]

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
    step = _step(page, cells, rows)
    values = page.spread(cosines)[::step, ::step]
    reach = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    colours = magnitude_colours(np.round(values / reach * STEPS) / STEPS, -1.0, 1.0)
    ground = fill.bgcolor.get_truecolor().hex if fill.bgcolor else "#000000"
    width = values.shape[1]
    return [_padded(_row(colours, y, ground), width, cells, fill) for y in range(-(-len(values) // 2))]


def _step(page: EntryGrid, cells: int, rows: int) -> int:
    """One patch of so many, across and down, is drawn on the map."""
    return max(-(-page.cols // cells), -(-page.rows // (2 * min(rows, MAP_ROWS))))


def _stacked(parts: dict[str, PartOf], names: tuple[str, ...], cells: int, rows: int) -> list[Strip]:
    lines: list[Strip] = []
    for name in names:
        lines += parts[name](cells, rows - len(lines))
    return lines


@dataclass(frozen=True)
class _Room:
    """What the parts need, for a patch of so many `pixels` (tall, wide); `mapped`: there is a map of positions."""

    page: EntryGrid
    pixels: tuple[int, int]
    mapped: bool = True

    def places(self, cells: int, rows: int) -> Places:
        """The simplest places of the parts in which all have their rows."""
        found = [*self.roomy(cells), *self.dense(cells)]
        return next((one for one in found if one.rows <= rows), min(found, key=lambda one: one.rows))

    def roomy(self, cells: int) -> Iterator[Places]:
        """Places with a map as large as it gets."""
        step = _step(self.page, WINDOW[0], MAP_ROWS)
        return self._possible(cells, max(LEAST_MAP[0], self.page.cols // step), step)

    def dense(self, cells: int) -> Iterator[Places]:
        """Places with a small map, on which more patches share a colour."""
        return self._possible(cells, LEAST_MAP[0], _step(self.page, *LEAST_MAP))

    def _possible(self, cells: int, map_cells: int, step: int) -> Iterator[Places]:
        heights = {
            PIXELS_PART: max(PIXEL_LINES, -(-min(self.pixels[0], WINDOW[1]) // 2)),
            VECTORS: VECTOR_LINES,
            # two lines say what it is
            POSITIONS: 2 + _map_rows(self.page, step) if self.mapped else 0,
        }
        across = min(self.pixels[1], WINDOW[0]) + 2 + NUMBER_LINE
        return possible_places(cells, PartSizes(across, map_cells if self.mapped else 0, heights))


def _map_rows(page: EntryGrid, step: int) -> int:
    return -(-page.rows // (2 * step))


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


def _room(results: Results, selection: Selection) -> _Room | None:
    page, seen = results.page(selection), any_patch(results)
    side = results.reading.patch_size if results.reading else (0, 0)
    return None if page is None else _Room(page, side, seen is None or seen.position_cosines is not None)


def _rows_wanted(results: Results, selection: Selection, cells: int) -> int:
    room = _room(results, selection)
    return 1 + (min(one.rows for one in room.roomy(cells)) if room else PIXEL_LINES)


def _rows_given(results: Results, selection: Selection, cells: int) -> int:
    """The rows less that a small map takes."""
    room = _room(results, selection)
    return (
        max(0, _rows_wanted(results, selection, cells) - 1 - min(one.rows for one in room.dense(cells))) if room else 0
    )


PANEL = Panel(
    "numbers",
    "Numbers",
    NumbersPanel,
    _rows_wanted,
    applies=lambda results, selection: selection.stage == PIXELS,
    needs=(needs.patch,),
    least=fixed(10),
    main=True,
    gives=_rows_given,
)
