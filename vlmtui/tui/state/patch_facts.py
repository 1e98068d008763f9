"""Facts of a patch: what enters the first block, and whether its position is an outlier in other images. No Textual."""

from __future__ import annotations

from vlmtui.display.outlier_positions import GridShape, position_test
from vlmtui.geometry import Place
from vlmtui.reading import FIRST_STAGE, Reading, of_patches
from vlmtui.results.patch_embedding import PatchEmbeddingResult
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import PIXELS, TOKENS
from vlmtui.tui.state.subject import PatchLens, ResultKey, Subject


def before_first_block(stage: str) -> bool:
    """Whether a patch is looked at as it enters the first block."""
    return stage in (PIXELS, FIRST_STAGE)


def patch_key(entry: int) -> ResultKey:
    """What the embedding of a patch is known by."""
    return Subject(FIRST_STAGE, entry), PatchLens()


def patch_embedding(results: Results, selection: Selection) -> PatchEmbeddingResult | None:
    """What enters the first block for the patch under the cursor, where that is looked at and has come."""
    entry = results.entry(selection) if before_first_block(selection.stage) else None
    found = None if entry is None else results.found.get(patch_key(entry))
    return found if isinstance(found, PatchEmbeddingResult) else None


def pixel_under(selection: Selection, size: tuple[int, int]) -> tuple[int, int]:
    """The (row, column) of the pixel looked at in a patch of `size` (height, width); its middle without a cursor."""
    row, col = selection.pixel or (size[0] // 2, size[1] // 2)
    return min(row, size[0] - 1), min(col, size[1] - 1)


def any_patch(results: Results) -> PatchEmbeddingResult | None:
    """The embedding of some patch: all have as many numbers."""
    return next((found for found in results.found.values() if isinstance(found, PatchEmbeddingResult)), None)


def recurring(results: Results, selection: Selection) -> str:
    """In how many of the images so far the position under the cursor was an outlier, and whether that is by position.

    "" where there is nothing to say: there was one image, or it never was one.
    """
    reading, place = results.reading, results.place(selection)
    if reading is None or place is None or not (of_patches(selection.stage) or selection.stage == TOKENS):
        return ""
    found = _position(reading, selection.stage, place)
    tally = results.outliers.tally(reading.model, selection.stage, found[0]) if found else None
    if found is None or tally is None or tally.pictures < 2 or not tally.counts[found[1]]:
        return ""
    count, there = int(tally.counts[found[1]]), int(tally.there[found[1]])
    of = f"{there} images" if tally.views == tally.pictures else f"{there} grids in {tally.pictures} images"
    by_position = found[1] in position_test(tally).repeat
    return f"in {count} of {of}, by position" if by_position else f"here in {count} of {of}"


def _position(reading: Reading, stage: str, place: Place) -> tuple[GridShape, int] | None:
    """The shape of the grid that a place lies in, and which of its positions the place is."""
    if place.grid is None or place.row is None or place.col is None:
        queries = [i for i, other in enumerate(reading.places) if other.kind == "query"]
        return (GridShape("query", len(queries), 1), queries.index(place.index)) if place.kind == "query" else None
    grid = next(grid for grid in reading.grids if grid.id == place.grid)
    if of_patches(stage):
        return GridShape("patch", grid.patch_rows, grid.patch_cols), place.row * grid.patch_cols + place.col
    return GridShape("token", grid.rows, grid.cols), place.row * grid.cols + place.col
