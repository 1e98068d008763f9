"""Readings and words made by hand, of any shape: what reports are tested on without a model."""

from __future__ import annotations

import numpy as np

from tests.query.queries import query_of
from vlmtui.geometry import AxisMap, Grid, Place, clip_box, raster_boxes
from vlmtui.query.options import Query
from vlmtui.reading import GridNorms, ImageInfo, ModelInfo, Reading, TokenWords
from vlmtui.reports.image_report import ImageReport

PIECES = ["▁sky", "sky", "<0xE2>", "\n", "\u0301", "漢字漢字", "שמים", "▁[red]", "ing", "\x1b[31m", "▁mountains", None]


def reading(rows: int = 3, cols: int = 4, layers: int = 2, grids: int = 1, seed: int = 0, **changes: object) -> Reading:
    """A reading of a 640×427 picture through a model of `layers` vision layers; norms from a fixed seed."""
    rng = np.random.default_rng(seed)
    width, height = 640, 427
    boxes = raster_boxes(rows, cols, (16, 16), AxisMap(width / cols / 16, 0.0), AxisMap(height / rows / 16, 0.0))
    places: list[Place] = []
    for grid in range(grids):
        for cell, box in enumerate(boxes):
            corners = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
            clipped, inside = clip_box(corners, width, height)
            row, col = divmod(cell, cols)
            places.append(Place(len(places), "patch", grid, row, col, clipped, inside, (cell,)))
    count = rows * cols
    made = {
        "id": "r1",
        "model": ModelInfo(
            name="tiny",
            family="llava",
            revision=None,
            dtype="float32",
            device="cpu",
            processor="LlavaProcessor",
            parts="CLIP 14/70 → MLP → Llama",
            vision_layers=layers,
            llm_layers=2,
            feeds=f"vision.{layers}",
            embeddings=(1000, 32),
            vision_hidden=24,
            marks_words=True,
        ),
        "image": ImageInfo("photo.jpg", "ab" * 32, width, height),
        "grids": tuple(
            Grid(g, "whole" if g == 0 else "tile", (0.0, 0.0, 640.0, 427.0), rows, cols, rows, cols)
            for g in range(grids)
        ),
        "grid_norms": tuple(
            GridNorms(
                rng.uniform(5, 9, (layers + 1, count)).astype(np.float32),
                rng.uniform(5, 9, (layers + 1, 1)).astype(np.float32),
            )
            for _ in range(grids)
        ),
        "places": tuple(places),
        "patch_places": tuple(places),
        "norms": rng.uniform(1, 2, count * grids).astype(np.float32),
        "percentiles": rng.uniform(0, 100, count * grids).astype(np.float32),
        "hidden": 32,
        "prompt": "Describe the image.",
        "seen": "70×70, squashed",
        "patch_size": (14, 14),
        "timings": {"encode": 0.1},
    }
    return Reading(**(made | changes))  # type: ignore[arg-type]


def words(of: Reading, k: int = 8, pieces: list[str | None] | None = None, seed: int = 0) -> TokenWords:
    """`k` words for every token, drawn from `pieces` with a fixed seed, scores falling."""
    pieces = pieces or PIECES
    rng = np.random.default_rng(seed)
    count = len(of.places)
    k = min(k, len(pieces))
    ids = np.array([rng.permutation(len(pieces))[:k] for _ in range(count)], dtype=np.int64).reshape(count, k)
    scores = -np.sort(rng.uniform(0.5, 3, (count, k)), axis=1)
    return TokenWords(
        metric="l2",
        k=k,
        all_tokens=False,
        tokens=np.arange(count, dtype=np.int64),
        ids=ids,
        scores=scores,
        pieces=dict(enumerate(pieces)),
        texts={i: p and p.replace("▁", " ").strip() for i, p in enumerate(pieces)},
        special=frozenset(),
        candidates=990,
        left_out=10,
        seconds=0.01,
    )


def seen(of: Reading, words: TokenWords | None, stage: str = "tokens", query: Query | None = None) -> ImageReport:
    """A report's input about every entry of the stage."""
    return ImageReport(query or query_of("tiny"), of, stage, tuple(range(len(of.places_at(stage)))), words)
