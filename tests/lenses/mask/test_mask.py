"""Attention masks: what they are called, and in few numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vlmtui.lenses.mask.kernel import allowed_shares, mask_pattern
from vlmtui.results.answers import IMAGE, SAID, TEXT

KINDS = torch.tensor([TEXT, IMAGE, IMAGE, TEXT, SAID, SAID], dtype=torch.uint8)
CAUSAL = torch.ones(6, 6).tril().bool()


def both_ways(*positions: int) -> torch.Tensor:
    mask = CAUSAL.clone()
    for at in positions:
        mask[at, list(positions)] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (CAUSAL, "causal"),
        (CAUSAL & ~torch.ones(6, 6).tril(-3).bool(), "causal, within a window"),
        (both_ways(0, 1, 2, 3), "prompt bidirectional, answer causal"),
        (both_ways(1, 2), "image bidirectional, text causal"),
        (both_ways(0, 5), "partly bidirectional"),
    ],
)
def test_patterns(mask: torch.Tensor, said: str):
    assert mask_pattern(mask, KINDS) == said


def test_shares_of_cells_and_the_mask_itself_where_it_is_small():
    mask = np.tril(np.ones((5, 5), bool))
    values, side = allowed_shares(mask, 5)
    assert side == 1
    np.testing.assert_array_equal(values, mask)
    values, side = allowed_shares(mask, 4)
    assert side == 2
    np.testing.assert_allclose(values, [[0.75, 0, 0], [1, 0.75, 0], [1, 1, 1]])
    assert values.dtype == np.float32
