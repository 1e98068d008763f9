"""Outlier history: how often each position was an outlier in the images opened so far. No Textual."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from vlmtui.display.norm_statistics import is_outlier
from vlmtui.display.outlier_positions import GridShape, PositionCounts, ShapeCounts, entries_by_grid
from vlmtui.reading import ModelInfo, Reading, of_layers, of_patches, stages

SHAPES = 4
"""Shapes of grids that outliers are counted of, for each stage of a model."""
MODELS = 2


@dataclass
class OutlierHistory:
    """Outliers of the images opened so far, counted by position: for the models looked at last.

    It holds counts, not norms: some hundred kilobytes for an image of 24 × 24 patches, however many are opened.
    """

    _models: OrderedDict[str, dict[str, ShapeCounts]] = field(default_factory=OrderedDict)

    def add(self, reading: Reading) -> None:
        """Count a reading's outliers; an image that is read again counts once."""
        name = _name(reading.model)
        counted = self._models.setdefault(name, {})
        self._models.move_to_end(name)
        while len(self._models) > MODELS:
            self._models.popitem(last=False)
        of_patch = entries_by_grid(reading.grids, reading.patch_places, "patch")
        of_token = entries_by_grid(reading.grids, reading.places, "token")
        for stage in stages(reading.model):
            if not of_layers(stage) and len(norms := reading.norms_at(stage)):
                there = of_patch if of_patches(stage) else of_token
                marks = there.marked(is_outlier(norms))
                counted.setdefault(stage, ShapeCounts(SHAPES)).add(reading.image.sha256, marks)

    def tallies(self, model: ModelInfo) -> list[tuple[str, list[PositionCounts]]]:
        """What was counted at every stage, along the path; empty where nothing was."""
        found = self._models.get(_name(model), {})
        return [(stage, found[stage].all) for stage in stages(model) if stage in found]

    def tally(self, model: ModelInfo, stage: str, shape: GridShape) -> PositionCounts | None:
        """What was counted at a stage on grids of this shape; None where nothing was."""
        found = self._models.get(_name(model), {}).get(stage)
        return None if found is None else found[shape]


def _name(model: ModelInfo) -> str:
    return f"{model.name} {model.revision} {model.dtype}"
