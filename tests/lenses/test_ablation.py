"""Occlusion with a model made of a table; blocks; blurred boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from vlmtui.errors import CancelledError
from vlmtui.lenses.ablation.kernel import blocks, blurred, occlusion

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
    drops = occlusion(run_with, groups, lambda done, total, drop: heard.append((done, total, drop.tolist())))
    torch.testing.assert_close(drops, torch.stack([WEIGHTS[group].sum(0) for group in groups]))
    assert heard == [(i + 1, 3, drop.tolist()) for i, drop in enumerate(drops)]


def test_occlusion_stops_between_groups():
    done = []
    with pytest.raises(CancelledError):
        occlusion(
            run_with,
            [torch.tensor([i]) for i in range(4)],
            lambda i, total, drop: done.append(i),
            lambda: len(done) == 2,
        )
    assert done == [1, 2]


def test_blocks_hold_their_neighbours_within_a_grid():
    places = [(0, row, col) for row in range(3) for col in range(4)] + [None, (1, 0, 0), None]
    found = [block.tolist() for block in blocks(places, 2)]
    assert found == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9], [10, 11], [12], [13], [14]]
    assert [block.tolist() for block in blocks(places, 1)] == [[i] for i in range(15)]


def test_blurred_boxes_and_nothing_else():
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)
    made = blurred(rgb, [(10.2, 20.0, 29.7, 40.0), (80.0, -5.0, 200.0, 5.5), (3.0, 3.0, 3.0, 9.0)])
    inside = np.zeros((60, 90), bool)
    inside[20:40, 10:30] = inside[0:6, 80:90] = True
    assert np.array_equal(made[~inside], rgb[~inside])
    for part in (made[20:40, 10:30], made[0:6, 80:90]):
        assert part.std(axis=(0, 1)).max() < 12 < 60 < rgb.std(axis=(0, 1)).min()
    assert abs(made[20:40, 10:30].mean() - rgb[10:50, 5:40].mean()) < 5
    assert np.array_equal(blurred(rgb, []), rgb)
