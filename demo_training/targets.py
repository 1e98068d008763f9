"""Targets of patches: a soft distribution over the vocabulary, from the labels and pixels of a patch.

`Signals` are shares of labels and of colour names; `target_matrix` turns them into words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demo_training.colours import BASE, FINE, name_pixels
from demo_training.tokenizer import pieces, word_id
from demo_training.training.models import GRID, PIXELS
from demo_training.vocabulary import CLASS_OF, CLASSES, GLYPHS, LIGHTNESS

LABELS: Final = len(CLASS_OF)
SIGNALS: Final = LABELS + len(BASE) + len(FINE) + len(LIGHTNESS)
# Shares of a patch's target; they sum to 1.
OBJECT, SYNONYMS, ATTRIBUTES, COLOUR, SHADE, LIGHT = 0.52, 0.08, 0.05, 0.23, 0.07, 0.05
CELL: Final = 4  # side, in pixels, of the blocks whose mean colours are named


@dataclass(frozen=True)
class Signals:
    """Signals of all patches in raster order, float32 shares.

    `labels` `[b, patches, LABELS]`; `colours` `[b, patches, 11 + 20 + 2]`: base names, fine names, dark and light.
    """

    labels: Tensor
    colours: Tensor

    def joined(self) -> Tensor:
        """Labels and colours in one tensor `[b, patches, SIGNALS]`."""
        return torch.cat([self.labels, self.colours], -1)


def _patches(field: Tensor) -> Tensor:
    """Split maps `[b, GRID * side, GRID * side]` into patches `[b, GRID * GRID, side * side]`."""
    side = field.shape[-1] // GRID
    blocks = field.reshape(-1, GRID, side, GRID, side).swapaxes(2, 3)
    return blocks.reshape(-1, GRID * GRID, side * side)


def _shares(values: Tensor, count: int) -> Tensor:
    """Histograms `[..., count]` of values `[..., n]`, as shares."""
    ones = torch.full((1,), 1 / values.shape[-1], device=values.device).expand(values.shape)
    out = torch.zeros(*values.shape[:-1], count, device=values.device)
    return out.scatter_add_(-1, values.long(), ones)


def patch_signals(rgb: Tensor, labels: Tensor) -> Signals:
    """Compute the signals of uint8 images `[b, 224, 224, 3]` with labels `[b, 224, 224]`."""
    cells = PIXELS // CELL
    means = rgb.reshape(-1, cells, CELL, cells, CELL, 3).int().sum((2, 4)) // CELL**2
    base, fine, light = name_pixels(means.to(torch.uint8))
    bright = _patches(light).mean(-1, keepdim=True)
    shade = torch.cat([((42 - bright) / 12).clamp(0, 1), ((bright - 66) / 12).clamp(0, 1)], -1)
    named = [_shares(_patches(base), len(BASE)), _shares(_patches(fine), len(FINE)), shade]
    return Signals(_shares(_patches(labels), LABELS), torch.cat(named, -1))


@cache
def target_matrix(objects: float = 1.0) -> NDArray[np.float32]:
    """Matrix `[SIGNALS, vocabulary]` that turns signals (labels, then colours) into targets.

    `objects` multiplies the weight of a class's own word; other than 1, a target no longer sums to 1.
    """
    out = np.zeros((SIGNALS, len(pieces())), np.float32)
    for label, index in enumerate(CLASS_OF):
        kind, own = CLASSES[index], OBJECT * objects
        if label >= len(CLASSES):  # a glyph: its own character beside the word for its class
            glyph, own = own * 0.25, own * 0.75
            out[label, word_id(GLYPHS[label - len(CLASSES)])] += glyph
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
