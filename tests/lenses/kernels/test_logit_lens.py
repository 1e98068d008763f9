"""The logit lens against the plain way: all logits at once, sorted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vlmtui.errors import CancelledError
from vlmtui.lenses.kernels.logit_lens import logit_lens
from vlmtui.lenses.kernels.nearest_neighbours import TIE, rank_with_ties
from vlmtui.lenses.token_words import stable_from

HIDDEN, ROWS = 24, 700


def unembedding(seed: int = 0):
    """A norm and a head; remembers how many states it was given at once."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(ROWS, HIDDEN, generator=generator)
    weight[300:360] = weight[40]  # many rows that are the same
    weight[660:] = 0  # rows beyond the tokenizer
    calls: list[int] = []

    def unembed(states: Tensor) -> Tensor:
        calls.append(len(states))
        return torch.nn.functional.rms_norm(states, (HIDDEN,)) @ weight.T

    unembed.weight = weight
    return unembed, calls


def states(n: int, seed: int = 1) -> Tensor:
    return torch.randn(n, HIDDEN, generator=torch.Generator().manual_seed(seed))


def plainly(logits: Tensor, candidates: Tensor, k: int) -> tuple[list[list[int]], list[list[float]]]:
    pairs = [rank_with_ties(candidates.tolist(), row[candidates].tolist(), k) for row in logits.double()]
    return [[i for i, _ in row] for row in pairs], [[score for _, score in row] for row in pairs]


@pytest.mark.parametrize("some", [torch.arange(ROWS), torch.arange(3, 650, 2), torch.arange(300, 350)])
@pytest.mark.parametrize("k", [1, 8, 40])
def test_words_are_those_of_a_plain_sort(some, k):
    unembed, _ = unembedding()
    x = states(9)
    found = logit_lens(x, unembed, ROWS, some, k)
    ids, scores = plainly(unembed(x), some, k)
    assert found.ids.tolist() == ids
    torch.testing.assert_close(found.scores, torch.tensor(scores, dtype=torch.float64), rtol=1e-6, atol=1e-6)
    assert (found.scores[:, 1:] <= found.scores[:, :-1] + TIE * found.scores[:, :-1].abs()).all()


def test_of_equal_logits_the_lower_id_comes_first():
    unembed, _ = unembedding()
    found = logit_lens(torch.zeros(2, HIDDEN), unembed, ROWS, torch.arange(5, ROWS), 6)
    assert found.ids.tolist() == [[5, 6, 7, 8, 9, 10]] * 2


def test_more_equal_logits_than_were_asked_for():
    """Row 40 and those that are the same as it, 60 of them: more than are kept at first."""
    unembed, _ = unembedding()
    x = unembed.weight[40:41].clone()
    assert logit_lens(x, unembed, ROWS, torch.arange(ROWS), 5).ids.tolist() == [[40, 300, 301, 302, 303]]
    assert logit_lens(x, unembed, ROWS, torch.arange(ROWS), 40).ids.tolist() == [[40, *range(300, 339)]]


def test_entropy_is_that_of_all_rows():
    unembed, _ = unembedding()
    x = states(5)
    p = torch.softmax(unembed(x).double(), dim=-1)
    true = -(p * p.log()).sum(dim=-1)
    for some in (torch.arange(ROWS), torch.arange(10)):
        torch.testing.assert_close(logit_lens(x, unembed, ROWS, some, 3).entropy, true, rtol=1e-5, atol=1e-5)
    even = logit_lens(torch.zeros(1, HIDDEN), unembed, ROWS, torch.arange(3), 1).entropy
    torch.testing.assert_close(even, torch.tensor([ROWS], dtype=torch.float64).log(), rtol=1e-6, atol=1e-6)


def test_a_row_that_can_never_be_said_adds_nothing_to_the_entropy():
    def unembed(x: Tensor) -> Tensor:
        return torch.tensor([0.0, 0.0, -torch.inf]).expand(len(x), -1)

    found = logit_lens(torch.zeros(1, 4), unembed, 3, torch.arange(2), 2)
    torch.testing.assert_close(found.entropy, torch.tensor([2.0], dtype=torch.float64).log(), rtol=1e-6, atol=1e-6)


def test_states_that_are_no_numbers_have_no_scores():
    unembed, _ = unembedding()
    x = states(3)
    x[1, 0] = torch.nan
    found = logit_lens(x, unembed, ROWS, torch.arange(20, ROWS), 2)
    assert found.ids[1].tolist() == [-1, -1]
    assert found.scores[1].isnan().all()
    assert found.entropy[1].isnan()
    assert found.scores[[0, 2]].isfinite().all()


def test_blocks_are_bounded_and_change_nothing():
    unembed, calls = unembedding()
    x = states(10)
    whole = logit_lens(x, unembed, ROWS, torch.arange(ROWS), 4)
    assert calls == [10]
    calls.clear()
    parts = logit_lens(x, unembed, ROWS, torch.arange(ROWS), 4, budget=3 * ROWS * 4 * 3)
    assert calls == [3, 3, 3, 1]
    assert parts.ids.tolist() == whole.ids.tolist()
    torch.testing.assert_close(parts.scores, whole.scores, rtol=1e-6, atol=0)
    calls.clear()
    logit_lens(x, unembed, ROWS, torch.arange(ROWS), 4, budget=1)
    assert calls == [1] * 10


def test_nothing_to_look_for():
    unembed, _ = unembedding()
    assert logit_lens(states(3), unembed, ROWS, torch.arange(0), 4).ids.shape == (3, 0)
    assert logit_lens(states(0), unembed, ROWS, torch.arange(9), 4).ids.shape == (0, 4)


def test_it_stops_between_blocks():
    unembed, calls = unembedding()
    with pytest.raises(CancelledError):
        logit_lens(states(9), unembed, ROWS, torch.arange(9), 1, should_stop=lambda: len(calls) == 2, budget=1)
    assert calls == [1, 1]


@pytest.mark.parametrize(
    ("first", "layer"),
    [([7], 1), ([7, 7, 7], 1), ([3, 7, 7], 2), ([7, 3, 7], 3), ([7, 7, 3], 3), ([], None)],
)
def test_settled(first, layer):
    ids = np.array(first, np.int64)[:, None]
    assert stable_from(ids, np.zeros(ids.shape)) == layer
    if first:
        assert stable_from(ids, np.full(ids.shape, np.nan)) is None
