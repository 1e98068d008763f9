"""Chart of norms at every stage: median, percentile band and outliers, with a line for each patch selected."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vlmtui.display.colours import Colour
from vlmtui.display.norm_statistics import THRESHOLD, is_outlier, norm_summary, robust_z
from vlmtui.query.patches import PatchPosition, entries_of
from vlmtui.reading import Floats, llm_layer, of_layers, of_patches
from vlmtui.reports.images import fonts, layout
from vlmtui.reports.images.content import ReportDrawing
from vlmtui.reports.images.layout import MARGIN
from vlmtui.reports.images.scene import (
    INK,
    PALE,
    RULE,
    AreaMark,
    DotMark,
    LineMark,
    Mark,
    Point,
    RectMark,
    Scene,
    TextMark,
)

WIDTH = 1200
_RATIO = 0.52
_LEFT, _TOP, _BOTTOM = 70, 46, 118
_BAND: Colour = (45, 105, 175)
_OUT: Colour = (207, 34, 46)
_LINES: tuple[Colour, ...] = ((188, 108, 0), (26, 127, 55), (130, 80, 223), (191, 57, 137), (9, 105, 218))
_STEEP = 12.0
"""Ratio of the largest to the smallest norm above which the scale is logarithmic."""
_DOTS = 40


def chart_scene(drawing: ReportDrawing) -> Scene:
    """The chart of norms over stages."""
    width = max(420, drawing.report.query.output.drawing.size or WIDTH)
    height = round(width * _RATIO)
    stages = drawing.stages
    norms = [_finite(_norms(drawing, stage)) for stage in stages]
    outliers = [_outliers(one) for one in norms]
    plot = _Plot(norms, (_LEFT, _TOP, width - 2 * MARGIN, height - _BOTTOM))
    marks: list[Mark] = [*plot.scale(), *_sections(stages, plot), *_labels(stages, plot)]
    for section in _parts(stages):
        stage_indices = [i for i in section if len(norms[i])]
        if not stage_indices:
            continue
        summaries = [norm_summary(norms[i]) for i in stage_indices]
        upper = [plot.at(i, s.high) for i, s in zip(stage_indices, summaries, strict=True)]
        lower = [plot.at(i, s.low) for i, s in zip(stage_indices, summaries, strict=True)]
        middle = tuple(plot.at(i, s.median) for i, s in zip(stage_indices, summaries, strict=True))
        if len(stage_indices) > 1:
            marks += [AreaMark((*upper, *reversed(lower)), _BAND, 0.18), LineMark(middle, _BAND, 2.5)]
        else:
            marks += [LineMark((upper[0], lower[0]), _BAND, 6, 0.3), DotMark(*middle[0], 4, _BAND)]
        marks += [DotMark(*plot.at(i, norm), 3, _OUT, 0.6) for i in stage_indices for norm in outliers[i][:_DOTS]]
    marks += _asked(drawing, plot)
    subject = f"{layout.image_name(drawing.report)} · {layout.model_name(drawing.report)}"
    marks += _key(drawing, plot, sum(max(0, len(one) - _DOTS) for one in outliers))
    title = "L2 norm of every stage's vectors, patch by patch"
    marks += layout.caption(_LEFT, height - 60, title, subject, width - _LEFT - MARGIN)
    return Scene(width, height, f"{title}, of {subject}", marks=marks)


class _Plot:
    """Mapping from stages and norms to pixels."""

    def __init__(self, norms: Sequence[Floats], box: tuple[float, float, float, float]) -> None:
        self.left, self.top, self.right, self.bottom = box
        self.count = len(norms)
        all_norms = np.concatenate(norms) if norms else np.zeros(0)
        all_norms = all_norms[all_norms > 0]
        low, high = (float(all_norms.min()), float(all_norms.max())) if all_norms.size else (0.5, 1.0)
        self.steep = high / low > _STEEP
        if self.steep:
            self.low, self.high = low / 1.15, high * 1.15
        else:
            self.low, self.high = 0.0, high * 1.06

    def at(self, stage: int, norm: float) -> Point:
        """The point of a norm at a stage."""
        across = (stage + 0.5) / max(1, self.count)
        norm = min(max(norm, self.low), self.high)
        if self.steep:
            up = math.log(norm / self.low) / math.log(self.high / self.low)
        else:
            up = (norm - self.low) / (self.high - self.low)
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)

    def scale(self) -> list[Mark]:
        """Grid lines at round norms, with their labels."""
        marks: list[Mark] = []
        for value in _round_numbers(self.low, self.high, self.steep):
            _, y = self.at(0, value)
            marks.append(LineMark(((self.left, y), (self.right, y)), RULE))
            marks.append(TextMark(self.left - 8, y + 4.5, f"{value:g}", layout.SMALL, PALE, "end"))
        return marks


def _round_numbers(low: float, high: float, steep: bool) -> list[float]:
    if steep:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        parts = (1, 2, 5) if math.log10(high / low) < 3.5 else (1,)
        return [v for power in powers for part in parts if low <= (v := part * 10.0**power) <= high]
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(part * power for part in (1, 2, 5, 10) if part * power >= rough)
    return [float(step * i) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _norms(drawing: ReportDrawing, stage: str) -> Floats:
    if of_layers(stage):
        assert drawing.layers is not None
        norms: Floats = drawing.layers.norms[llm_layer(stage) - 1]
        return norms
    return drawing.report.reading.norms_at(stage)


def _finite(norms: Floats) -> Floats:
    finite: Floats = norms[np.isfinite(norms)]
    return finite


def _parts(stages: Sequence[str]) -> list[list[int]]:
    """Indices of the stages in three parts: the vision tower, the tokens, and the decoder layers."""
    kinds = [(of_patches(stage), of_layers(stage)) for stage in stages]
    return [[i for i, kind in enumerate(kinds) if kind == distinct_kind] for distinct_kind in dict.fromkeys(kinds)]


def _sections(stages: Sequence[str], plot: _Plot) -> list[Mark]:
    marks: list[Mark] = []
    names = {(True, False): "vision tower", (False, False): "tokens", (False, True): "language model"}
    for part in _parts(stages):
        (x0, _), (x1, _) = plot.at(part[0], 1), plot.at(part[-1], 1)
        half = (plot.right - plot.left) / max(1, plot.count) / 2
        if part[0]:
            marks.append(LineMark(((x0 - half, plot.top - 20), (x0 - half, plot.bottom)), RULE, 1.5))
        name = names[of_patches(stages[part[0]]), of_layers(stages[part[0]])]
        marks.append(TextMark((x0 + x1) / 2, plot.top - 14, name, layout.SMALL, PALE, "middle"))
    return marks


def _labels(stages: Sequence[str], plot: _Plot) -> list[Mark]:
    """Labels of as many stages as there is room for."""
    room = (plot.right - plot.left) / max(1, len(stages))
    label_step = max(1, math.ceil(26 / room))
    marks: list[Mark] = []
    for part in _parts(stages):
        for position, i in enumerate(part):
            # the last one is labelled, those too close to it are not
            if i != part[-1] and (position % label_step or len(part) - 1 - position < label_step):
                continue
            name = stages[i].rsplit(".", 1)[-1] if "." in stages[i] else ""
            marks.append(TextMark(plot.at(i, 1)[0], plot.bottom + 18, name, layout.SMALL, PALE, "middle"))
    return marks


def _outliers(norms: Floats) -> list[float]:
    """The outliers of a stage, those farthest from the median first."""
    flags, z = is_outlier(norms), np.abs(robust_z(norms))
    farthest = np.argsort(-z[flags], kind="stable")
    return [float(norm) for norm in norms[flags][farthest]]


def _asked(drawing: ReportDrawing, plot: _Plot) -> list[Mark]:
    """A line for each patch selected."""
    marks: list[Mark] = []
    for patch, colour in _coloured(drawing):
        for part in _parts(drawing.stages):
            points = []
            for i in part:
                entries = entries_of(drawing.report.reading, drawing.stages[i], [patch])
                norm = float(np.mean(_norms(drawing, drawing.stages[i])[list(entries)]))
                points += [plot.at(i, norm)] if math.isfinite(norm) else []
            if points:
                marks.append(
                    LineMark(tuple(points), colour, 2) if len(points) > 1 else DotMark(*points[0], 3.5, colour)
                )
    return marks


def _coloured(drawing: ReportDrawing) -> list[tuple[PatchPosition, Colour]]:
    return list(zip(drawing.report.query.selection.patches, _LINES, strict=False))


def _key(drawing: ReportDrawing, plot: _Plot, dropped: int) -> list[Mark]:
    """The legend below the plot; `dropped` outliers are not drawn."""
    x, y = plot.left, plot.bottom + 36
    marks: list[Mark] = []

    def add_entry(text: str, sample: Mark) -> None:
        nonlocal x
        marks.extend([sample, TextMark(x + 30, y, text, layout.SMALL, INK)])
        x += 54 + fonts.text_width(text, layout.SMALL)

    add_entry("5th to 95th percentile", RectMark(x, y - 10, 22, 11, _BAND, 0.18))
    add_entry("median", LineMark(((x, y - 4.5), (x + 22, y - 4.5)), _BAND, 2.5))
    more = f", {dropped} nearer to the median not drawn" if dropped else ""
    add_entry(f"outliers (|z| > {THRESHOLD}){more}", DotMark(x + 11, y - 4.5, 3, _OUT, 0.6))
    for patch, colour in _coloured(drawing):
        add_entry(f"patch {patch}", LineMark(((x, y - 4.5), (x + 22, y - 4.5)), colour, 2))
    if plot.steep:
        marks.append(TextMark(plot.left, plot.top - 14, "logarithmic", layout.SMALL, PALE))
    return marks
