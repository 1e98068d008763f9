"""Position ids of image tokens where a decoder turns its heads by three of them: time, row, column (M-RoPE)."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

PLANES = 3


@torch.no_grad()
def image_position_ids(base: Any, ids: Tensor, image_token: int, pixels: dict[str, Tensor]) -> Tensor | None:
    """The (time, row, column) of each image token of a prompt `ids` [1, positions]: int64 [tokens, 3].

    They are made by the model's own code, and their rows and columns are not those of a grid: they begin where the
    prompt before the image ends. None where a position has one id.
    """
    make = getattr(base, "get_rope_index", None)
    if make is None:
        return None
    accepted = inspect.signature(make).parameters
    of_image = ids == image_token
    given = {key: value.cpu() for key, value in pixels.items() if key in accepted}
    options = {"mm_token_type_ids": of_image.int(), "attention_mask": torch.ones_like(ids)}
    found, _ = make(input_ids=ids, **{key: value for key, value in options.items() if key in accepted}, **given)
    return planes_at(found, of_image[0])


def planes_at(position_ids: Tensor, at: Tensor) -> Tensor:
    """The last three planes of `position_ids` [planes, 1, positions] at the positions `at`: int64 [tokens, 3]."""
    return position_ids[-PLANES:, 0, at.to(position_ids.device)].T.cpu()
