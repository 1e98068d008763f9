"""Cosines, and how near a word is, against NumPy."""

from __future__ import annotations

import numpy as np
import torch

from vlmtui.lenses.find.kernel import max_cosine, mean_cosine, piece_logits
from vlmtui.lenses.kernels.cosine import cosine_to_rows


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def test_against_numpy():
    states = np.random.default_rng(1).normal(size=(20, 8))
    found = cosine_to_rows(torch.from_numpy(states), torch.tensor([4]))
    np.testing.assert_allclose(found, unit(states) @ unit(states)[4], atol=1e-6)
    several = cosine_to_rows(torch.from_numpy(states), torch.tensor([4, 7, 9]))
    np.testing.assert_allclose(several, unit(states) @ unit(unit(states)[[4, 7, 9]].mean(axis=0)), atol=1e-6)


def test_zero_rows_are_like_nothing():
    states = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-2.0, 0.0]])
    assert cosine_to_rows(states, torch.tensor([1])).tolist() == [0.0, 1.0, -1.0]
    assert cosine_to_rows(states, torch.tensor([0])).tolist() == [0.0, 0.0, 0.0]
    assert cosine_to_rows(states, torch.tensor([1, 2])).tolist() == [0.0, 0.0, 0.0]


def test_words():
    rng = np.random.default_rng(2)
    states, words = rng.normal(size=(20, 8)), rng.normal(size=(3, 8))
    cosines = unit(states) @ unit(words).T
    found = torch.from_numpy(states), torch.from_numpy(words)
    np.testing.assert_allclose(max_cosine(*found), cosines.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(mean_cosine(*found), cosines.mean(axis=1), atol=1e-6)


def test_logits():
    logits = torch.arange(12.0).view(3, 4)
    assert piece_logits(logits, torch.tensor([1, 3]), several=False).tolist() == [3.0, 7.0, 11.0]
    assert piece_logits(logits, torch.tensor([1, 3]), several=True).tolist() == [2.0, 6.0, 10.0]
