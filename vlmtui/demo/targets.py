"""What a patch is taught: a soft distribution over the vocabulary, from its labels and its pixels.

A patch is told by `Signals`: shares of labels and of colour names. `target_matrix` turns them into words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vlmtui.demo.colours import BASE, FINE, name_pixels
from vlmtui.demo.model import GRID, PATCH
from vlmtui.demo.tokenizer import pieces, word_id
from vlmtui.demo.words import CLASS_OF, CLASSES, GLYPHS, LIGHTNESS

LABELS: Final = len(CLASS_OF)
SIGNALS: Final = LABELS + len(BASE) + len(FINE) + len(LIGHTNESS)
# Shares of a patch's target; they sum to 1 (attributes take what lightness leaves in mid tones).
OBJECT, SYNONYMS, ATTRIBUTES, COLOUR, SHADE, LIGHT = 0.52, 0.08, 0.05, 0.23, 0.07, 0.05
CELL: Final = 4  # pixels a side of the blocks that vote for a colour


@dataclass(frozen=True)
class Signals:
    """Of each patch, in raster order: shares of labels
    `[patches, LABELS]` and of colour names `[patches, 11 + 20 + 2]`."""

    labels: NDArray[np.float32]
    colours: NDArray[np.float32]


def _shares(values: NDArray[np.integer], count: int) -> NDArray[np.float32]:
    """Histograms `[patches, count]` of values `[patches, n]`."""
    patches, n = values.shape
    at = values + (np.arange(patches) * count)[:, None]
    counts = np.bincount(at.ravel(), minlength=patches * count).reshape(patches, count)
    return np.asarray(counts / n, np.float32)


def _patches(field: NDArray[np.integer], side: int) -> NDArray[np.int64]:
    """A map of `GRID * side` squared as `[patches, side * side]`."""
    blocks = field.reshape(GRID, side, GRID, side).swapaxes(1, 2)
    return np.asarray(blocks.reshape(GRID * GRID, side * side), np.int64)


def signals(rgb: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Signals:
    """Of a 224 × 224 picture `[224, 224, 3]` and its labels `[224, 224]`."""
    side = PATCH // CELL
    blocks = rgb.reshape(GRID * side, CELL, GRID * side, CELL, 3)
    means = blocks.sum(axis=(1, 3), dtype=np.uint16) // CELL**2
    base, fine, light = name_pixels(means.astype(np.uint8))
    bright = light.reshape(GRID, side, GRID, side).mean(axis=(1, 3)).reshape(-1, 1)
    shade = np.concatenate([np.clip((42 - bright) / 12, 0, 1), np.clip((bright - 66) / 12, 0, 1)], 1)
    named = [_shares(_patches(base, side), len(BASE)), _shares(_patches(fine, side), len(FINE)), shade]
    return Signals(_shares(_patches(labels, PATCH), LABELS), np.concatenate(named, 1).astype(np.float32))


@cache
def target_matrix() -> NDArray[np.float32]:
    """`[SIGNALS, vocabulary]`: signals (labels, then colours) times this is a patch's target."""
    out = np.zeros((SIGNALS, len(pieces())), np.float32)
    for label, index in enumerate(CLASS_OF):
        kind, own = CLASSES[index], OBJECT
        if label >= len(CLASSES):  # a glyph: its own character beside the word for its class
            own = OBJECT * 0.75
            out[label, word_id(GLYPHS[label - len(CLASSES)])] += OBJECT * 0.25
        out[label, word_id(kind.word)] += own
        for words, share in ((kind.synonyms, SYNONYMS), (kind.attributes, ATTRIBUTES)):
            for word in words:
                out[label, word_id(word)] += share / len(words)
    rows = ((BASE, COLOUR), (FINE, SHADE), (LIGHTNESS, LIGHT))
    at = LABELS
    for names, share in rows:
        for name in names:
            out[at, word_id(name)] += share
            at += 1
    return out
