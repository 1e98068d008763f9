"""Data of a page for its script: one table of word-pieces, and numbers packed as binary arrays.

Scores are the float64 of the JSON report, so that the page rounds the same numbers in the same way. Text that is
displayed as is has its control characters made visible here (`display.pieces`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlmtui.display.colours import VIRIDIS, Rgb, robust_range
from vlmtui.display.entry_grids import EntryGrid, ReadingGrids
from vlmtui.display.grid_names import as_sentence, unplaced_reason
from vlmtui.display.metric_names import (
    COEFFICIENTS,
    length_warning,
    metric_name,
    score_name,
    search_phrase,
    shown_score,
)
from vlmtui.display.norm_statistics import HIGH_NORM, is_outlier, norm_summaries, robust_z
from vlmtui.display.piece_glosses import PieceGlosses
from vlmtui.display.pieces import fold_name, plain, visible
from vlmtui.geometry import Place, pixel_bounds
from vlmtui.images.paths import is_address
from vlmtui.lenses.folded_token_words import FoldedTokenWords
from vlmtui.metrics import WordOrder
from vlmtui.reading import TokenWords, llm_layer, of_layers, of_patches
from vlmtui.reports.formats.parts.local_words import local_words_of
from vlmtui.reports.formats.parts.noise_baseline import local_words_caution, noise_summary, percent_above
from vlmtui.reports.page import lens
from vlmtui.reports.page.content import PageContent
from vlmtui.reports.page.image import EmbeddedImage
from vlmtui.results.early_exit import NOTE
from vlmtui.results.folded_words import FOLD_RULE
from vlmtui.results.hub_words import hub_words
from vlmtui.results.noise_baseline import AGREEING, NOISE_LEVEL, NoiseBaseline

Object = dict[str, Any]
PURSUIT = (
    "omp and ompp are orthogonal matching pursuit over embeddings of length 1, in the order picked; they name other"
    " words than the code of visualizing-vlm-tokens, which sorts them by coefficient"
)
"""Why two tools that say `omp` differ, on the pages of those metrics."""


def page_data(content: PageContent, embedded: EmbeddedImage) -> Object:
    """All data that the page's script reads."""
    reading, model, image = content.reading, content.reading.model, content.reading.image
    atlas, pieces = ReadingGrids(reading), _Pieces(model.marks_words)
    return {
        "source": image_title(image.source),
        "size": [image.width, image.height],
        "sha256": image.sha256,
        "drawn": [embedded.width, embedded.height],
        "model": {
            "name": plain(model.name),
            "parts": plain(model.parts),
            "note": model.note,
            "feeds": model.feeds,
            "wordless": as_sentence(model.wordless),
            "marks": model.marks_words,
        },
        "facts": _facts(content),
        "seen": reading.seen,
        "patch": list(reading.patch_size),
        "k": content.query.search.k,
        "high": HIGH_NORM,
        "above": NOISE_LEVEL,
        "agreeing": list(AGREEING),
        "first": {"stage": content.stage, "metric": content.query.search.metric, "entry": content.entry},
        "entries": {
            "tokens": _entries(reading.places, atlas, content.rgb) | {"positions": reading.position_ids},
            "patches": _entries(reading.patch_places, atlas, content.rgb),
        },
        "pages": {
            "tokens": [_page(page, image.width, image.height) for page in atlas.tokens],
            "patches": [_page(page, image.width, image.height) for page in atlas.patches],
        },
        "loose": {
            place.kind: as_sentence(unplaced_reason(place, reading.placeless))
            for place in (*reading.places, *reading.patch_places)
            if place.grid is None
        },
        "charts": _charts(content, atlas),
        "percentiles": _packed(reading.percentiles, "<f4"),
        "stages": [_stage(content, stage, pieces) for stage in content.stages],
        "pieces": pieces.table,
        "viridis": VIRIDIS.tobytes().hex(),
        **_lens(content),
    }


def image_title(source: str) -> str:
    """What a page calls its image: pages are mailed, and a path of this machine is nobody else's business."""
    if source == "-":
        return "standard input"
    return plain(source if is_address(source) else source.rstrip("/").rsplit("/", 1)[-1] or source)


def _lens(content: PageContent) -> Object:
    """The lens that the page opens with, if one was asked for."""
    if content.lens is None:
        return {}
    return {"lens": lens.lens_data(content.lens, len(content.reading.places_at(content.lens.stage)))}


