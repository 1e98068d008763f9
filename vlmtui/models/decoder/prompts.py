"""Prompts with an image, from the tokenizer's chat template alone, where the family's processor cannot be built."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vlmtui.models.loading.processor import DEFAULT_PROMPT
from vlmtui.models.loading.template_limits import rendered


def prompt_ids(tokenizer: Any, image_token: int, image: list[int], prompt: str | None = None) -> Tensor:
    """The token ids of a prompt with an image, int64 [1, positions].

    The chat template with the image first, its one image token replaced by the ids `image`; without such a template
    BOS, image, newline and the sentence.
    """
    sentence = DEFAULT_PROMPT if prompt is None else prompt
    ids = _by_template(tokenizer, sentence)
    if ids is None or ids.count(image_token) != 1:
        start = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
        ids = [*start, image_token, *tokenizer(f"\n{sentence}", add_special_tokens=False)["input_ids"]]
    at = ids.index(image_token)
    return torch.tensor([ids[:at] + image + ids[at + 1 :]])


def _by_template(tokenizer: Any, sentence: str) -> list[int] | None:
    if getattr(tokenizer, "chat_template", None) is None:
        return None
    content = [{"type": "image"}, {"type": "text", "text": sentence}]
    turns = [{"role": "user", "content": content}]
    text = rendered(lambda: str(tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)))
    # where the template writes BOS, the tokenizer must not add it again
    written = tokenizer.bos_token is not None and text.startswith(tokenizer.bos_token)
    return list(tokenizer(text, add_special_tokens=not written)["input_ids"])
