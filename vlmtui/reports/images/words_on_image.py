"""Words on the image: the nearest tokens of every patch, written into the patch."""

from __future__ import annotations

import math

import numpy as np

from vlmtui.display.colours import Rgb, brightness
from vlmtui.display.entry_grids import EntryGrid, ReadingGrids
from vlmtui.display.metric_names import metric_name as metric_named
from vlmtui.display.numbers import count
from vlmtui.errors import UsageError
from vlmtui.geometry import Box
from vlmtui.query.drawing_options import LARGEST
from vlmtui.reading import of_patches
from vlmtui.reports.image_report import NONE_KEPT, ImageReport
from vlmtui.reports.images import fonts, layout
from vlmtui.reports.images.content import ReportDrawing
from vlmtui.reports.images.layout import MARGIN
from vlmtui.reports.images.scene import PALE, LineMark, Mark, PhotoMark, RectMark, Scene, TextMark
from vlmtui.reports.select.rows import ReportRows

LONG_SIDE = 1280
NUM_WORDS = 3
CELL = 68
"""Width in pixels that a patch should have for its words, where no size is given."""
LEAST, MOST = 7.0, 26.0
"""Font sizes in pixels: smaller text cannot be read, larger text is not needed."""
_LEADING = 1.22
_ROOM = 2 * LEAST, LEAST * _LEADING
"""Width and height in pixels below which a patch has no words drawn."""
_LIGHT = 95.0
"""Mean brightness (0 to 255) of the photograph under the words."""
_BLACK, _WHITE, _SECOND = (0, 0, 0), (255, 255, 255), (190, 198, 207)
_EDGE = (12, 14, 17)
_TICKS = 22


def words_scene(drawing: ReportDrawing) -> Scene:
    """The darkened photograph with words in each patch."""
    report = drawing.report
    pages = finest(report)
    long_side = report.query.output.drawing.size or _fitting(pages, max(drawing.rgb.shape[:2]))
    photo, scale = layout.resize_photo(drawing.rgb, long_side)
    height, width = photo.shape[:2]
    ticks = _TICKS if len(pages) == 1 else 0
    left, top = MARGIN + ticks, MARGIN + ticks
    words = ReportRows(report).words()
    row_of = {entry: row for row, entry in enumerate(report.entries)}
    num_lines = min(
        report.query.output.drawing.num_words or NUM_WORDS, max((len(entry_words) for entry_words in words), default=0)
    )
    places = report.reading.places_at(report.stage)
    cells = {
        entry: (_moved(box, scale, left, top), [str(word) for word in words[row_of[entry]]])
        for page in pages
        for entry in page.entries.values()
        if entry in row_of and (box := places[entry].box)
    }
    boxes = [box for box, _ in cells.values()]
    needed_side = math.ceil(round(long_side * _short_of(boxes), 3)) if boxes and num_lines else 0
    size, lines = _size(
        boxes, [entry_words for _, entry_words in cells.values()], 0 if needed_side > long_side else num_lines
    )
    marks: list[Mark] = [PhotoMark(left, top, photo), RectMark(left, top, width, height, _BLACK, _shade(photo))]
    for page in pages:
        marks += _rules(page, scale, left, top, width, height)
        marks += _ticks(page, scale, left, top, width, height) if ticks else []
    for box, entry_words in cells.values():
        marks += _written(box, entry_words[:lines], size)
    line = _too_small(needed_side) if needed_side > long_side else _title(report, lines)
    facts = _facts(report, pages)
    room = max(width, layout.caption_width(line, facts))
    marks += layout.caption(left, top + height + 4, line, facts, room)
    title = f"Words of {layout.image_name(report)} by {layout.model_name(report)}"
    return Scene(room + left + MARGIN, height + top + 2 * layout.LINE + MARGIN, title, marks=marks)


def _shade(photo: Rgb) -> float:
    """Opacity of the black layer over a photograph that makes white words stand out."""
    light = float(brightness(photo).mean())
    return min(0.6, max(0.15, 1 - _LIGHT / max(light, 1.0)))


def finest(report: ImageReport) -> list[EntryGrid]:
    """The grids to draw: the tiles if there are any, else the whole image. Raises `UsageError` without a grid."""
    grids = ReadingGrids(report.reading)
    pages = [page for page in (grids.patches if of_patches(report.stage) else grids.tokens) if page.grid is not None]
    if not pages:
        raise UsageError(
            report.reading.placeless or f"{report.stage} has no position in the image: choose --format text"
        )
    tiles = [page for page in pages if page.grid is not None and page.grid.kind == "tile"]
    return tiles or pages[:1]


def _fitting(pages: list[EntryGrid], image_side: int) -> int:
    """The longer side at which every patch has room for its words; the default where none within limits is enough."""
    narrowest = min((page.box[2] - page.box[0]) / page.cols for page in pages)
    largest = LARGEST // 2
    if narrowest * largest / image_side < _ROOM[0]:
        return LONG_SIDE
    return min(largest, max(LONG_SIDE, round(image_side * CELL / narrowest)))


def _sides(boxes: list[Box]) -> tuple[float, float]:
    """Median width and height of the patches."""
    across, down = (float(np.median([box[i + 2] - box[i] for box in boxes])) for i in (0, 1))
    return across, down


