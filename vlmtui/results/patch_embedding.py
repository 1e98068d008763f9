"""Patch embedding: one patch before the tower's first block, as pixels, projection and position. Pure data."""

from __future__ import annotations

import msgspec

from vlmtui.reading import Floats


class PatchEmbeddingResult(msgspec.Struct, frozen=True, kw_only=True):
    """A vision patch, `patch` by its index in `Reading.patch_places`.

    `pixels` [height, width, 3] are the de-normalised levels (0–255) of red, green and blue that the model receives,
    after resizing and in its precision. `lowest`, `mean` and `highest` [3] are those of the normalised values by
    channel. `length` is the number of values projected: all of them, `frames` times over where the model treats an
    image as a still video (Qwen's two frames). `projected` is the L2 norm of their linear projection, bias included,
    before positions are added; `position` is that of the position embedding. Both are None where they do not exist, and
    `note` says why. `normed` says that a norm layer follows before `vision.0` (CLIP's).

    The numbers themselves, each None where it does not exist: `values` [height, width, 3] normalised, `flat` [length]
    in the order in which the projection multiplies them, `projection` [hidden] its output, `position_embedding`
    [hidden] what is added to it, and `position_cosines` [patches] the cosine of that with every patch's.
    """

    patch: int
    pixels: Floats
    lowest: Floats
    mean: Floats
    highest: Floats
    length: int
    frames: int
    projected: float | None
    position: float | None
    normed: bool
    values: Floats | None = None
    flat: Floats | None = None
    projection: Floats | None = None
    position_embedding: Floats | None = None
    position_cosines: Floats | None = None
    note: str = ""
    seconds: float = 0.0
