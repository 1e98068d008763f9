"""The ids of a tokenizer's word-pieces: which are searched for words, and what each is called."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def candidate_ids(tokenizer: Any, rows: int, all_tokens: bool) -> Tensor:
    """The rows of an embedding matrix that the nearest-token search covers, int64 ascending.

    Rows of special tokens, and rows for which the tokenizer has no token, are left out unless `all_tokens`.
    """
    if all_tokens:
        return torch.arange(rows)
    special = special_ids(tokenizer)
    named = sorted({i for i in named_ids(tokenizer) if 0 <= i < rows and i not in special})
    return torch.tensor(named, dtype=torch.int64)


def special_ids(tokenizer: Any) -> frozenset[int]:
    """The ids in `all_special_ids` and of added tokens marked special."""
    added = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset(tokenizer.all_special_ids) | added


def named_ids(tokenizer: Any) -> frozenset[int]:
    """The ids of all of the tokenizer's word-pieces."""
    return frozenset(tokenizer.get_vocab().values())


def token_names(
    tokenizer: Any, named: frozenset[int], ids: list[int]
) -> tuple[dict[int, str | None], dict[int, str | None]]:
    """The word-piece of each id and the text that it decodes to; None for ids that the tokenizer does not name."""
    pieces: dict[int, str | None] = {i: tokenizer.convert_ids_to_tokens(i) if i in named else None for i in ids}
    texts: dict[int, str | None] = {i: tokenizer.decode([i]) if i in named else None for i in ids}
    return pieces, texts
