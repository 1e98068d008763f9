"""Heat maps: one number, or three, per patch as a colour, at one stage or at all stages on a sheet."""

from __future__ import annotations

import math

import numpy as np

from vlmtui.display import numbers
from vlmtui.display.colours import Rgb, magnitude_colours, robust_range
from vlmtui.errors import UsageError
from vlmtui.lenses.captions import LensResult, number_name
from vlmtui.reading import Floats, llm_layer, of_layers
from vlmtui.reports.formats.parts.lens_values import lens_line
from vlmtui.reports.images import layout
from vlmtui.reports.images.content import ReportDrawing
from vlmtui.reports.images.layout import MARGIN
from vlmtui.reports.images.scene import PALE, Mark, PhotoMark, Scene, TextMark

LONG_SIDE = 960
SHEET = 1600
_GAP = 14
_LABEL = 22
_NARROW = 150
"""Minimum width in pixels of the caption below each image of a sheet."""


def heat_scene(drawing: ReportDrawing) -> Scene:
    """The photograph coloured by the values of one stage."""
    report = drawing.report
    _check_placed(drawing, report.stage)
    photo, scale = layout.resize_photo(drawing.rgb, report.query.output.drawing.size or LONG_SIDE)
    overlay = report.overlay
    all_numbers = overlay.numbers if overlay is not None else report.norms
    entry_numbers = all_numbers[list(report.entries)]
    low, high = robust_range(entry_numbers) if entry_numbers.ndim == 1 else (0.0, 1.0)
    height, width = photo.shape[:2]
    places = [report.reading.places_at(report.stage)[entry] for entry in report.entries]
    coloured = layout.paint_entries(photo, places, _colours(overlay, entry_numbers, low, high), scale)
    marks: list[Mark] = [PhotoMark(MARGIN, MARGIN, coloured, smooth=False)]
    bar_width = 180 if entry_numbers.ndim == 1 else 0
    caption_top = MARGIN + height
    lens_name = lens_line(report) if overlay is not None else "L2 norms"
    subject = f"{layout.image_name(report)} · {layout.model_name(report)}"
    bar_room = bar_width + 2 * MARGIN if bar_width else 0
    line = f"{report.stage} · {lens_name}"
    room = max(width, layout.caption_width(line, subject) + bar_room)
    marks += layout.caption(MARGIN, caption_top + 4, line, subject, room - bar_room)
    if bar_width:
        marks += layout.colour_bar(MARGIN + room - bar_width, caption_top + 14, bar_width, low, high)
    title = f"{lens_name} at {report.stage} of {subject}"
    return Scene(room + 2 * MARGIN, caption_top + 2 * layout.LINE + MARGIN, title, marks=marks)


