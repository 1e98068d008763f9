"""Where a model's image tokens and vision patches lie in a picture: measured, and for an unknown family proved."""

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

_MEASURED = 256  # sizes of pictures

Seen = tuple[tuple[int, int], tuple[Shape, ...]]


class Placement:
    """Places for one model's pictures."""

    def __init__(self, family: Family, processing: Processing) -> None:
        self._family = family
        self._processing = processing
        self._measured: dict[Seen, list[TileView] | None] = {}

    def layout(self, size: tuple[int, int], inputs: Inputs, pixels: Pixels, tokens: int, told_apart: bool) -> Layout:
        """Where so many tokens and the patches lie in a picture of (width, height).

        `pixels` are those of `inputs` on the model's device; `told_apart` says that the tower's states were.
        """
        family, kind = self._family, self._family.config.model_type
        frames = family.frames(inputs.pixels)
        shapes = family.shapes(frames)
        if not told_apart or not (family.known or self._patches_in_order(pixels, shapes)):
            why = f"how the family {kind} cuts a picture into patches is not known"
            return lay_out([], size, None, tokens, placeless=why)
        seen = self._views(size, _sizes(frames))
        if seen is None:
            why = "where its processor takes their pixels from could not be measured for a picture of this shape"
            return lay_out([], size, None, tokens, placeless=why)
        rasters = [Raster(view, shape, family.patch_size) for view, shape in zip(seen, shapes, strict=True)]
        if not tokens or family.no_places:
            return lay_out(rasters, size, None, tokens, placeless=family.no_places)
        sources = family.sources(shapes, inputs.pixels, tokens)
        if sources is None or not (family.known or self._made_of(sources, pixels, shapes)):
            why = f"how the family {kind} orders its tokens could not be proved"
            return lay_out(rasters, size, None, tokens, placeless=why)
        return lay_out(rasters, size, sources.patches, tokens, resampled=sources.resampled, without=family.placeless)

    def measure(self, size: tuple[int, int], inputs: Inputs) -> None:
        """Find out now, in any thread, what the tiles of pictures of (width, height) show, where `layout` will ask."""
        frames = self._family.frames(inputs.pixels)
        if frames:
            self._views(size, _sizes(frames))

    def _views(self, size: tuple[int, int], tiles: tuple[Shape, ...]) -> list[TileView] | None:
        """What the tiles show of a picture of a (width, height), measured once for many pictures of that size."""
        key, known = (size, tiles), self._measured  # others may measure at the same time
        if key in known:
            return known[key]
        found = tile_views(self._see, self._processing.image_processor, *size, list(tiles))
        if len(self._measured) >= _MEASURED:
            self._measured = {}
        self._measured[key] = found
        return found

    def _see(self, image: Image.Image) -> list[NDArray[np.float32]]:
        """The tiles that the model gets of a picture, normalised."""
        return [np.asarray(frame.float().numpy()) for frame in self._family.frames(self._processing.pixels(image))]

    def _made_of(self, sources: TokenSources, pixels: Pixels, shapes: list[Shape]) -> bool:
        return self._proved(sources.patches, pixels, shapes, lambda p: self._family.flat(self._family.features(p)))

    def _patches_in_order(self, pixels: Pixels, shapes: list[Shape]) -> bool:
        """Whether what is taken for the patches' states, row by row, is theirs."""

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
