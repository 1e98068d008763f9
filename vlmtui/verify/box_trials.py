"""Box trials: a few pixels are changed, and the tokens and patches that change must be those with boxes there.

With the outputs of the tower's attention set to zero, a token depends only on the pixels of its own box, and on those
beside it that the resize mixes in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlmtui.geometry import Box, Place
from vlmtui.images.decoding import RgbImage
from vlmtui.models.geometry.layout import Layout
from vlmtui.models.geometry.perturbation_proof import without_attention
from vlmtui.models.vlm import EncodedImage, VisionLanguageModel

PASSES = 8
_SQUARES = 3  # in one pass; few enough that most tokens must not change
_PART_OF_A_PATCH = 5  # of its side: small enough to show a shift by half a patch, large enough to be noticed
# support of PIL's filters in pixels of the smaller image: nearest, LANCZOS, bilinear, bicubic, box, Hamming
_SUPPORT = {0: 0.5, 1: 3.0, 2: 1.0, 3: 2.0, 4: 0.5, 5: 1.0}
_ROUNDING = 1e-6  # relative to the largest number
_FARTHEST = max(_SUPPORT.values())

ChangedPlaces = NDArray[np.bool_]


@dataclass(frozen=True)
class PixelTrial:
    """The squares that were changed, and which tokens and vision patches changed: bool [tokens], bool [patches]."""

    squares: tuple[Box, ...]
    tokens: ChangedPlaces
    patches: ChangedPlaces


@dataclass(frozen=True)
class BoxCounts:
    """`hits` are the changes that the boxes predict; `missed` ones did not occur, `extra` ones were not predicted."""

    squares: int = 0
    hits: int = 0
    missed: int = 0
    extra: int = 0

    def __add__(self, other: BoxCounts) -> BoxCounts:
        return BoxCounts(
            self.squares + other.squares, self.hits + other.hits, self.missed + other.missed, self.extra + other.extra
        )


def run_trials(
    model: VisionLanguageModel, picture: RgbImage, layout: Layout, on_pass: Callable[[int, int], None], seed: int = 0
) -> list[PixelTrial]:
    """Change squares of an image, in several passes. `on_pass` is called with the number of passes done and of all."""
    rng = np.random.default_rng(seed)
    with without_attention(model.family.tower, model.family.mixers()):
        before, again = (_encode(model, picture) for _ in range(2))
        # zero, except on a GPU that is not deterministic, and for experts that multiply batches of another size
        noise = [
            float((a - b).abs().max()) + _ROUNDING * float(a.abs().max()) if len(a) else 0.0
            for a, b in zip(before, again, strict=True)
        ]
        found = []
        for done in range(PASSES):
            on_pass(done, PASSES)
            squares = [_square(layout, picture, rng, within=i > 0) for i in range(_SQUARES)]
            after = _encode(model, _changed(picture, squares))
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
    """Compare the changes [passes][places] with the places of the boxes."""
    total = BoxCounts()
    for moved, some in zip(changed, squares, strict=True):
        must = np.array([any(reach.surely(place, square) for square in some) for place in places], dtype=bool)
        may = np.array([any(reach.possibly(place, square) for square in some) for place in places], dtype=bool)
        total += BoxCounts(len(some), int(must.sum()), int((must & ~moved).sum()), int((moved & ~may).sum()))
    return total


class BoxReach:
    """How far outside of its box the pixels of a token may be, and how far inside they certainly are.

    One pixel of the model's input is `scale` pixels of the image, in each grid; a resize reaches as far as the support
    of its filter, in pixels of the smaller image. A processor that resizes twice reaches twice as far.
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
        # tokens that are resampled from all tiles have a grid of their own, without patches
        self._scales = {grid: scale if scale[0] else most for grid, scale in scales.items()}
        twice = 1 if len(layout.grids) == 1 else 2
        self._reach = {
            grid: tuple(twice * support * max(1.0, s) + max(1.0, s) for s in scale)
            for grid, scale in self._scales.items()
        }
        self._exact = exact

    def surely(self, place: Place, square: Box) -> bool:
        """Whether a change of the square must change the token."""
        # a token that mixes two patches may be nearly all of one: in 16 bits the share of the other is lost
        if place.box is None or place.grid is None or not (place.patches or self._exact):
            return False
        x, y = (square[0] + square[2]) / 2, (square[1] + square[3]) / 2
        across, down = self._scales[place.grid]
        x0, y0, x1, y1 = place.box
        return x0 + across <= x <= x1 - across and y0 + down <= y <= y1 - down

    def possibly(self, place: Place, square: Box) -> bool:
        """Whether a change of the square may change the token."""
        if place.box is None or place.grid is None:
            return place.grid is not None
        across, down = self._reach[place.grid]
        x0, y0, x1, y1 = place.box
        return x0 - across < square[2] and square[0] < x1 + across and y0 - down < square[3] and square[1] < y1 + down


def _encode(model: VisionLanguageModel, picture: RgbImage) -> tuple[Tensor, Tensor]:
    """The tokens [tokens, hidden], and the norms of the last vision stage [patches, 1]."""
    encoded: EncodedImage = model.encode(model.prepare(picture, None))
    norms = torch.cat([tile.patches[-1] for tile in encoded.norms])[:, None]
    tokens = norms[:0] if encoded.tokens is None else encoded.tokens.float()
    return tokens, norms


def _square(layout: Layout, picture: RgbImage, rng: np.random.Generator, within: bool) -> tuple[int, int, int, int]:
    """A square in whole pixels (x0, y0, x1, y1) around a point of a patch's box, or of the image, a fifth as wide."""
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
        # by half of all levels, which is noticed at any level
        pixels[y0:y1, x0:x1] = picture.rgb[y0:y1, x0:x1] + np.uint8(128)
    return RgbImage(pixels)
