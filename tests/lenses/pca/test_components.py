"""Principal components against scikit-learn, and their signs from stage to stage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from vlmtui.lenses.pca.kernel import pooled, principal_components


@pytest.mark.parametrize(("count", "hidden"), [(200, 32), (24, 96), (64, 64)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_against_scikit_learn(count, hidden, dtype):
    states = torch.randn(count, hidden, generator=torch.Generator().manual_seed(1)) * torch.linspace(5, 0.1, hidden)
    states = (states + 3).to(dtype)
    found, theirs = principal_components(states), PCA(3, svd_solver="full")
    scores = theirs.fit_transform(states.double().numpy())
    np.testing.assert_allclose(found.explained.numpy(), theirs.explained_variance_ratio_, rtol=1e-6)
    signs = np.sign((found.scores.numpy() * scores).sum(axis=0))
    np.testing.assert_allclose(found.scores.numpy(), scores * signs, atol=1e-4 * np.abs(scores).max())


def test_signs_follow_the_stage_before():
    before = principal_components(torch.randn(50, 20, generator=torch.Generator().manual_seed(2)))
    for flip in (1.0, -1.0):
        states = flip * before.scores @ torch.eye(3, 20)
        after = principal_components(states, before.scores)
        assert ((after.scores * before.scores).sum(dim=0) > 0).all()


def test_signs_follow_the_entries_that_were_there_before():
    before = principal_components(torch.randn(50, 20, generator=torch.Generator().manual_seed(2))).scores + 100
    before[::2] = torch.nan
    for flip in (1.0, -1.0):
        after = principal_components(flip * before.nan_to_num(100) @ torch.eye(3, 20), before).scores[1::2]
        assert ((after - after.mean(dim=0)) * (before[1::2] - before[1::2].mean(dim=0))).sum(dim=0).gt(0).all()


def test_scores_of_patches_are_pooled_where_tokens_merge_them():
    scores = torch.arange(15.0).view(5, 3)
    found = pooled(scores, torch.tensor([1, 1, 0, -1, 1]), 3)
    torch.testing.assert_close(found[0], scores[2])
    torch.testing.assert_close(found[1], scores[[0, 1, 4]].mean(dim=0))
    assert found[2].isnan().all()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_entries_have_few_components(count):
    found = principal_components(torch.randn(count, 8, generator=torch.Generator().manual_seed(3)))
    assert found.scores.shape == (count, 3)
    assert found.scaled().isfinite().all()
    assert (found.explained[max(0, count - 1) :] < 1e-9).all()


def test_entries_that_are_all_alike_have_none():
    found = principal_components(torch.ones(10, 4))
    assert not found.scores.any()
    assert not found.explained.any()


def test_scaled_reaches_one():
    scaled = principal_components(torch.randn(1000, 10, generator=torch.Generator().manual_seed(4))).scaled()
    assert ((scaled.abs() <= 1).float().mean(dim=0) - 0.98).abs().max() < 0.005
