"""Composition of a drawing into a scene: words in their patches, a heat map, a sheet of stages, a chart of norms."""

from __future__ import annotations

from vlmtui.errors import UsageError
from vlmtui.query.drawing_options import HEAT, LARGEST, LAYERS, NORMS, SMALLEST, WORDS
from vlmtui.query.options import Query
from vlmtui.reports.images import chart, heat_map, words_on_image
from vlmtui.reports.images.content import ReportDrawing
from vlmtui.reports.images.scene import Scene

_SCENES = {
    WORDS: words_on_image.words_scene,
    HEAT: heat_map.heat_scene,
    LAYERS: heat_map.sheet_scene,
    NORMS: chart.chart_scene,
}


def compose(drawing: ReportDrawing) -> Scene:
    """Compose the scene of a drawing."""
    return _SCENES[drawing.show](drawing)


def check_size(query: Query) -> None:
    """Raise `UsageError` where `--size` asks for fewer pixels than a drawing takes."""
    size = query.output.drawing.size
    if size is not None and size < SMALLEST:
        raise UsageError(f"--size {size} is too small for an image: give {SMALLEST} to {LARGEST} pixels")
