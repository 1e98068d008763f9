"""Rollout, against numbers that were made by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vlmtui.lenses.rollout.kernel import AttentionRollout


def test_rollout_multiplies_layers_with_the_residual_stream():
    rng = np.random.default_rng(0)
    layers = rng.random((4, 9, 9)) * np.tril(np.ones((9, 9)))
    layers /= layers.sum(-1, keepdims=True)
    flow = np.eye(9)
    for layer in layers:
        flow = (0.5 * layer + 0.5 * np.eye(9)) @ flow
    rolled = AttentionRollout()
    for layer in layers:
        rolled.add(torch.tensor(layer))
    np.testing.assert_allclose(rolled.rows(slice(5, 9)).numpy(), flow[5:], rtol=1e-5, atol=1e-7)
    # whatever is mixed, it is all of it
    np.testing.assert_allclose(rolled.rows(slice(0, 9)).sum(-1).numpy(), 1.0, rtol=1e-5)


def test_rows_that_do_not_sum_to_one_are_made_to():
    """Soft caps and dropped heads: what is mixed is a share."""
    rolled = AttentionRollout()
    rolled.add(torch.tensor([[0.5, 0.0], [1.0, 1.0]]))
    torch.testing.assert_close(rolled.rows(slice(0, 2)), torch.tensor([[1.0, 0.0], [1 / 3, 2 / 3]]))


def test_a_layer_is_not_kept():
    layer = torch.full((3, 3), 1 / 3)
    rolled = AttentionRollout()
    rolled.add(layer)
    before = rolled.rows(slice(0, 3)).clone()
    layer.fill_(7.0)
    torch.testing.assert_close(rolled.rows(slice(0, 3)), before)


def test_a_layer_must_be_square():
    with pytest.raises(AssertionError):
        AttentionRollout().add(torch.ones(2, 3))