def sheet_scene(drawing: ReportDrawing) -> Scene:
    """One coloured photograph per stage; numbers of the same kind share a scale, norms have one each."""
    report = drawing.report
    stages = [(stage, stage_index) for stage_index, stage in enumerate(drawing.stages) if _placed(drawing, stage)]
    if not stages:
        _check_placed(drawing, report.stage)
    height, width = drawing.rgb.shape[:2]
    long_side = report.query.output.drawing.size or SHEET
    # about as many columns as give the sheet an aspect ratio of 3:2, with few empty places
    ideal = max(1, round(math.sqrt(1.5 * len(stages) * height / width)))
    num_columns = min(range(ideal, ideal + 3), key=lambda columns: (-len(stages) % columns, columns))
    num_columns = min(num_columns, len(stages))
    room = max(48, (long_side - 2 * MARGIN - (num_columns - 1) * _GAP) // num_columns)
    # a very tall image becomes narrower, so that it stays within the sheet
    photo, scale = layout.resize_photo(drawing.rgb, min(long_side, round(room * max(1.0, height / width))))
    tall, wide = photo.shape[0], max(photo.shape[1], _NARROW)
    stage_numbers = [_numbers(drawing, stage, stage_index) for stage, stage_index in stages]
    vision_numbers = [
        stage_values
        for (stage, _), stage_values in zip(stages, stage_numbers, strict=True)
        if drawing.values and not of_layers(stage)
    ]
    shared_range = (
        robust_range(np.concatenate(vision_numbers)) if vision_numbers and vision_numbers[0].ndim == 1 else None
    )
    marks: list[Mark] = []
    for position, ((stage, stage_index), stage_values) in enumerate(zip(stages, stage_numbers, strict=True)):
        sheet_row, sheet_column = divmod(position, num_columns)
        x, y = MARGIN + sheet_column * (wide + _GAP), MARGIN + sheet_row * (tall + _LABEL + _GAP)
        low, high = shared_range if shared_range and not of_layers(stage) else robust_range(stage_values)
        places = report.reading.places_at(stage)
        marks.append(
            PhotoMark(
                x,
                y,
                layout.paint_entries(
                    photo,
                    places,
                    _colours(drawing.values[stage_index] if drawing.values else None, stage_values, low, high),
                    scale,
                ),
                smooth=False,
            )
        )
        marks.append(TextMark(x, y + tall + 16, stage, layout.SMALL))
        label = (
            _share(drawing.values[stage_index])
            if stage_values.ndim == 2
            else f"{numbers.format_number(low, 3)} – {numbers.format_number(high, 3)}"
        )
        marks.append(TextMark(x + wide, y + tall + 16, label, layout.SMALL - 1, PALE, "end"))
    rows = math.ceil(len(stages) / num_columns)
    caption_top = MARGIN + rows * (tall + _LABEL + _GAP) - _GAP
    label = _sheet_title(drawing)
    subject = f"{layout.image_name(report)} · {layout.model_name(report)}"
    sheet_width = max(num_columns * (wide + _GAP) - _GAP, layout.caption_width(label, subject))
    marks += layout.caption(MARGIN, caption_top + 10, label, subject, sheet_width)
    return Scene(
        sheet_width + 2 * MARGIN, caption_top + 10 + 2 * layout.LINE + MARGIN, f"{label}, of {subject}", marks=marks
    )


def _colours(result: LensResult | None, entry_numbers: Floats, low: float, high: float) -> Rgb:
    return (
        result.painted(entry_numbers, low, high) if result is not None else magnitude_colours(entry_numbers, low, high)
    )


def _numbers(drawing: ReportDrawing, stage: str, stage_index: int) -> Floats:
    if drawing.values:
        lens_numbers: Floats = drawing.values[stage_index].numbers
        return lens_numbers
    if of_layers(stage):
        assert drawing.layers is not None
        norms: Floats = drawing.layers.norms[llm_layer(stage) - 1]
        return norms
    return drawing.report.reading.norms_at(stage)


def _share(result: LensResult) -> str:
    explained = result.besides.get("explained")
    return f"{numbers.percent(100 * sum(explained))} of the variance" if explained else ""


def _sheet_title(drawing: ReportDrawing) -> str:
    lens = drawing.report.query.lens
    if lens is None:
        return "L2 norms stage by stage, each on its own scale: dark is low, yellow high"
    if drawing.values and "explained" in drawing.values[0].besides:
        return "Three principal components as red, green and blue, stage by stage"
    inputs = f' with "{lens.text}"' if lens.text else ""
    inputs = f" with {' '.join(map(str, lens.marked))}" if lens.marked else inputs
    quantity = number_name(drawing.values[0].call, "") if drawing.values else ""
    return f"{lens.name.capitalize()}{f': {quantity}{inputs}' if quantity else ''}, stage by stage"


def _placed(drawing: ReportDrawing, stage: str) -> bool:
    return any(place.box for place in drawing.report.reading.places_at(stage))


def _check_placed(drawing: ReportDrawing, stage: str) -> None:
    if not _placed(drawing, stage):
        reading = drawing.report.reading
        raise UsageError(reading.placeless or f"{stage} has no position in the image: choose a vision stage")
