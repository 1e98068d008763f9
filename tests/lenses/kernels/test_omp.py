"""Orthogonal matching pursuit against scikit-learn's, and against a plain loop over lstsq."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import OrthogonalMatchingPursuit

from vlmtui.errors import CancelledError
from vlmtui.lenses.kernels.distances import EmbeddingMatrix
from vlmtui.lenses.kernels.omp import matching_pursuit


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(11)


def plain(x: np.ndarray, matrix: np.ndarray, candidates: list[int], k: int, positive: bool):
    """For each step a product of the whole vocabulary and a least-squares solve: ids, coefficients, shares."""
    units = matrix[candidates] / np.linalg.norm(matrix[candidates], axis=1, keepdims=True)
    chosen: list[int] = []
    shares, rest, coefficients = [], x.copy(), np.zeros(0)
    for _ in range(k):
        near = units @ rest if positive else np.abs(units @ rest)
        near[chosen] = -np.inf
        best = int(np.flatnonzero(near >= near.max() - 1e-6 * abs(near.max()))[0])
        if near[best] <= 1e-9 * np.linalg.norm(x):
            break
        chosen.append(best)
        coefficients = np.linalg.lstsq(units[chosen].T, x, rcond=None)[0]
        rest = x - coefficients @ units[chosen]
        shares.append(1 - np.linalg.norm(rest) / np.linalg.norm(x))
    return [candidates[i] for i in chosen], coefficients, shares


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_equals_scikit_learn(dtype, generator):
    matrix = (0.02 * torch.randn(900, 96, generator=generator)).to(dtype)
    vectors = (5 * torch.randn(9, 96, generator=generator)).to(dtype)
    found = matching_pursuit(vectors, EmbeddingMatrix.of(matrix), torch.arange(900), 8)
    units = matrix.double().numpy()
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    for ids, coefficients, x in zip(found.ids, found.coefficients, vectors.double().numpy(), strict=True):
        theirs = OrthogonalMatchingPursuit(n_nonzero_coefs=8, fit_intercept=False).fit(units.T, x).coef_
        assert sorted(ids.tolist()) == np.flatnonzero(theirs).tolist()
        np.testing.assert_allclose(coefficients, theirs[ids], rtol=1e-10)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("alike", [0.0, 3.0])
def test_equals_a_plain_loop(positive, dtype, alike, generator):
    # word vectors that have a direction in common, as real ones have
    matrix = torch.randn(500, 64, generator=generator) + alike * torch.randn(1, 64, generator=generator)
    matrix = matrix.to(dtype)
    vectors = (20 * torch.randn(7, 64, generator=generator)).to(dtype)
    candidates = torch.arange(3, 500, 2)
    found = matching_pursuit(vectors, EmbeddingMatrix.of(matrix), candidates, 6, positive, budget=1 << 14)
    for i, x in enumerate(vectors.double().numpy()):
        ids, coefficients, shares = plain(x, matrix.double().numpy(), candidates.tolist(), 6, positive)
        n = len(ids)  # fewer than asked where nothing else points the vector's way
        assert found.ids[i].tolist() == ids + [-1] * (6 - n)
        np.testing.assert_allclose(found.coefficients[i, :n], coefficients, rtol=1e-9)
        np.testing.assert_allclose(found.explained[i, :n], shares, rtol=1e-9)
        assert (np.diff(found.explained[i, :n].numpy()) > 0).all()


def test_signs(generator):
    matrix = torch.eye(6)
    x = torch.tensor([[0.0, -5.0, 3.0, 0.0, -1.0, 2.0]])
    found = matching_pursuit(x, EmbeddingMatrix.of(matrix), torch.arange(6), 3)
    assert found.ids.tolist() == [[1, 2, 5]]
    assert found.coefficients.tolist() == [[-5.0, 3.0, 2.0]]
    positive = matching_pursuit(x, EmbeddingMatrix.of(matrix), torch.arange(6), 4, positive=True)
    # nothing else points the same way: it ends there
    assert positive.ids.tolist() == [[2, 5, -1, -1]]
    assert positive.coefficients[0, :2].tolist() == [3.0, 2.0]
    assert positive.coefficients[0, 2:].isnan().all()
    assert positive.explained[0, 2:].isnan().all()


def test_identical_directions_are_one_word(generator):
    matrix = torch.randn(300, 32, generator=generator)
    matrix[100:200] = matrix[250] * torch.linspace(0.5, 2, 100)[:, None]
    vectors = matrix[250:251] * 4 + 0.5 * torch.randn(3, 32, generator=generator)
    found = matching_pursuit(vectors, EmbeddingMatrix.of(matrix), torch.arange(300), 12)
    same = {*range(100, 200), 250}
    for ids in found.ids.tolist():
        assert ids[0] == 100
        assert not same & {*ids[1:]}
        assert len({*ids}) == 12


def test_it_ends_where_the_vector_is_explained(generator):
    matrix = torch.randn(40, 16, generator=generator).to(torch.bfloat16)
    units = torch.nn.functional.normalize(matrix.double(), dim=1)
    vectors = torch.stack([3 * units[7] - 2 * units[9], torch.zeros(16, dtype=torch.float64), units[3]])
    found = matching_pursuit(vectors, EmbeddingMatrix.of(matrix), torch.arange(40), 20)
    assert {7, 9} <= {*found.ids[0].tolist()}
    assert found.ids.shape == (3, 20)
    assert (found.ids[0] >= 0).sum() <= 16
    assert found.ids[1].tolist() == [-1] * 20
    assert found.ids[2].tolist() == [3] + [-1] * 19
    assert found.coefficients[2, 0].item() == pytest.approx(1)
    assert found.explained[2, 0].item() == pytest.approx(1)
    last = found.explained[0][found.ids[0] >= 0][-1]
    assert last.item() == pytest.approx(1, abs=1e-8)


def test_more_words_than_independent_rows(generator):
    base = torch.randn(3, 24, generator=generator, dtype=torch.float64)
    matrix = torch.randn(50, 3, generator=generator, dtype=torch.float64) @ base
    found = matching_pursuit(torch.randn(4, 24, generator=generator), EmbeddingMatrix.of(matrix), torch.arange(50), 9)
    assert (found.ids >= 0).sum(dim=1).tolist() == [3] * 4


def test_zero_rows_and_what_is_not_a_number(generator):
    matrix = torch.randn(30, 8, generator=generator)
    matrix[:5], matrix[6, 2], matrix[8, 1] = 0, torch.nan, torch.inf
    vectors = torch.randn(3, 8, generator=generator)
    vectors[1, 3] = torch.nan
    found = matching_pursuit(vectors, EmbeddingMatrix.of(matrix), torch.arange(30), 6)
    assert found.ids[1].tolist() == [-1] * 6
    assert not {0, 1, 2, 3, 4, 6, 8} & {*found.ids[0].tolist(), *found.ids[2].tolist()}
    none = matching_pursuit(vectors, EmbeddingMatrix.of(matrix), torch.tensor([0, 6]), 3)
    assert none.ids.tolist() == [[-1, -1]] * 3
    assert matching_pursuit(vectors, EmbeddingMatrix.of(matrix), torch.arange(0), 3).ids.shape == (3, 0)


def test_blocks_change_nothing(generator):
    matrix = torch.randn(400, 32, generator=generator)
    vectors = torch.randn(33, 32, generator=generator)
    whole = matching_pursuit(vectors, EmbeddingMatrix.of(matrix), torch.arange(400), 5)
    parts = matching_pursuit(vectors, EmbeddingMatrix.of(matrix), torch.arange(400), 5, budget=4096)
    assert torch.equal(whole.ids, parts.ids)
    torch.testing.assert_close(whole.coefficients, parts.coefficients, rtol=1e-11, atol=0)


def test_it_can_be_withdrawn(generator):
    matrix = torch.randn(400, 32, generator=generator)
    with pytest.raises(CancelledError):
        matching_pursuit(matrix[:3], EmbeddingMatrix.of(matrix), torch.arange(400), 5, should_stop=lambda: True)
