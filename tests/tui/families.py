"""Made-up readings in the shapes that the model families have: tiles, merges, holes, newlines, queries, towers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from tests.tui import readings
from vlmtui.geometry import AxisMap, Grid, Place, clip_box, raster_boxes
from vlmtui.reading import GridNorms, Reading

SIZE = (640, 427)

Span = tuple[str, tuple[float, float, float, float], tuple[int, int]]
"""Kind, what the grid covers in pixels (padding included), and its vision patches (rows, columns)."""

RESAMPLED = "Every token is a query of the Perceiver, which reads all patches."
QUERIED = "Every token is a query of the Q-Former, which reads all patches."
DINO = "DINOv2 is a vision tower alone: no vectors of words to compare with."
TOWER = "CLIP's vision tower alone has no language side: no vectors of words to compare with."
CROSS = "In Mllama no image tokens enter the prompt: the LLM reads the patches by cross-attention."


def build(
    spans: Sequence[Span],
    merge: int = 1,
    layers: int = readings.LAYERS,
    size: tuple[int, int] = SIZE,
    tokens: bool = True,
) -> Reading:
    """Grids one after another; a token is made of merge × merge patches of its grid."""
    width, height = size
    grids: list[Grid] = []
    places: list[Place] = []
    patch_places: list[Place] = []
    for id_, (kind, (x0, y0, x1, y1), (rows, cols)) in enumerate(spans):
        box, _ = clip_box((x0, y0, x1, y1), width, height)
        assert box is not None
        own = (rows // merge, cols // merge) if tokens else (0, 0)
        grids.append(Grid(id_, kind, box, *own, rows, cols))  # type: ignore[arg-type]
        for many, k, into in ((rows * cols, 1, patch_places), (own[0] * own[1], merge, places)):
            across = cols // k
            corners = raster_boxes(
                rows // k, across, (1, 1), AxisMap((x1 - x0) / across, x0), AxisMap((y1 - y0) / (rows // k), y0)
            )
            for i in range(many):
                row, col = divmod(i, across)
                clipped, inside = clip_box(tuple(corners[i].tolist()), width, height)
                patches = tuple((row * k + a) * cols + col * k + b for a in range(k) for b in range(k))
                into.append(Place(len(into), "patch", id_, row, col, clipped, inside, patches))
    return finish(grids, places, patch_places, layers, size)


def finish(
    grids: Sequence[Grid],
    places: Sequence[Place],
    patch_places: Sequence[Place],
    layers: int = readings.LAYERS,
    size: tuple[int, int] = SIZE,
) -> Reading:
    """A reading with norms for these places, every one different."""
    places = [Place(i, p.kind, p.grid, p.row, p.col, p.box, p.inside, p.patches) for i, p in enumerate(places)]
    stages = np.arange(1, layers + 2, dtype=np.float32)[:, None]
    norms = []
    for grid in grids:
        n = grid.patch_rows * grid.patch_cols
        own = stages * (10 + np.sin(np.arange(n, dtype=np.float32) + grid.id))[None, :]
        norms.append(GridNorms(own.astype(np.float32), np.zeros((layers + 1, 0), np.float32)))
    many = len(places)
    return msgspec.structs.replace(
        readings.reading(2, 2, *size, layers=layers),
        model=msgspec.structs.replace(readings.model(), vision_layers=layers, feeds=f"vision.{layers}"),
        grids=tuple(grids),
        grid_norms=tuple(norms),
        places=tuple(places),
        patch_places=tuple(patch_places),
        norms=np.linspace(1, 2, many, dtype=np.float32),
        percentiles=np.linspace(0, 100, many, dtype=np.float32),
        seen="tiles of 336×336",
    )


def tiles(down: int, across: int, patches: tuple[int, int], size: tuple[int, int] = SIZE) -> list[Span]:
    """The picture cut into down × across tiles, row by row."""
    width, height = size[0] / across, size[1] / down
    return [
        ("tile", (c * width, r * height, (c + 1) * width, (r + 1) * height), patches)
        for r in range(down)
        for c in range(across)
    ]


def whole(patches: tuple[int, int], size: tuple[int, int] = SIZE) -> Span:
    return "whole", (0.0, 0.0, float(size[0]), float(size[1])), patches


def llava_next() -> Reading:
    """The whole image, then 2 × 2 letterboxed tiles whose padded rows were cut away, a newline after every row."""
    margin = (640 - 427) / 2
    spans: list[Span] = [whole((12, 12))]
    for r in range(2):
        for c in range(2):
            spans.append(("tile", (c * 320.0, r * 320.0 - margin, c * 320.0 + 320, r * 320.0 + 320 - margin), (12, 12)))
    reading = build(spans)
    base = [p for p in reading.places if p.grid == 0]
    kept: list[Place] = []
    for tile_row in range(2):
        for row in range(12):
            line = [p for p in reading.places if p.grid and (p.grid - 1) // 2 == tile_row and p.row == row]
            if any(p.inside > 0.5 for p in line):
                kept += line
                kept.append(Place(0, "newline", None, None, None, None, 0.0, ()))
    return finish(reading.grids, [*base, *kept], reading.patch_places)


def llava_onevision() -> Reading:
    """The whole image, 2 × 3 tiles of patches, and one grid of tokens resampled across them."""
    reading = build([whole((12, 12)), *tiles(2, 3, (12, 12))])
    one = build([whole((14, 20))]).places
    grids = [g if g.kind == "whole" else Grid(g.id, "tile", g.box, 0, 0, 12, 12) for g in reading.grids]
    grids.append(Grid(7, "whole", (0.0, 0.0, 640.0, 427.0), 14, 20, 0, 0))
    places = [p for p in reading.places if p.grid == 0]
    for p in one:
        places.append(Place(0, "patch", 7, p.row, p.col, p.box, 1.0, ()))
        if p.col == 19:
            places.append(Place(0, "newline", None, None, None, None, 0.0, ()))
    return finish(grids, places, reading.patch_places)


def idefics3(down: int = 3, across: int = 4) -> Reading:
    """Tiles row by row, the whole image last; four by four patches shuffled into a token."""
    return build([*tiles(down, across, (26, 26)), whole((26, 26))], merge=2)


def qwen2_vl() -> Reading:
    """One grid, two by two patches a token."""
    return build([whole((30, 44))], merge=2)


def gemma3() -> Reading:
    """One grid, four by four patches a token."""
    return build([whole((32, 32))], merge=4)


def idefics2() -> Reading:
    """64 queries, and the patches of the whole picture."""
    return queried(64, (15, 22), RESAMPLED)


def blip2() -> Reading:
    """32 queries, and 16 × 16 patches."""
    return queried(32, (16, 16), QUERIED, layers=39)


def queried(many: int, patches: tuple[int, int], why: str, layers: int = readings.LAYERS) -> Reading:
    """So many queries, which have no place."""
    reading = build([whole(patches)], layers=layers, tokens=False)
    queries = [Place(i, "query", None, None, None, None, 0.0, ()) for i in range(many)]
    return msgspec.structs.replace(finish(reading.grids, queries, reading.patch_places, layers), placeless=why)


def unknown() -> Reading:
    """Tokens without places, and no grid at all."""
    queries = [Place(i, "query", None, None, None, None, 0.0, ()) for i in range(30)]
    return msgspec.structs.replace(finish([], queries, []), placeless="The layout of this family is not known.")


def clip_tower() -> Reading:
    """A vision tower alone."""
    return tower((14, 14), TOWER)


def dinov2() -> Reading:
    """A vision tower alone, of 37 × 37 patches."""
    return tower((37, 37), DINO, layers=12)


def tower(patches: tuple[int, int], why: str, layers: int = readings.LAYERS) -> Reading:
    """One grid of patches, no tokens, and why it has no words."""
    reading = build([whole(patches)], layers=layers, tokens=False)
    model = msgspec.structs.replace(reading.model, embeddings=None, wordless=why, feeds=None, llm_layers=0)
    return msgspec.structs.replace(reading, model=model)


def mllama() -> Reading:
    """Tiles of patches, and a stage `tokens` that has none."""
    reading = build(tiles(2, 2, (16, 16)), tokens=False)
    return msgspec.structs.replace(reading, model=msgspec.structs.replace(reading.model, wordless=CROSS))


FAMILIES: dict[str, Callable[[], Reading]] = {
    f.__name__: f
    for f in (llava_next, llava_onevision, idefics3, qwen2_vl, gemma3, idefics2, unknown, clip_tower, mllama)
}
