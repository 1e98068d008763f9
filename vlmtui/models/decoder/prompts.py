"""Prompts with an image where the family's processor made none: the image's placeholder expanded to its tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vlmtui.models.loading.chat_templates import PromptText
from vlmtui.models.loading.processor import DEFAULT_PROMPT


def prompt_ids(
    tokenizer: Any, image_token: int, image: list[int], made: PromptText | None, prompt: str | None = None
) -> Tensor:
    """The token ids of a prompt with an image, int64 [1, positions].

    The text that a chat template has `made`, its one image token replaced by the ids `image`; without one BOS, image,
    newline and the sentence.
    """
    ids = _by_template(tokenizer, made)
    if ids is None or ids.count(image_token) != 1:
        sentence = DEFAULT_PROMPT if prompt is None else prompt
        start = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
        ids = [*start, image_token, *tokenizer(f"\n{sentence}", add_special_tokens=False)["input_ids"]]
    at = ids.index(image_token)
    return torch.tensor([ids[:at] + image + ids[at + 1 :]])


def _by_template(tokenizer: Any, made: PromptText | None) -> list[int] | None:
    if made is None or made.template not in ("chat", "tokenizer"):
        return None
    # where the template writes BOS, the tokenizer must not add it again
    written = tokenizer.bos_token is not None and made.text.startswith(tokenizer.bos_token)
    return list(tokenizer(made.text, add_special_tokens=not written)["input_ids"])
