"""Boxes put to the test: change a few pixels, and look at which tokens and patches change.

With what the tower's attentions put out set to zero, a token hangs on the pixels of its own box alone, give or take
what the resize mixes in from beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlmtui.geometry import Box, Place
from vlmtui.image import RgbImage
from vlmtui.models.geometry.layout import Layout
from vlmtui.models.geometry.proof import without_attention
from vlmtui.models.vlm import EncodedImage, VisionLanguageModel

PASSES = 8
_SQUARES = 3  # a pass; few enough that most tokens must stay as they are
_PART_OF_A_PATCH = 5  # a square's side: what half a patch's shift would put into another box, and does not drown
# by how many pixels of the smaller picture PIL's filters reach: nearest, LANCZOS, bilinear, bicubic, box, Hamming
_SUPPORT = {0: 0.5, 1: 3.0, 2: 1.0, 3: 2.0, 4: 0.5, 5: 1.0}
_FARTHEST = max(_SUPPORT.values())

ChangedPlaces = NDArray[np.bool_]


@dataclass(frozen=True)
class PixelTrial:
    """Which squares were changed, and which tokens and vision patches did: bool [tokens], bool [patches]."""

    squares: tuple[Box, ...]
    tokens: ChangedPlaces
    patches: ChangedPlaces


@dataclass(frozen=True)
class BoxCounts:
    """`hits` are the changes that boxes foretell; `missed` did not come, `extra` came and were not foretold."""

    squares: int = 0
    hits: int = 0
    missed: int = 0
    extra: int = 0

    def __add__(self, other: BoxCounts) -> BoxCounts:
        return BoxCounts(
            self.squares + other.squares, self.hits + other.hits, self.missed + other.missed, self.extra + other.extra
        )


def run_trials(
    model: VisionLanguageModel, picture: RgbImage, layout: Layout, heard: Callable[[int, int], None], seed: int = 0
) -> list[PixelTrial]:
    """Change squares of a picture, pass after pass. `heard` is told how many passes are done, of how many."""
    rng = np.random.default_rng(seed)
    with without_attention(model.family.tower):
        before, again = (_seen(model, picture) for _ in range(2))
        # nothing, but on a GPU that does not compute the same twice
        noise = [float((a - b).abs().max()) if len(a) else 0.0 for a, b in zip(before, again, strict=True)]
        found = []
        for done in range(PASSES):
            heard(done, PASSES)
            squares = [_square(layout, picture, rng, within=i > 0) for i in range(_SQUARES)]
            after = _seen(model, _changed(picture, squares))
            moved = [
                ((a - b).abs() > floor).any(dim=1).cpu().numpy()
                for a, b, floor in zip(after, before, noise, strict=True)
            ]
            boxes = tuple((float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in squares)
            found.append(PixelTrial(boxes, *moved))
    return found


def count_changes(
    places: Sequence[Place], changed: Sequence[ChangedPlaces], squares: Sequence[Sequence[Box]], reach: BoxReach
) -> BoxCounts:
    """Hold what changed [passes][places] against where the boxes lie."""
    total = BoxCounts()
    for moved, some in zip(changed, squares, strict=True):
        must = np.array([any(reach.surely(place, square) for square in some) for place in places], dtype=bool)
        may = np.array([any(reach.possibly(place, square) for square in some) for place in places], dtype=bool)
        total += BoxCounts(len(some), int(must.sum()), int((must & ~moved).sum()), int((moved & ~may).sum()))
    return total


class BoxReach:
    """How far from its box a token's pixels may lie, and how far inside they surely do.

    What the model gets as one pixel is `scale` pixels of the picture, in each grid; a resize reaches by its filter's
    support in pixels of the smaller picture. A processor that resizes twice reaches as far again.
    """

    def __init__(self, layout: Layout, processor: object, exact: bool) -> None:
        resample = getattr(processor, "resample", None)
        support = _FARTHEST if resample is None else _SUPPORT.get(int(resample), _FARTHEST)
        tall, wide = layout.patch_size
        scales = dict.fromkeys(range(len(layout.grids)), (0.0, 0.0))
        for place in layout.patch_places:
            if place.box is not None and place.grid is not None:
                x0, y0, x1, y1 = place.box
                old = scales[place.grid]
                scales[place.grid] = max(old[0], (x1 - x0) / wide), max(old[1], (y1 - y0) / tall)
        most = max((x for x, _ in scales.values()), default=0.0), max((y for _, y in scales.values()), default=0.0)
        # tokens that were mixed anew from all tiles have a grid of their own, without patches
        self._scales = {grid: scale if scale[0] else most for grid, scale in scales.items()}
        twice = 1 if len(layout.grids) == 1 else 2
        self._reach = {
            grid: tuple(twice * support * max(1.0, s) + max(1.0, s) for s in scale)
            for grid, scale in self._scales.items()
        }
        self._exact = exact

    def surely(self, place: Place, square: Box) -> bool:
        """Whether changing the square must change the token."""
        # a token mixed of two patches may be nearly all of one: in 16 bits the other's share is lost
        if place.box is None or place.grid is None or not (place.patches or self._exact):
            return False
        x, y = (square[0] + square[2]) / 2, (square[1] + square[3]) / 2
        across, down = self._scales[place.grid]
        x0, y0, x1, y1 = place.box
        return x0 + across <= x <= x1 - across and y0 + down <= y <= y1 - down

    def possibly(self, place: Place, square: Box) -> bool:
        """Whether changing the square may change the token."""
        if place.box is None or place.grid is None:
            return place.grid is not None
        across, down = self._reach[place.grid]
        x0, y0, x1, y1 = place.box
        return x0 - across < square[2] and square[0] < x1 + across and y0 - down < square[3] and square[1] < y1 + down


def _seen(model: VisionLanguageModel, picture: RgbImage) -> tuple[Tensor, Tensor]:
    """The tokens [tokens, hidden], and the norms of the last vision stage [patches, 1]."""
    encoded: EncodedImage = model.encode(model.prepare(picture, None))
    norms = torch.cat([tile.patches[-1] for tile in encoded.norms])[:, None]
    tokens = norms[:0] if encoded.tokens is None else encoded.tokens.float()
    return tokens, norms


def _square(layout: Layout, picture: RgbImage, rng: np.random.Generator, within: bool) -> tuple[int, int, int, int]:
    """Whole pixels (x0, y0, x1, y1) about a point of a patch's box, or of the picture; a fifth of a patch wide."""
    boxes = [place.box for place in layout.patch_places if place.box is not None]
    box = boxes[int(rng.integers(len(boxes)))]
    wide, tall = (max(1, round((box[i + 2] - box[i]) / _PART_OF_A_PATCH)) for i in (0, 1))
    area = box if within else (0.0, 0.0, float(picture.width), float(picture.height))
    x, y = rng.uniform(area[0], area[2]), rng.uniform(area[1], area[3])
    left, top = (
        int(np.clip(np.floor(at - side / 2 + 0.5), 0, max(0, most - side)))
        for at, side, most in ((x, wide, picture.width), (y, tall, picture.height))
    )
    return left, top, min(left + wide, picture.width), min(top + tall, picture.height)


def _changed(picture: RgbImage, squares: Sequence[tuple[int, int, int, int]]) -> RgbImage:
    pixels = picture.rgb.copy()
    for x0, y0, x1, y1 in squares:
        # by half of all levels, whatever the level: always seen
        pixels[y0:y1, x0:x1] = picture.rgb[y0:y1, x0:x1] + np.uint8(128)
    return RgbImage(pixels)
