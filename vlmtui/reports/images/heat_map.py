"""Heat maps: one number, or three, per patch as a colour, at one stage or at all stages on a sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vlmtui.display import numbers
from vlmtui.display.colours import Rgb
from vlmtui.display.value_scale import ValueScale
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
_NARROW_OF_NOISE = 190
"""The same where it may say that nothing is above noise."""


def heat_scene(drawing: ReportDrawing) -> Scene:
    """The photograph coloured by the values of one stage."""
    report = drawing.report
    _check_placed(drawing, report.stage)
    photo, scale = layout.resize_photo(drawing.rgb, report.query.output.drawing.size or LONG_SIDE)
    overlay = report.overlay
    all_numbers = overlay.numbers if overlay is not None else report.norms
    entry_numbers = all_numbers[list(report.entries)]
    value_scale = overlay.scale(entry_numbers) if overlay is not None else ValueScale.of(entry_numbers)
    height, width = photo.shape[:2]
    places = [report.reading.places_at(report.stage)[entry] for entry in report.entries]
    coloured = layout.paint_entries(photo, places, _colours(overlay, entry_numbers, value_scale), scale)
    marks: list[Mark] = [PhotoMark(MARGIN, MARGIN, coloured, smooth=False)]
    note = value_scale.note(entry_numbers)
    bar_width = 180 if entry_numbers.ndim == 1 and value_scale.high > value_scale.low else 0
    caption_top = MARGIN + height
    lens_name = lens_line(report) if overlay is not None else "L2 norms"
    subject = f"{layout.image_name(report)} · {layout.model_name(report)}"
    bar_room = bar_width + 2 * MARGIN if bar_width else 0
    # a long line is cut at its end
    line = " · ".join(filter(None, (report.stage, note, lens_name)))
    room = max(width, layout.caption_width(line, subject) + bar_room)
    marks += layout.caption(MARGIN, caption_top + 4, line, subject, room - bar_room)
    if bar_width:
        marks += layout.colour_bar(
            MARGIN + room - bar_width, caption_top + 14, bar_width, value_scale.low, value_scale.high
        )
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
    with_noise = any(one.noise_end is not None for one in drawing.values)
    tall, wide = photo.shape[0], max(photo.shape[1], _NARROW_OF_NOISE if with_noise else _NARROW)
    stage_numbers = [_numbers(drawing, stage, stage_index) for stage, stage_index in stages]
    value_scales = _sheet_scales(drawing, stages, stage_numbers)
    marks: list[Mark] = []
    for position, ((stage, stage_index), stage_values, value_scale) in enumerate(
        zip(stages, stage_numbers, value_scales, strict=True)
    ):
        sheet_row, sheet_column = divmod(position, num_columns)
        x, y = MARGIN + sheet_column * (wide + _GAP), MARGIN + sheet_row * (tall + _LABEL + _GAP)
        places = report.reading.places_at(stage)
        marks.append(
            PhotoMark(
                x,
                y,
                layout.paint_entries(
                    photo,
                    places,
                    _colours(drawing.values[stage_index] if drawing.values else None, stage_values, value_scale),
                    scale,
                ),
                smooth=False,
            )
        )
        marks.append(TextMark(x, y + tall + 16, stage, layout.SMALL))
        label = (
            _share(drawing.values[stage_index]) if stage_values.ndim == 2 else _sheet_label(value_scale, stage_values)
        )
        marks.append(TextMark(x + wide, y + tall + 16, label, layout.SMALL - 1, PALE, "end"))
    rows = math.ceil(len(stages) / num_columns)
    caption_top = MARGIN + rows * (tall + _LABEL + _GAP) - _GAP
    noted = any(scale.note(values) for scale, values in zip(value_scales, stage_numbers, strict=True))
    label = _sheet_title(drawing, noted)
    subject = f"{layout.image_name(report)} · {layout.model_name(report)}"
    sheet_width = max(num_columns * (wide + _GAP) - _GAP, layout.caption_width(label, subject))
    marks += layout.caption(MARGIN, caption_top + 10, label, subject, sheet_width)
    return Scene(
        sheet_width + 2 * MARGIN, caption_top + 10 + 2 * layout.LINE + MARGIN, f"{label}, of {subject}", marks=marks
    )


def _sheet_scales(drawing: ReportDrawing, stages: list[tuple[str, int]], numbers: list[Floats]) -> list[ValueScale]:
    """The scale of each stage: vision stages and tokens share that of a lens's numbers."""
    if not drawing.values:
        return [ValueScale.of(stage_values) for stage_values in numbers]
    return shared_scales([drawing.values[stage_index] for _, stage_index in stages])


def shared_scales(results: Sequence[LensResult]) -> list[ValueScale]:
    """The scales of a lens's results through the stages: one for all but logits, of which each stage has its own."""
    alike = [result for result in results if np.ndim(result.numbers) == 1 and not of_layers(result.stage)]
    shared = dict(zip(map(id, alike), ValueScale.shared([(one.numbers, one.noise_end) for one in alike]), strict=True))
    return [shared.get(id(result)) or result.scale(result.numbers) for result in results]


def _sheet_label(scale: ValueScale, stage_values: Floats) -> str:
    """The range of a stage's numbers, or that none is above noise."""
    if scale.floor is not None and not (stage_values > scale.floor).any():
        return scale.note(stage_values)
    return f"{numbers.format_number(scale.low, 3)} – {numbers.format_number(scale.high, 3)}"


def _colours(result: LensResult | None, entry_numbers: Floats, scale: ValueScale) -> Rgb:
    return result.painted(entry_numbers, scale) if result is not None else scale.colours(entry_numbers)


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


def _sheet_title(drawing: ReportDrawing, noted: bool) -> str:
    """What the sheet shows; `noted`: numbers of some stage are noise."""
    lens = drawing.report.query.lens
    if lens is None:
        return "L2 norms stage by stage, each on its own scale: dark is low, yellow high"
    if drawing.values and "explained" in drawing.values[0].besides:
        return "Three principal components as red, green and blue, stage by stage"
    inputs = f' with "{lens.text}"' if lens.text else ""
    inputs = f" with {' '.join(map(str, lens.marked))}" if lens.marked else inputs
    quantity = number_name(drawing.values[0].call, "") if drawing.values else ""
    noise = "; grey: noise" if noted else ""
    return f"{lens.name.capitalize()}{f': {quantity}{inputs}' if quantity else ''}, stage by stage{noise}"


def _placed(drawing: ReportDrawing, stage: str) -> bool:
    return any(place.box for place in drawing.report.reading.places_at(stage))


def _check_placed(drawing: ReportDrawing, stage: str) -> None:
    if not _placed(drawing, stage):
        reading = drawing.report.reading
        raise UsageError(reading.placeless or f"{stage} has no position in the image: choose a vision stage")
