"""Noise that keeps what it should, and nothing else; the same every time."""

from __future__ import annotations

import torch

from vlmtui.lenses.kernels.noise import random_like, shuffle_pixels
from vlmtui.lenses.noise_baseline.kernel import NoiseStatistics


def test_shuffled_pixels_keep_their_colours_and_lose_their_places():
    frames = [torch.arange(3 * 8 * 6.0).view(3, 8, 6), torch.randn(3, 8, 6)]
    found = shuffle_pixels(frames)
    for before, after in zip(frames, found, strict=True):
        assert after.shape == before.shape
        colours = [sorted(map(tuple, frame.flatten(1).T.tolist())) for frame in (before, after)]
        assert colours[0] == colours[1]
        moved = (before != after).any(dim=0)
        assert moved.float().mean() > 0.9
        # most of a patch comes from other patches: 4 × 3 pixels each
        own = before[0, :4, :3].flatten()
        assert torch.isin(after[0, :4, :3].flatten(), own).float().mean() < 0.7
    assert all(torch.equal(one, two) for one, two in zip(found, shuffle_pixels(frames), strict=True))
    assert not torch.equal(found[0].argsort(dim=-1), found[1].argsort(dim=-1))


def test_random_vectors_have_the_norms_and_no_direction_in_common():
    vectors = torch.randn(64, 512) * torch.rand(64, 1) * 30
    vectors[5] = 0
    random = random_like(vectors)
    torch.testing.assert_close(random.norm(dim=1), vectors.norm(dim=1))
    assert torch.cosine_similarity(random, vectors).abs().max() < 0.25
    assert torch.equal(random, random_like(vectors))
    assert random_like(vectors.bfloat16()).dtype == torch.bfloat16


def test_noise_is_sorted_and_holds_numbers_only():
    noise = NoiseStatistics.of(torch.tensor([[3.0, 1.0, 0.0], [torch.nan, 2.0, 1.0], [2.0, 1.5, 1.0]]))
    assert noise.scores.tolist() == [2.0, 3.0]
    assert noise.margins.tolist() == [0.5, 2.0]
    alone = NoiseStatistics.of(torch.tensor([[3.0], [2.0]]))
    assert (alone.scores.tolist(), alone.margins.tolist()) == ([2.0, 3.0], [])
    assert NoiseStatistics.of(torch.zeros(0, 2)).scores.tolist() == []
    assert NoiseStatistics.of(torch.zeros(3, 0)).scores.tolist() == []