def _facts(content: PageContent) -> list[list[str]]:
    """Facts needed to read the page, as labels and texts."""
    reading, query = content.reading, content.query
    model = reading.model
    patch_height, patch_width = reading.patch_size
    opening = content.words.get(content.stage, {}).get(_opening_order(content))
    local, share = local_words_of(reading, content.stage, opening) if opening is not None else ("", None)
    noise = content.noise.get(content.stage, {}).get(_opening_order(content))
    above = percent_above(reading, content.stage, opening, noise) if noise and opening is not None else None
    facts = [
        ["model", f"{plain(model.name)} · {model.family} · {plain(model.parts)}"],
        ["lengths", length_warning(content.words.get("tokens", {}), reading.length_ratio)],
        ["folded", FOLD_RULE if content.folded else ""],
        ["local words", local + local_words_caution(above, share)],
        ["noise", noise_summary(above, noise, share)],
        ["revision", model.revision or ""],
        ["runs on", f"{model.device}, {model.dtype}"],
        ["processor", model.processor or ""],
        ["seen as", f"{reading.seen}, in patches of {patch_width}×{patch_height} pixels" if reading.seen else ""],
        ["metric", PURSUIT if query.search.metric in ("omp", "omp-positive") else ""],
        ["prompt", plain(reading.prompt or "") if query.read.prompt is not None or content.layers is not None else ""],
        ["places", reading.placeless],
        ["image", f"sha256 {reading.image.sha256}"],
    ]
    return [fact for fact in facts if fact[1]]


def _entries(places: Sequence[Place], atlas: ReadingGrids, rgb: Rgb) -> Object:
    """The entries of a stage: their boxes in pixels of the file, the patches they are made of, mean colours."""
    boxes = np.array([place.box or (np.nan,) * 4 for place in places], np.float64).reshape(-1, 4)
    return {
        "count": len(places),
        "kinds": [place.kind for place in places],
        "index": [place.index for place in places],
        "boxes": _packed(boxes, "<f8"),
        "inside": _packed([place.inside for place in places], "<f8"),
        "columns": [atlas.columns(place) for place in places],
        "means": "".join(_mean(place, rgb) for place in places),
    }


def _mean(place: Place, rgb: Rgb) -> str:
    """Mean colour of the pixels of the file that a box touches, as six hexadecimal digits."""
    if place.box is None:
        return "000000"
    left, top, right, bottom = pixel_bounds(place.box, rgb.shape[1], rgb.shape[0])
    mean = rgb[top:bottom, left:right].mean(axis=(0, 1), dtype=np.float64)
    return "".join(f"{round(float(level)):02x}" for level in mean)


def _page(page: EntryGrid, width: int, height: int) -> Object:
    """A grid, or the list of entries in none; `frame` is the part of the image that it is shown on."""
    x0, y0, x1, y1 = page.box
    is_whole = page.grid is None or page.grid.kind == "whole"
    frame = (0.0, 0.0, float(width), float(height)) if is_whole or page.grid is None else page.grid.box
    cells = np.full(page.rows * page.cols, -1, np.int32)
    for (row, col), entry in page.entries.items():
        cells[row * page.cols + col] = entry
    return {
        "name": page.name,
        "grid": page.id,
        "rows": page.rows,
        "cols": page.cols,
        "box": list(page.box),
        "frame": [min(x0, frame[0]), min(y0, frame[1]), max(x1, frame[2]), max(y1, frame[3])],
        "split": list(page.split),
        "cells": _packed(cells, "<i4"),
    }


def _charts(content: PageContent, atlas: ReadingGrids) -> Object:
    """Norms by depth for the charts, with statistics to compare an entry with: of vision patches and image tokens."""
    reading = content.reading
    tokens = reading.norms[None].astype(np.float64)
    names = ["tokens"]
    if content.layers is not None:
        tokens = np.concatenate([tokens, content.layers.norms])
        names += [f"llm.{layer}" for layer in range(1, len(tokens))]
    return {
        "patches": _chart([f"vision.{layer}" for layer in range(len(atlas.depth))], atlas.depth),
        "tokens": _chart(names if len(reading.norms) else [], tokens if len(reading.norms) else np.zeros((0, 0))),
    }


