"""Placement of a model's image tokens and vision patches in an image: measured, and proved for an unknown family."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources
from vlmtui.models.geometry import perturbation_proof
from vlmtui.models.geometry.layout import Layout, Raster, lay_out
from vlmtui.models.geometry.views import TileView, tile_views
from vlmtui.models.loading.processor import Inputs, Processing
from vlmtui.models.vision.hidden_states import stage_norms

_MEASURED = 256  # image sizes to cache

Seen = tuple[tuple[int, int], tuple[Shape, ...]]


class Placement:
    """Layouts of images for one model."""

    def __init__(self, family: Family, processing: Processing) -> None:
        self._family = family
        self._processing = processing
        self._measured: dict[Seen, list[TileView] | None] = {}

    def layout(self, size: tuple[int, int], inputs: Inputs, pixels: Pixels, tokens: int, told_apart: bool) -> Layout:
        """The layout of `tokens` image tokens and the patches in an image of `size` (width, height).

        `pixels` are those of `inputs` on the model's device. `told_apart`: the tower's states could be assigned to
        tiles.
        """
        family, kind = self._family, self._family.config.model_type
        frames = family.frames(inputs.pixels)
        shapes = family.shapes(frames)
        if not told_apart or not (family.known or self._patches_in_order(pixels, shapes)):
            why = f"how the family {kind} divides an image into patches is unknown"
            return lay_out([], size, None, tokens, placeless=why)
        seen = self._views(size, _sizes(frames))
        if seen is None:
            why = "which pixels its processor takes could not be measured for an image of this shape"
            return lay_out([], size, None, tokens, placeless=why)
        rasters = [Raster(view, shape, family.patch_size) for view, shape in zip(seen, shapes, strict=True)]
        if not tokens or family.no_places:
            return lay_out(rasters, size, None, tokens, placeless=family.no_places)
        sources = family.sources(shapes, inputs.pixels, tokens)
        if sources is None or not (family.known or self._made_of(sources, pixels, shapes)):
            why = f"the order of the family {kind}'s tokens could not be verified"
            return lay_out(rasters, size, None, tokens, placeless=why)
        return lay_out(rasters, size, sources.patches, tokens, resampled=sources.resampled, without=family.placeless)

    def measure(self, size: tuple[int, int], inputs: Inputs) -> None:
        """Measure in advance, in any thread, what `layout` must know about images of `size` (width, height)."""
        frames = self._family.frames(inputs.pixels)
        if frames:
            self._views(size, _sizes(frames))

    def _views(self, size: tuple[int, int], tiles: tuple[Shape, ...]) -> list[TileView] | None:
        """The parts that the tiles show of an image of `size`, measured once for all images of that size."""
        key, known = (size, tiles), self._measured  # other threads may measure at the same time
        if key in known:
            return known[key]
        found = tile_views(self._see, self._processing.image_processor, *size, list(tiles))
        if len(self._measured) >= _MEASURED:
            self._measured = {}
        self._measured[key] = found
        return found

    def _see(self, image: Image.Image) -> list[NDArray[np.float32]]:
        """The normalised tiles that the model receives for an image."""
        return [np.asarray(frame.float().numpy()) for frame in self._family.frames(self._processing.pixels(image))]

    def _made_of(self, sources: TokenSources, pixels: Pixels, shapes: list[Shape]) -> bool:
        return self._proved(sources.patches, pixels, shapes, lambda p: self._family.flat(self._family.features(p)))

    def _patches_in_order(self, pixels: Pixels, shapes: list[Shape]) -> bool:
        """Whether the states that are taken for the patches' own, row by row, really are."""

        def states(changed: Pixels) -> Tensor:
            with stage_norms(self._family.blocks) as stages:
                self._family.features(changed)
            return torch.cat([patches for patches, _ in self._family.states(stages[-1], shapes)])[:, None]

        total = sum(rows * cols for rows, cols in shapes)
        return self._proved(np.arange(total)[:, None], pixels, shapes, states)

    def _proved(
        self, patches: NDArray[np.int64], pixels: Pixels, shapes: list[Shape], run: Callable[[Pixels], Tensor]
    ) -> bool:
        values = pixels["pixel_values"]
        tall_wide, tower = self._family.patch_size, self._family.tower
        return perturbation_proof.sources_hold(
            patches, shapes, values, tall_wide, tower, lambda changed: run(pixels | {"pixel_values": changed})
        )


def _sizes(frames: list[Tensor]) -> tuple[Shape, ...]:
    """The (height, width) of every tile."""
    return tuple((frame.shape[1], frame.shape[2]) for frame in frames)
