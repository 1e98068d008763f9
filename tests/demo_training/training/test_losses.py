"""The patch loss is a cross-entropy, also in the half precision that training runs in."""

from __future__ import annotations

import pytest
import torch

from demo_training.targets import LABELS, target_matrix
from demo_training.training.losses import PatchLoss


def loss_at(length: float, objects: float = 1.0) -> float:
    """The loss of tokens of a length that stand at right angles to every word: all logits sink alike with it."""
    loss = PatchLoss()
    generator = torch.Generator().manual_seed(0)
    signals, vocabulary = target_matrix().shape
    told = torch.zeros(4, 32, signals)
    told[..., :LABELS].scatter_(-1, torch.randint(LABELS, (4, 32, 1), generator=generator), 1.0)
    told[..., LABELS:] = torch.rand(4, 32, signals - LABELS, generator=generator)
    tokens = torch.zeros(4, 196, 64)
    tokens[..., :32] = length * torch.nn.functional.normalize(torch.randn(4, 196, 32, generator=generator), dim=-1)
    words = torch.zeros(vocabulary, 64)
    words[:, 32:] = torch.nn.functional.normalize(torch.randn(len(words), 32, generator=generator), dim=-1)
    chosen = torch.randint(196, (4, 32), generator=generator)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return float(loss(tokens, chosen, told, words, objects))


def test_the_length_of_a_token_alone_changes_no_loss() -> None:
    """Targets rounded to bfloat16 do not sum to 1: then longer tokens pay, and tokens grow without bound."""
    assert loss_at(100.0) == pytest.approx(loss_at(1.0), abs=0.02)
    assert loss_at(100.0, objects=2) == pytest.approx(loss_at(1.0, objects=2), abs=0.02)
