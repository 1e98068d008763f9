"""Occlusion with a model made of a table; blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch

from vlmtui.errors import CancelledError
from vlmtui.lenses.occlusion.kernel import drop_by_group, token_blocks

WEIGHTS = torch.tensor([[1.0, 0.0], [0.5, -2.0], [0.0, 0.0], [0.25, 4.0]])


def run_with(groups: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
    """Two answer tokens whose log-probabilities are sums over what is there."""
    for gone in groups:
        there = torch.ones(4, dtype=torch.bool)
        there[gone] = False
        yield WEIGHTS[there].sum(0)


def test_what_is_taken_away_is_what_falls():
    heard = []
    groups = [torch.tensor([0]), torch.tensor([1, 3]), torch.tensor([2])]
    drops = drop_by_group(run_with, groups, lambda done, total, drop: heard.append((done, total, drop.tolist())))
    torch.testing.assert_close(drops, torch.stack([WEIGHTS[group].sum(0) for group in groups]))
    assert heard == [(i + 1, 3, drop.tolist()) for i, drop in enumerate(drops)]


def test_occlusion_stops_between_groups():
    done = []
    with pytest.raises(CancelledError):
        drop_by_group(
            run_with,
            [torch.tensor([i]) for i in range(4)],
            lambda i, total, drop: done.append(i),
            lambda: len(done) == 2,
        )
    assert done == [1, 2]


def test_blocks_hold_their_neighbours_within_a_grid():
    places = [(0, row, col) for row in range(3) for col in range(4)] + [None, (1, 0, 0), None]
    found = [block.tolist() for block in token_blocks(places, 2)]
    assert found == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9], [10, 11], [12], [13], [14]]
    assert [block.tolist() for block in token_blocks(places, 1)] == [[i] for i in range(15)]
