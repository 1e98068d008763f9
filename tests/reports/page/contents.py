"""What pages are tested on: glances made by hand, and the numbers that a page packs taken out of it again."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.geometry import Grid, Place
from vlmtui.metrics import PURSUITS, Metric, WordOrder
from vlmtui.reading import GridNorms, Reading, TokenWords
from vlmtui.reports.page.content import PageContent

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    "\u202e\u2067evil\u2066",
    "\x00\x07\x1b[31m\x9b",
    "\ud800",
    '"><svg onload=alert(3)>',
    "{{ 7*7 }}",
    "<!--",
    "'`${alert(4)}`",
]


def words(of: Reading, metric: Metric, k: int = 5, pieces: list[str | None] | None = None, seed: int = 0) -> TokenWords:
    """Words as a session would find them by this metric; of a pursuit with what they explain, and some negative."""
    found = made_reports.words(of, k, pieces, seed)
    if metric not in PURSUITS:
        return msgspec.structs.replace(found, metric=metric)
    rng = np.random.default_rng(seed)
    return msgspec.structs.replace(
        found,
        metric=metric,
        scores=rng.normal(size=found.scores.shape),
        explained=np.sort(rng.uniform(0, 1, found.scores.shape), axis=1),
    )


def glance(
    of: Reading,
    metrics: tuple[Metric, ...] = ("l2", "cosine", "omp"),
    k: int = 5,
    pieces: list[str | None] | None = None,
    stage: str = "tokens",
    rgb: NDArray[np.uint8] | None = None,
    entry: int | None = None,
) -> PageContent:
    """A glance at a reading, whose tokens have words by these metrics; the picture is noise from a fixed seed."""
    if rgb is None:
        size = of.image.height, of.image.width, 3
        rgb = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
    by_order: dict[WordOrder, TokenWords] = {
        metric: words(of, metric, k, pieces, seed) for seed, metric in enumerate(metrics)
    }
    shown = {"tokens": by_order} if of.places else {}
    return PageContent(query_of("tiny", k=k, metric=metrics[0]), rgb, of, stage, shown, entry=entry)


def tiled() -> Reading:
    """A whole image of 2 × 3 tokens and two tiles of 3 × 3, of which the second has lost its last column."""
    boxes = {0: (0.0, 0.0, 640.0, 427.0), 1: (0.0, 0.0, 320.0, 427.0), 2: (320.0, 0.0, 640.0, 427.0)}
    shapes = {0: (2, 3), 1: (3, 3), 2: (3, 3)}
    places: list[Place] = []
    patches: list[Place] = []
    for id_, (rows, cols) in shapes.items():
        x0, y0, x1, y1 = boxes[id_]
        wide, tall = (x1 - x0) / cols, (y1 - y0) / rows
        for cell in range(rows * cols):
            row, col = divmod(cell, cols)
            box = (x0 + col * wide, y0 + row * tall, x0 + (col + 1) * wide, y0 + (row + 1) * tall)
            patches.append(Place(len(patches), "patch", id_, row, col, box, 1.0, (cell,)))
            if id_ != 2 or col < 2:
                places.append(Place(len(places), "patch", id_, row, col, box, 1.0, (cell,)))
        if id_:
            places.append(Place(len(places), "newline", None, None, None, None, 1.0, ()))
    rng = np.random.default_rng(3)
    return msgspec.structs.replace(
        made_reports.reading(),
        grids=tuple(Grid(i, "tile" if i else "whole", boxes[i], r, c, r, c) for i, (r, c) in shapes.items()),
        grid_norms=tuple(
            GridNorms(rng.uniform(5, 9, (3, r * c)).astype(np.float32), np.zeros((3, 0), np.float32))
            for r, c in shapes.values()
        ),
        places=tuple(places),
        patch_places=tuple(patches),
        norms=rng.uniform(1, 2, len(places)).astype(np.float32),
        percentiles=rng.uniform(0, 100, len(places)).astype(np.float32),
    )


def queries(count: int = 7) -> Reading:
    """Patches of the tower in a grid, and tokens that have no place in it."""
    of = made_reports.reading(3, 4)
    rng = np.random.default_rng(4)
    return msgspec.structs.replace(
        of,
        places=tuple(Place(i, "query", None, None, None, None, 1.0, ()) for i in range(count)),
        grids=tuple(Grid(g.id, g.kind, g.box, 0, 0, g.patch_rows, g.patch_cols) for g in of.grids),
        norms=rng.uniform(1, 2, count).astype(np.float32),
        percentiles=rng.uniform(0, 100, count).astype(np.float32),
        placeless="each query reads all patches",
    )


def without_tokens() -> Reading:
    """A model whose pictures do not enter its prompt."""
    of = made_reports.reading(3, 4)
    nothing = np.zeros(0, np.float32)
    model = msgspec.structs.replace(of.model, wordless="its language model reads images by cross-attention")
    return msgspec.structs.replace(of, model=model, places=(), norms=nothing, percentiles=nothing)


def padded() -> Reading:
    """5 × 4 tokens of a picture that ends within the third row: the last two are all padding."""
    of = made_reports.reading(5, 4)
    height = of.image.height
    places = []
    for place in of.places:
        row, col = divmod(place.index, 4)
        top, bottom = row * height / 2.5, (row + 1) * height / 2.5
        inside = min(max((height - top) / (bottom - top), 0.0), 1.0)
        box = (160.0 * col, top, 160.0 * (col + 1), min(bottom, float(height))) if inside else None
        places.append(Place(place.index, "patch", 0, row, col, box, inside, place.patches))
    return msgspec.structs.replace(of, places=tuple(places), patch_places=tuple(places))


class Parsed(HTMLParser):
    """The elements of a page: every tag with its attributes, and the text within scripts, styles and the title."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._within: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._within:
            while self._within.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._within and self._within[-1] in ("script", "style", "title"):
            self.texts.append((self._within[-1], data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def data(self) -> Any:
        """What the page's script is given."""
        return json.loads(next(text for tag, text in self.texts if tag == "script"))


def unpacked(packed: str, kind: str) -> NDArray[Any]:
    """The numbers of one packed array."""
    return np.frombuffer(base64.b64decode(packed), np.dtype(kind))


def said(data: Any, stage: str, order: str, entry: int) -> list[tuple[int, float]]:
    """Id and score of the words of an entry, as the page has them."""
    found = next(one for one in data["stages"] if one["name"] == stage)["words"][order]
    ids = unpacked(found["ids"], "<i4").reshape(-1, found["k"])[entry]
    scores = unpacked(found["scores"], "<f8").reshape(-1, found["k"])[entry]
    return [(data["pieces"][row][0], score) for row, score in zip(ids, scores.tolist(), strict=True) if row >= 0]
