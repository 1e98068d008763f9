"""Similarities, probabilities and losses of pictures and texts, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vlmtui.lenses.kernels.contrastive import cosines, pair_loss, probabilities


def test_cosines():
    rng = np.random.default_rng(0)
    images, texts = rng.normal(size=(3, 8)), rng.normal(size=(5, 8))
    images[1] = 0
    found = cosines(torch.from_numpy(images), torch.from_numpy(texts))
    lengths = np.outer(np.linalg.norm(images, axis=1), np.linalg.norm(texts, axis=1))
    expected = np.divide(images @ texts.T, lengths, out=np.zeros((3, 5)), where=lengths > 0)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == torch.float32


def test_probabilities():
    logits = np.random.default_rng(1).normal(scale=4, size=(3, 5))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities(torch.from_numpy(logits), "softmax"), softmax, atol=1e-6)
    sigmoid = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(probabilities(torch.from_numpy(logits), "sigmoid"), sigmoid, atol=1e-6)


def test_large_logits_are_no_trouble():
    logits = torch.tensor([[300.0, -300.0], [-300.0, 300.0]])
    assert probabilities(logits, "softmax").tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert pair_loss(logits, "softmax").value == pytest.approx(0)
    assert pair_loss(logits, "sigmoid").value == pytest.approx(0)
    assert pair_loss(-logits, "sigmoid").value == pytest.approx(600)


def test_loss_of_pairs():
    logits = np.random.default_rng(2).normal(size=(4, 4))
    found = pair_loss(torch.from_numpy(logits), "softmax")
    across = -np.log(np.diag(np.exp(logits)) / np.exp(logits).sum(axis=1)).mean()
    down = -np.log(np.diag(np.exp(logits)) / np.exp(logits).sum(axis=0)).mean()
    assert found.image_to_text == pytest.approx(across)
    assert found.text_to_image == pytest.approx(down)
    assert found.value == pytest.approx((across + down) / 2)
    signs = 2 * np.eye(4) - 1
    expected = np.log1p(np.exp(-signs * logits)).sum() / 4
    assert pair_loss(torch.from_numpy(logits), "sigmoid").value == pytest.approx(expected)
    assert pair_loss(torch.from_numpy(logits), "sigmoid").image_to_text is None


def test_one_pair():
    one = torch.tensor([[2.0]])
    assert pair_loss(one, "softmax").value == 0
    assert pair_loss(one, "sigmoid").value == pytest.approx(np.log1p(np.exp(-2)))
