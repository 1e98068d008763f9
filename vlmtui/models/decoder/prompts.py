"""Prompts with an image where the family's processor made none: the image's placeholder expanded to its tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vlmtui.models.loading.chat_templates import PromptText


def prompt_ids(
    tokenizer: Any, image_token: int, image: list[int], made: PromptText | None, without: Callable[[], list[int]]
) -> Tensor:
    """The token ids of a prompt with an image, int64 [1, positions].

    The text that a chat template has `made`, its one image token replaced by the ids `image`; `without` one, the ids
    of that.
    """
    ids = _by_template(tokenizer, made)
    if ids is None or ids.count(image_token) != 1:
        return torch.tensor([without()])
    return expanded(ids, image_token, image)


def expanded(ids: list[int], image_token: int, image: list[int]) -> Tensor:
    """The `ids` of a prompt with the first image token replaced by the ids `image`, int64 [1, positions]."""
    at = ids.index(image_token)
    return torch.tensor([ids[:at] + image + ids[at + 1 :]])


def _by_template(tokenizer: Any, made: PromptText | None) -> list[int] | None:
    if made is None or made.template not in ("chat", "tokenizer"):
        return None
    # where the template writes BOS, the tokenizer must not add it again
    written = tokenizer.bos_token is not None and made.text.startswith(tokenizer.bos_token)
    return list(tokenizer(made.text, add_special_tokens=not written)["input_ids"])
