"""What is known of patches beside norms and words: what they are before the first block, and whether their place was an
outlier in the pictures before. Plain data that the panels read."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vlmtui.display.norm_statistics import is_outlier
from vlmtui.display.outlier_positions import GridShape, PositionCounts, ShapeCounts, entries_by_grid, position_test
from vlmtui.reading import FIRST_STAGE, ModelInfo, Reading, of_layers, of_patches, stages
from vlmtui.results.patch_embedding import PatchEmbedding
from vlmtui.tui.state.stages import PIXELS, TOKENS

if TYPE_CHECKING:
    from vlmtui.geometry import Place
    from vlmtui.tui.state.results import Results, Selection

KEPT = 256
"""Patches of one reading that are kept."""
SHAPES = 4
"""Shapes of grids that outliers are counted of, for each stage of a model."""
MODELS = 2


@dataclass
class OutlierHistory:
    """Outliers of the pictures opened so far, counted by position: for the models looked at last.

    It holds counts, not norms: some hundred kilobytes for a picture of 24 × 24 patches, however many are opened.
    """

    _models: OrderedDict[str, dict[str, ShapeCounts]] = field(default_factory=OrderedDict)

    def add(self, reading: Reading) -> None:
        """Count a reading's outliers; a picture that is read again counts once."""
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


@dataclass
class Patches:
    """Anatomies of the patches of one reading, as far as they have come, and the record of all pictures.

    `refused` says why a patch's will not come, by its index.
    """

    record: OutlierHistory = field(default_factory=OutlierHistory)
    reading: str = ""
    anatomies: dict[int, PatchEmbedding] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)

    def take(self, reading: Reading) -> None:
        """A reading has arrived: nothing that was known of the patches of another is true of its."""
        self.reading = reading.id
        self.anatomies.clear()
        self.refused.clear()
        self.record.add(reading)

    def add(self, reading: str, anatomy: PatchEmbedding) -> bool:
        """Take in a patch; False where it is one of another reading."""
        if reading != self.reading:
            return False
        self.anatomies[anatomy.patch] = anatomy
        while len(self.anatomies) > KEPT:
            del self.anatomies[next(iter(self.anatomies))]
        return True

    @property
    def any(self) -> PatchEmbedding | None:
        """That of some patch: all have as many numbers."""
        return next(iter(self.anatomies.values()), None)


def dissected(stage: str) -> bool:
    """Whether a patch is looked at as it enters the tower."""
    return stage in (PIXELS, FIRST_STAGE)


def anatomy(results: Results, selection: Selection) -> PatchEmbedding | None:
    """What the patch under the cursor is before the first block, where that is looked at and has come."""
    entry = results.entry(selection) if dissected(selection.stage) else None
    reading = results.reading
    if entry is None or reading is None or results.patches.reading != reading.id:
        return None
    return results.patches.anatomies.get(entry)


def recurring(results: Results, selection: Selection) -> str:
    """In how many of the pictures so far the place under the cursor was an outlier, and where that is not by chance.

    "" where there is nothing to say: there was one picture, or it never was one.
    """
    reading, place = results.reading, results.place(selection)
    if reading is None or place is None or not (of_patches(selection.stage) or selection.stage == TOKENS):
        return ""
    found = _position(reading, selection.stage, place)
    tally = results.patches.record.tally(reading.model, selection.stage, found[0]) if found else None
    if found is None or tally is None or tally.pictures < 2 or not tally.counts[found[1]]:
        return ""
    count, there = int(tally.counts[found[1]]), int(tally.there[found[1]])
    of = f"{there} pictures" if tally.views == tally.pictures else f"{there} views in {tally.pictures} pictures"
    by_position = found[1] in position_test(tally).repeat
    return f"in {count} of {of}, by position" if by_position else f"here in {count} of {of}"


def _position(reading: Reading, stage: str, place: Place) -> tuple[GridShape, int] | None:
    """The shape that a place's view has, and which of its positions the place is."""
    if place.grid is None or place.row is None or place.col is None:
        queries = [i for i, other in enumerate(reading.places) if other.kind == "query"]
        return (GridShape("query", len(queries), 1), queries.index(place.index)) if place.kind == "query" else None
    grid = next(grid for grid in reading.grids if grid.id == place.grid)
    if of_patches(stage):
        return GridShape("patch", grid.patch_rows, grid.patch_cols), place.row * grid.patch_cols + place.col
    return GridShape("token", grid.rows, grid.cols), place.row * grid.cols + place.col


class PatchAsking:
    """Which patch has been asked about and not come yet: the latest, which is all that is answered."""

    def __init__(self) -> None:
        self._asked: int | None = None

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._asked = None

    def wanted(self, results: Results, selection: Selection) -> int | None:
        """The patch to ask about, once the cursor rests; None for none."""
        entry = results.entry(selection) if dissected(selection.stage) else None
        if (
            entry is None
            or entry == self._asked
            or entry in results.patches.refused
            or anatomy(results, selection) is not None
        ):
            return None
        return entry

    def asked(self, patch: int) -> None:
        """It was asked about."""
        self._asked = patch

    def done(self, patch: int) -> None:
        """It has come, or will not."""
        if self._asked == patch:
            self._asked = None
