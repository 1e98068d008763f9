"""One patch before the blocks: its pixels as the model gets them, and what a state is made of. Pure data, the same
above and below the pipe."""

from __future__ import annotations

import msgspec

from vlmtui.reading import Floats


class PatchEmbedding(msgspec.Struct, frozen=True, kw_only=True):
    """A vision patch, `patch` by its index in `Reading.patch_places`.

    `pixels` [height, width, 3] are the levels (0–255) of red, green and blue that the model gets, after resizing and in
    its precision, with what normalising did to them undone. `lowest`, `mean` and `highest` [3] are those of the
    normalised values, which the model computes with, by channel.
    `length` is how many numbers are projected: all of its values, `frames` times over where the model takes a picture
    for a film in which nothing moves (Qwen's two frames). `projected` is the L2 norm of what the linear projection
    makes of them, bias included and before a position is added; `position` that of the position embedding here. None
    where there is no such thing, and `note` says why. `normed` says that a norm follows before `vision.0` (CLIP's).
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
    note: str = ""
    seconds: float = 0.0
