"""Ridge and pseudoinverse coefficients against scikit-learn and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from vlmtui.errors import CancelledError
from vlmtui.lenses.kernels.distances import EmbeddingMatrix
from vlmtui.lenses.kernels.least_squares import GramMatrix, LeastSquaresSolver, largest_coefficients


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def units(matrix: torch.Tensor, candidates: torch.Tensor) -> np.ndarray:
    rows = matrix[candidates].double().numpy()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def check(found, candidates, coefficients) -> None:
    """`coefficients` [tokens, candidates] in the lens's order."""
    for ids, scores, expected in zip(found.ids, found.scores, coefficients, strict=True):
        order = np.argsort(-expected, kind="stable")[: len(ids)]
        assert ids.tolist() == candidates[order].tolist()
        np.testing.assert_allclose(scores, expected[order], rtol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_ridge_equals_scikit_learn(dtype, ridge, generator):
    matrix = (0.02 * torch.randn(700, 40, generator=generator)).to(dtype)
    vectors = (9 * torch.randn(5, 40, generator=generator)).to(dtype)
    candidates = torch.arange(2, 700, 3)
    vocabulary = EmbeddingMatrix.of(matrix)
    found = largest_coefficients(
        vectors, vocabulary, candidates, 9, LeastSquaresSolver.of(GramMatrix(vocabulary, candidates), ridge)
    )
    atoms = units(matrix, candidates)
    penalty = ridge * len(candidates) / 40
    theirs = Ridge(alpha=penalty, fit_intercept=False, solver="svd").fit(atoms.T, vectors.double().numpy().T).coef_
    check(found, candidates, theirs)


@pytest.mark.parametrize("rows", [30, 400])
def test_pinv_equals_numpy(rows, generator):
    # with 30 rows fewer than dimensions: the triangle does not exist
    matrix = torch.randn(rows, 64, generator=generator)
    vectors = torch.randn(4, 64, generator=generator)
    vocabulary, candidates = EmbeddingMatrix.of(matrix), torch.arange(rows)
    found = largest_coefficients(
        vectors, vocabulary, candidates, 7, LeastSquaresSolver.of(GramMatrix(vocabulary, candidates), None)
    )
    theirs = vectors.double().numpy() @ np.linalg.pinv(units(matrix, candidates))
    check(found, candidates, theirs)


def test_identical_rows_share(generator):
    matrix = torch.randn(90, 16, generator=generator)
    matrix[20] = 3 * matrix[10]
    vocabulary, candidates = EmbeddingMatrix.of(matrix), torch.arange(90)
    found = largest_coefficients(
        matrix[10:11], vocabulary, candidates, 2, LeastSquaresSolver.of(GramMatrix(vocabulary, candidates), None)
    )
    assert found.ids.tolist() == [[10, 20]]
    assert found.scores[0, 0].item() == pytest.approx(found.scores[0, 1].item())


def test_zero_rows_have_no_part(generator):
    matrix = torch.randn(50, 8, generator=generator)
    matrix[3], matrix[5, 1] = 0, torch.nan
    vocabulary, some = EmbeddingMatrix.of(matrix), torch.tensor([i for i in range(50) if i not in (3, 5)])
    x = torch.randn(3, 8, generator=generator)
    every = largest_coefficients(
        x, vocabulary, torch.arange(50), 4, LeastSquaresSolver.of(GramMatrix(vocabulary, torch.arange(50)), 0.1)
    )
    few = largest_coefficients(x, vocabulary, some, 4, LeastSquaresSolver.of(GramMatrix(vocabulary, some), 0.1))
    assert torch.equal(every.ids, few.ids)
    torch.testing.assert_close(every.scores, few.scores, rtol=1e-9, atol=0)
    x[1, 0] = torch.nan
    none = largest_coefficients(x, vocabulary, some, 4, LeastSquaresSolver.of(GramMatrix(vocabulary, some), 0.1))
    assert none.scores[1].isnan().all()
    assert largest_coefficients(
        x[:0], vocabulary, some, 4, LeastSquaresSolver.of(GramMatrix(vocabulary, some), 0.1)
    ).ids.shape == (0, 4)


def test_blocks_change_nothing(generator):
    matrix = torch.randn(300, 30, generator=generator)
    vocabulary, candidates = EmbeddingMatrix.of(matrix), torch.arange(300)
    x = torch.randn(9, 30, generator=generator)
    whole = largest_coefficients(
        x, vocabulary, candidates, 5, LeastSquaresSolver.of(GramMatrix(vocabulary, candidates), 0.1)
    )
    small = LeastSquaresSolver.of(GramMatrix(vocabulary, candidates), 0.1, budget=4096)
    parts = largest_coefficients(x, vocabulary, candidates, 5, small, budget=4096)
    assert torch.equal(whole.ids, parts.ids)
    torch.testing.assert_close(whole.scores, parts.scores, rtol=1e-10, atol=0)


def test_what_was_stopped_goes_on_from_there(generator):
    matrix = torch.randn(300, 16, generator=generator)
    gram, asked = GramMatrix(EmbeddingMatrix.of(matrix), torch.arange(300)), []

    def third() -> bool:
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(CancelledError):
        gram.whole(third, budget=100 * 16 * 8)
    asked.clear()
    rows = units(matrix, torch.arange(300))
    np.testing.assert_allclose(gram.whole(lambda: bool(asked.append(1)), budget=100 * 16 * 8), rows.T @ rows)
    assert len(asked) == 1
