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


def heat_scene(shown: ReportDrawing) -> Scene:
    """The photograph coloured by the values of one stage."""
    seen = shown.seen
    _check_placed(shown, seen.stage)
    photo, scale = layout.resize_photo(shown.rgb, seen.query.output.drawing.size or LONG_SIDE)
    overlay = seen.overlay
    found = overlay.numbers if overlay is not None else seen.norms
    of = found[list(seen.entries)]
    low, high = robust_range(of) if of.ndim == 1 else (0.0, 1.0)
    height, width = photo.shape[:2]
    places = [seen.reading.places_at(seen.stage)[entry] for entry in seen.entries]
    coloured = layout.paint_entries(photo, places, _colours(overlay, of, low, high), scale)
    marks: list[Mark] = [PhotoMark(MARGIN, MARGIN, coloured, smooth=False)]
    bar = 180 if of.ndim == 1 else 0
    under = MARGIN + height
    said = lens_line(seen) if overlay is not None else "L2 norms"
    facts = f"{layout.image_name(seen)} · {layout.model_name(seen)}"
    beside = bar + 2 * MARGIN if bar else 0
    line = f"{seen.stage} · {said}"
    room = max(width, layout.caption_width(line, facts) + beside)
    marks += layout.caption(MARGIN, under + 4, line, facts, room - beside)
    if bar:
        marks += layout.colour_bar(MARGIN + room - bar, under + 14, bar, low, high)
    title = f"{said} at {seen.stage} of {facts}"
    return Scene(room + 2 * MARGIN, under + 2 * layout.LINE + MARGIN, title, marks=marks)


def sheet_scene(shown: ReportDrawing) -> Scene:
    """One coloured photograph per stage; numbers of the same kind share a scale, norms have one each."""
    seen = shown.seen
    stages = [(stage, i) for i, stage in enumerate(shown.stages) if _placed(shown, stage)]
    if not stages:
        _check_placed(shown, seen.stage)
    height, width = shown.rgb.shape[:2]
    total = seen.query.output.drawing.size or SHEET
    # about as many columns as give the sheet an aspect ratio of 3:2, with few empty places
    ideal = max(1, round(math.sqrt(1.5 * len(stages) * height / width)))
    across = min(range(ideal, ideal + 3), key=lambda columns: (-len(stages) % columns, columns))
    across = min(across, len(stages))
    room = max(48, (total - 2 * MARGIN - (across - 1) * _GAP) // across)
    # a very tall image becomes narrower, so that it stays within the sheet
    photo, scale = layout.resize_photo(shown.rgb, min(total, round(room * max(1.0, height / width))))
    tall, wide = photo.shape[0], max(photo.shape[1], _NARROW)
    found = [_numbers(shown, stage, i) for stage, i in stages]
    alike = [of for (stage, _), of in zip(stages, found, strict=True) if shown.values and not of_layers(stage)]
    shared = robust_range(np.concatenate(alike)) if alike and alike[0].ndim == 1 else None
    marks: list[Mark] = []
    for at, ((stage, i), of) in enumerate(zip(stages, found, strict=True)):
        down, right = divmod(at, across)
        x, y = MARGIN + right * (wide + _GAP), MARGIN + down * (tall + _LABEL + _GAP)
        low, high = shared if shared and not of_layers(stage) else robust_range(of)
        places = seen.reading.places_at(stage)
        marks.append(
            PhotoMark(
                x,
                y,
                layout.paint_entries(
                    photo, places, _colours(shown.values[i] if shown.values else None, of, low, high), scale
                ),
                smooth=False,
            )
        )
        marks.append(TextMark(x, y + tall + 16, stage, layout.SMALL))
        said = (
            _share(shown.values[i])
            if of.ndim == 2
            else f"{numbers.format_number(low, 3)} – {numbers.format_number(high, 3)}"
        )
        marks.append(TextMark(x + wide, y + tall + 16, said, layout.SMALL - 1, PALE, "end"))
    rows = math.ceil(len(stages) / across)
    under = MARGIN + rows * (tall + _LABEL + _GAP) - _GAP
    said = _sheet_title(shown)
    facts = f"{layout.image_name(seen)} · {layout.model_name(seen)}"
    whole = max(across * (wide + _GAP) - _GAP, layout.caption_width(said, facts))
    marks += layout.caption(MARGIN, under + 10, said, facts, whole)
    return Scene(whole + 2 * MARGIN, under + 10 + 2 * layout.LINE + MARGIN, f"{said}, of {facts}", marks=marks)


def _colours(looked: LensResult | None, of: Floats, low: float, high: float) -> Rgb:
    return looked.painted(of, low, high) if looked is not None else magnitude_colours(of, low, high)


def _numbers(shown: ReportDrawing, stage: str, i: int) -> Floats:
    if shown.values:
        numbers_of: Floats = shown.values[i].numbers
        return numbers_of
    if of_layers(stage):
        assert shown.layers is not None
        norms: Floats = shown.layers.norms[llm_layer(stage) - 1]
        return norms
    return shown.seen.reading.norms_at(stage)


def _share(found: LensResult) -> str:
    explained = found.besides.get("explained")
    return f"{numbers.percent(100 * sum(explained))} of the variance" if explained else ""


def _sheet_title(shown: ReportDrawing) -> str:
    through = shown.seen.query.lens
    if through is None:
        return "L2 norms stage by stage, each on its own scale: dark is low, yellow high"
    if shown.values and "explained" in shown.values[0].besides:
        return "Three principal components as red, green and blue, stage by stage"
    what = f' with "{through.text}"' if through.text else ""
    what = f" with {' '.join(map(str, through.marked))}" if through.marked else what
    called = number_name(shown.values[0].call, "") if shown.values else ""
    return f"{through.name.capitalize()}{f': {called}{what}' if called else ''}, stage by stage"


def _placed(shown: ReportDrawing, stage: str) -> bool:
    return any(place.box for place in shown.seen.reading.places_at(stage))


def _check_placed(shown: ReportDrawing, stage: str) -> None:
    if not _placed(shown, stage):
        reading = shown.seen.reading
        raise UsageError(reading.placeless or f"{stage} has no place in the picture: choose a vision stage")