def _chart(names: list[str], norms: NDArray[np.float64]) -> Object:
    """Norms [stages, entries], float32 by origin; outliers are (entry, z) of each stage."""
    flagged = []
    for stage in norms:
        z = robust_z(stage)
        flagged.append(
            [[int(i), float(z[i]) if np.isfinite(z[i]) else None] for i in np.flatnonzero(is_outlier(stage))]
        )
    return {
        "names": names,
        "norms": _packed(norms, "<f4"),
        "bands": [[_number(s.low), _number(s.median), _number(s.high)] for s in norm_summaries(norms)],
        "outliers": flagged,
    }


def _stage(content: PageContent, stage: str, pieces: _Pieces) -> Object:
    reading = content.reading
    norms = reading.norms_at(stage)
    if of_layers(stage):
        assert content.layers is not None
        norms = content.layers.norms[llm_layer(stage) - 1]
    return {
        "name": stage,
        "of": "patches" if of_patches(stage) else "tokens",
        "range": list(robust_range(norms)),
        "note": NOTE if of_patches(stage) and stage in content.words else "",
        "words": {
            order: {
                **_words(words, content.folded.get(stage, {}).get(order), order, content.query.search.ridge, pieces),
                "noise": _noise(words, content.noise.get(stage, {}).get(order)),
                "lengths": length_warning([order], reading.length_ratio) if stage == "tokens" else "",
            }
            for order, words in content.words.get(stage, {}).items()
        },
    }


def _words(
    words: TokenWords, folded: FoldedTokenWords | None, order: WordOrder, ridge: float, pieces: _Pieces
) -> Object:
    """The words of a stage by one metric: `ids` [entries, k] index the table of pieces, -1 where there is no word.

    Where they are folded these are the lines, with `spellings` of each.
    """
    hubs = hub_words(words.ids)
    if folded is not None:
        words = folded.words
        hubs = folded.of_hubs
    distinct, inverse = np.unique(words.ids, return_inverse=True)
    rows = np.array([pieces.row(id_, words) if id_ >= 0 else -1 for id_ in distinct.tolist()], np.int32)
    ids = rows[inverse.reshape(words.ids.shape)]
    return {
        "name": metric_name(order, ridge),
        "score": score_name(order, ridge),
        "how": search_phrase(order, ridge),
        "sizes": order in COEFFICIENTS,
        "sign": int(shown_score(order, 1)),
        "k": words.ids.shape[1] if words.ids.ndim == 2 else 0,
        "candidates": words.candidates,
        "left_out": words.left_out,
        "ids": _packed(ids, "<i4"),
        "hubs": [[pieces.row(id_, words), share] for id_, share in hubs.items()],
        "scores": _packed(words.scores, "<f8"),
        "spellings": None if folded is None else _packed(folded.spellings, "<i4"),
        "explained": None if words.explained is None else _packed(words.explained, "<f8"),
    }


def _noise(words: TokenWords, noise: NoiseBaseline | None) -> Object | None:
    """What the words of a stage are compared with: where it ends, None for no scores, and the percentile of it of every
    entry [entries], NaN for none."""
    if noise is None:
        return None
    return {
        "floor": noise.floor,
        "name": noise.noise_name,
        "percentiles": _packed(noise.percentiles(words), "<f4"),
    }


def _opening_order(content: PageContent) -> WordOrder:
    """What orders the words that the page opens with."""
    return "logit" if of_layers(content.stage) else content.query.search.metric


class _Pieces:
    """The table of word-pieces, each once: id, displayed form, decoded text where that differs, gloss, and the number
    of its word, the same for all spellings of it."""

    def __init__(self, joins: bool) -> None:
        self.table: list[list[Any]] = []
        self._joins, self._glosses = joins, PieceGlosses()
        self._rows: dict[int, int] = {}
        self._words: dict[str, int] = {}

    def row(self, id_: int, words: TokenWords) -> int:
        """Index of a word-piece in the table, added if it is new."""
        if id_ not in self._rows:
            piece, text = words.pieces[id_], words.texts[id_]
            label = visible(piece, text, self._joins)
            # the text that a search is compared with; it is never displayed
            typed_text = (text or "").strip()
            self._rows[id_] = len(self.table)
            word = self._words.setdefault(fold_name(id_, piece, text), len(self._words))
            typed = "" if typed_text == label else typed_text
            self.table.append([id_, label, typed, self._glosses.of(text), word])
        return self._rows[id_]


def _packed(numbers: ArrayLike, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, dtype=np.dtype(kind)).tobytes()).decode()


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
