"""What a person has chosen to look at, and what is known about it: plain data that the panels read.

`View` holds the choices, `Known` what has arrived. Nothing here knows Textual.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from PIL import Image

from vlmtui.display import canvas
from vlmtui.display.canvas import Pixels
from vlmtui.grid import Box, CellLayout, Grid, Place
from vlmtui.image import SourceBytes
from vlmtui.reading import METRICS, ImageInfo, Metric, ModelInfo, Reading, Words, default_stage, stages, vision_layer

Overlay = Literal["none", "norms", "words"]
OVERLAYS: tuple[Overlay, ...] = ("none", "norms", "words")
MAX_K = 50


@dataclass(frozen=True)
class View:
    """The choices: where the cursor stands (row and column of the current stage's grid), and through which lens."""

    row: int = 0
    col: int = 0
    stage: str = "tokens"
    metric: Metric = "l2"
    k: int = 8
    overlay: Overlay = "none"

    def next_metric(self) -> View:
        """The next metric, round and round."""
        return replace(self, metric=METRICS[(METRICS.index(self.metric) + 1) % len(METRICS)])

    def next_overlay(self) -> View:
        """The next overlay, round and round."""
        return replace(self, overlay=OVERLAYS[(OVERLAYS.index(self.overlay) + 1) % len(OVERLAYS)])

    def with_k(self, k: int) -> View:
        """Another number of words, within bounds."""
        return replace(self, k=min(max(1, k), max(MAX_K, self.k)))


@dataclass(frozen=True)
class WordRow:
    """One of the words of a token."""

    id: int
    piece: str | None
    text: str | None
    score: float


@dataclass
class WordBook:
    """The words that have arrived for one reading under one metric: token index -> rows, nearest first."""

    reading: str
    metric: Metric
    k: int
    candidates: int = 0
    left_out: int = 0
    all_tokens: bool = False
    special: frozenset[int] = frozenset()
    rows: dict[int, tuple[WordRow, ...]] = field(default_factory=dict)

    def add(self, words: Words) -> None:
        """Take in what the session found."""
        self.candidates, self.left_out, self.all_tokens = words.candidates, words.left_out, words.all_tokens
        self.special |= words.special
        for token, ids, scores in zip(words.tokens.tolist(), words.ids.tolist(), words.scores.tolist(), strict=True):
            self.rows[token] = tuple(
                WordRow(i, words.pieces.get(i), words.texts.get(i), s) for i, s in zip(ids, scores, strict=True)
            )

    def missing(self, tokens: Iterable[int]) -> list[int]:
        """Which of `tokens` have no words yet, or fewer than are wanted now."""
        wanted = min(self.k, self.candidates or self.k)
        return [t for t in tokens if len(self.rows.get(t, ())) < wanted]

    def gathered(self, tokens: Sequence[int], k: int) -> Words:
        """The first k words of `tokens`, as one answer of the session would hold them."""
        rows = [self.rows[t][:k] for t in tokens]
        named = {w.id: w for row in rows for w in row}
        return Words(
            metric=self.metric,
            k=k,
            all_tokens=self.all_tokens,
            tokens=np.array(tokens, dtype=np.int64),
            ids=np.array([[w.id for w in row] for row in rows], dtype=np.int64),
            scores=np.array([[w.score for w in row] for row in rows], dtype=np.float64),
            pieces={i: w.piece for i, w in named.items()},
            texts={i: w.text for i, w in named.items()},
            special=frozenset(i for i in named if i in self.special),
            candidates=self.candidates,
            left_out=self.left_out,
            seconds=0.0,
        )


@dataclass
class Known:
    """What has arrived so far: the picture first, then the model, then the reading, then words."""

    image: ImageInfo
    picture: Image.Image
    model: ModelInfo | None = None
    reading: Reading | None = None
    books: dict[Metric, WordBook] = field(default_factory=dict)
    alive: bool = True
    _canvas: tuple[CellLayout, Box, Pixels] | None = None

    @classmethod
    def of(cls, source: SourceBytes, picture: Image.Image, model: ModelInfo | None = None) -> Known:
        """What is known as soon as a picture is decoded."""
        return cls(ImageInfo(source.source, source.sha256, picture.width, picture.height), picture, model)

    def canvas(self, layout: CellLayout) -> Pixels:
        """The picture on the cells of a layout, remembered (large ones take their time); read-only."""
        box = self.grid_box()
        if self._canvas is None or self._canvas[:2] != (layout, box):
            self._canvas = (layout, box, canvas.draw(self.picture, layout, box))
        return self._canvas[2]

    def book_for(self, view: View) -> WordBook | None:
        """The words that have arrived under the view's metric."""
        return self.books.get(view.metric)

    def grid(self) -> Grid | None:
        """The grid walked."""
        return self.reading.grids[0] if self.reading and self.reading.grids else None

    def shape(self, stage: str) -> tuple[int, int]:
        """Rows and columns of a stage's entries; (0, 0) before there is a reading."""
        grid = self.grid()
        if grid is None:
            return 0, 0
        return (grid.rows, grid.cols) if stage == "tokens" else (grid.patch_rows, grid.patch_cols)

    def grid_box(self) -> Box:
        """The part of the picture the grid lies on; the whole picture before there is a reading."""
        grid = self.grid()
        return grid.box if grid else (0.0, 0.0, float(self.image.width), float(self.image.height))

    def place(self, view: View) -> Place | None:
        """The token or patch under the cursor."""
        if self.reading is None:
            return None
        for place in self.reading.places_at(view.stage):
            if place.row == view.row and place.col == view.col and place.grid == 0:
                return place
        return None

    def words(self, view: View) -> tuple[WordRow, ...] | None:
        """The words of the token under the cursor, as far as they have arrived."""
        place = self.place(view)
        book = self.book_for(view)
        if view.stage != "tokens" or book is None or place is None:
            return None
        rows = book.rows.get(place.index)
        return rows[: view.k] if rows is not None else None

    def norms(self, stage: str) -> np.ndarray | None:
        """The stage's norms on its grid, float64 [rows, cols]."""
        if self.reading is None or self.grid() is None:
            return None
        rows, cols = self.shape(stage)
        values = np.full((rows, cols), np.nan)
        for place, norm in zip(self.reading.places_at(stage), self.reading.norms_at(stage).tolist(), strict=True):
            if place.grid == 0 and place.row is not None and place.col is not None:
                values[place.row, place.col] = norm
        return values

    def column(self, view: View) -> tuple[np.ndarray, np.ndarray] | None:
        """Norms through depth: of the patches under the cursor [stages], and of all patches [stages, patches].

        A token made of several patches has their mean.
        """
        place = self.place(view)
        if self.reading is None or place is None or not place.patches:
            return None
        everything = self.reading.grid_norms[0].patches.astype(np.float64)
        return everything[:, list(place.patches)].mean(axis=1), everything


def fitted(view: View, known: Known) -> View:
    """`view` with a stage that the model has and a cursor inside the grid."""
    if known.reading is None:
        return view
    there = stages(known.reading.model)
    stage = view.stage if view.stage in there else default_stage(known.reading.model)
    rows, cols = known.shape(stage)
    return replace(
        view, stage=stage, row=min(max(view.row, 0), max(rows - 1, 0)), col=min(max(view.col, 0), max(cols - 1, 0))
    )


def walked(view: View, known: Known, step: int) -> View:
    """The view `step` stages along the path, the cursor on the same part of the picture; the ends hold."""
    if known.reading is None:
        return view
    there = stages(known.reading.model)
    stage = there[min(max(there.index(view.stage) + step, 0), len(there) - 1)]
    return at_stage(view, known, stage)


def at_stage(view: View, known: Known, stage: str) -> View:
    """The view at a stage, the cursor on the same part of the picture."""
    before, after = known.shape(view.stage), known.shape(stage)
    row, col = view.row, view.col
    if before != after and before[0] and before[1]:
        row = int((view.row + 0.5) * after[0] / before[0])
        col = int((view.col + 0.5) * after[1] / before[1])
    return fitted(replace(view, stage=stage, row=row, col=col), known)


def depth(stage: str) -> int | None:
    """The i of `vision.i`; None at another stage."""
    return vision_layer(stage) if stage.startswith("vision.") else None