def _short_of(boxes: list[Box]) -> float:
    """The factor by which patches must grow to have room for words; at most 1 where they are large enough."""
    return max(needed_side / max(side, 1e-9) for needed_side, side in zip(_ROOM, _sides(boxes), strict=True))


def _too_small(needed_side: int) -> str:
    """The caption of a drawing without words: the longer side from which on there are words."""
    way_out = f"choose --size {needed_side} or more" if needed_side <= LARGEST else "choose --draw heat"
    return f"The patches are too small for words: {way_out}"


def _moved(box: Box, scale: float, left: float, top: float) -> Box:
    x0, y0, x1, y1 = box
    return x0 * scale + left, y0 * scale + top, x1 * scale + left, y1 * scale + top


def _size(boxes: list[Box], words: list[list[str]], max_lines: int) -> tuple[float, int]:
    """One font size for all patches, and the lines that fit at it: most words are shown uncut."""
    if not boxes or not max_lines:
        return LEAST, 0
    across, down = _sides(boxes)
    probe = 20.0
    unit_widths = [
        fonts.text_width(word, probe) / probe
        for word in {word for entry_words in words for word in entry_words[:max_lines]}
    ]
    across_size = 0.92 * across / float(np.percentile(unit_widths, 85)) if unit_widths else MOST
    down_size = down * 0.9 / (max_lines * _LEADING)
    size = min(MOST, max(LEAST, min(across_size, down_size)))
    return size, max(1, min(max_lines, int(down / (size * _LEADING))))


def _written(box: Box, words: list[str], size: float) -> list[Mark]:
    """Words stacked in the middle of a box, the first one brightest."""
    x0, y0, x1, y1 = box
    height = len(words) * size * _LEADING
    y = (y0 + y1 - height) / 2 + size * 0.97
    marks: list[Mark] = []
    for line_number, word in enumerate(words):
        # shrunk as far as it can be read before anything of it is cut
        text, fitted_size = fonts.fit_text(word, size, 0.96 * (x1 - x0), LEAST / size)
        colour = _SECOND if line_number else _WHITE
        marks.append(
            TextMark((x0 + x1) / 2, y + line_number * size * _LEADING, text, fitted_size, colour, "middle", _EDGE)
        )
    return marks


def _rules(page: EntryGrid, scale: float, left: int, top: int, width: int, height: int) -> list[Mark]:
    """Thin lines between the patches, within the image."""
    x0, y0, x1, y1 = _moved(page.box, scale, left, top)
    right, bottom = left + width, top + height
    xs = [x for i in range(page.cols + 1) if left <= (x := x0 + (x1 - x0) * i / page.cols) <= right]
    ys = [y for i in range(page.rows + 1) if top <= (y := y0 + (y1 - y0) * i / page.rows) <= bottom]
    ends = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
    upright: list[Mark] = [LineMark(((x, ends[1]), (x, ends[3])), _WHITE, 1, 0.22) for x in xs]
    return [*upright, *(LineMark(((ends[0], y), (ends[2], y)), _WHITE, 1, 0.22) for y in ys)]


def _ticks(page: EntryGrid, scale: float, left: int, top: int, width: int, height: int) -> list[Mark]:
    """The numbers of rows and columns, as `--patch` takes them, as many as fit legibly."""
    x0, y0, x1, y1 = _moved(page.box, scale, left, top)
    across, down = (x1 - x0) / page.cols, (y1 - y0) / page.rows
    size = min(13.0, max(8.0, 0.5 * min(across, down)))
    marks: list[Mark] = []
    label_width = fonts.text_width(str(page.cols - 1), size) + 0.5 * size
    for col in range(0, page.cols, _step(label_width / across)):
        if left <= (x := x0 + (col + 0.5) * across) <= left + width:
            marks.append(TextMark(x, top - 7, str(col), size, PALE, "middle"))
    for row in range(0, page.rows, _step(_LEADING * size / down)):
        if top <= (y := y0 + (row + 0.5) * down) <= top + height:
            marks.append(TextMark(left - 7, y + size * 0.36, str(row), size, PALE, "end"))
    return marks


def _step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20 … that is at least `least`."""
    power_of_ten = int(10 ** math.floor(math.log10(max(least, 1.0))))
    return next(multiple * power_of_ten for multiple in (1, 2, 5, 10) if multiple * power_of_ten >= least)


def _title(report: ImageReport, lines: int) -> str:
    if report.none_kept:
        return NONE_KEPT
    order_name = metric_named(report.word_order, report.query.search.ridge)
    exit_note = ", projector lens" if report.projected else ""
    return (
        f"{count(lines, 'word')} per patch at {report.stage}{exit_note}, by {order_name}"
        if lines
        else f"no words at {report.stage}"
    )


def _facts(report: ImageReport, pages: list[EntryGrid]) -> str:
    shape = f"{pages[0].rows} × {pages[0].cols} {'patches' if of_patches(report.stage) else 'tokens'}"
    shape += f" in each of {len(pages)} tiles" if len(pages) > 1 else ""
    return f"{layout.image_name(report)} · {layout.model_name(report)} · {shape}"
