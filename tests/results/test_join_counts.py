"""Join counts, against a loop over all pairs, PySAL's esda, and exact means; adjusted p-values against SciPy's."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from esda.join_counts import Join_Counts
from hypothesis import given
from hypothesis import strategies as st
from libpysal.graph import Graph
from scipy import stats

from vlmtui.results.join_counts import (
    PERMUTATIONS,
    REACH,
    adjusted_p_values,
    count_joins,
    join_test,
    neighbour_pairs,
    permuted_joins,
)

grids = st.tuples(st.integers(1, 8), st.integers(1, 8)).flatmap(
    lambda size: st.sets(st.tuples(st.integers(0, size[0] - 1), st.integers(0, size[1] - 1)), min_size=1)
)
"""Cells of grids with holes."""


def brute_pairs(cells: np.ndarray) -> set[tuple[int, int]]:
    """All pairs of cells at most two rows and two columns apart."""
    return {
        (i, j) for i, j in itertools.combinations(range(len(cells)), 2) if np.abs(cells[i] - cells[j]).max() <= REACH
    }


def members(draw: st.DataObject, cells: np.ndarray, words: int) -> list[list[int]]:
    """The patches of every word."""
    subsets = st.lists(st.sets(st.integers(0, len(cells) - 1)), min_size=words, max_size=words)
    return [sorted(one) for one in draw.draw(subsets)]


def flat(patches: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Words and patches as pairs."""
    pairs = [(word, patch) for word, some in enumerate(patches) for patch in some]
    return tuple(np.array(pairs, np.int64).reshape(-1, 2).T)  # type: ignore[return-value]


@given(grids)
def test_pairs_are_those_of_a_loop(found: set[tuple[int, int]]) -> None:
    cells = np.array(sorted(found))
    pairs = neighbour_pairs(cells)
    assert {tuple(sorted(pair)) for pair in pairs.tolist()} == brute_pairs(cells)
    assert len(pairs) == len(brute_pairs(cells))


@given(grids, st.data())
def test_joins_are_those_of_a_loop(found: set[tuple[int, int]], data: st.DataObject) -> None:
    cells = np.array(sorted(found))
    patches = members(data, cells, 4)
    expected = [len(brute_pairs(cells) & set(itertools.combinations(some, 2))) for some in patches]
    assert count_joins(cells, *flat(patches), 4).tolist() == expected


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, in esda
@pytest.mark.parametrize("seed", range(12))
def test_joins_are_those_of_esda(seed: int) -> None:
    random = np.random.default_rng(seed)
    cells = np.argwhere(random.random((9, 12)) < (1.0 if seed < 4 else 0.7))  # whole grids, and some with holes
    there = np.where(cells[:, 1] < 5, random.random(len(cells)) < 0.6, random.random(len(cells)) < 0.2)
    pairs = np.array(sorted(brute_pairs(cells)))
    both = np.concatenate([pairs, pairs[:, ::-1]])
    graph = Graph.from_arrays(both[:, 0], both[:, 1], np.ones(len(both)))
    theirs = Join_Counts(there[graph.unique_ids].astype(int), graph, permutations=0)
    assert graph.n == len(cells)
    some = np.flatnonzero(there)
    assert count_joins(cells, np.zeros(len(some), np.int64), some, 1).tolist() == [theirs.bb]
    assert theirs.bb > 20


def test_permutations_draw_every_number_of_patches_at_random() -> None:
    cells = np.argwhere(np.ones((5, 6), bool))
    pairs = neighbour_pairs(cells)
    joins = permuted_joins(pairs, 30, 4000, seed=1)
    assert joins[:, :2].tolist() == [[0, 0]] * 4000
    assert (joins[:, 30] == len(pairs)).all()
    sizes = np.arange(31)
    exact = len(pairs) * sizes * (sizes - 1) / (30 * 29)
    spread = joins.std(axis=0) / math.sqrt(4000)
    assert (np.abs(joins.mean(axis=0) - exact) <= 5 * spread).all()
    # each order's counts are those of its first patches
    position = np.random.default_rng(1).permutation(30)
    first = np.flatnonzero(position < 7)
    assert joins[0, 7] == count_joins(cells, np.zeros(7, np.int64), first, 1)[0]


def test_the_test_is_that_of_separate_draws() -> None:
    """The p-values of nested draws are those of draws made for each word alone, up to their own chance."""
    cells = np.argwhere(np.ones((10, 10), bool))
    pairs = neighbour_pairs(cells)
    random = np.random.default_rng(5)
    block = np.flatnonzero((cells[:, 0] < 3) & (cells[:, 1] < 4)).tolist()
    loose = random.choice(100, 12, replace=False).tolist()
    line = [index for index in range(100) if cells[index, 0] == 7][:5]
    found = join_test(cells, *flat([block, loose, line]), 3)
    for word, some in enumerate((block, loose, line)):
        drawn = [
            np.isin(pairs, random.choice(100, len(some), replace=False)).all(axis=1).sum() for _ in range(PERMUTATIONS)
        ]
        share = np.mean(np.array(drawn) >= found.joins[word])
        assert abs(found.p[word] - share) < 4 * math.sqrt(0.25 / PERMUTATIONS)
        assert found.expected[word] == pytest.approx(np.mean(drawn), rel=0.2)
    assert found.p[0] == 1 / (1 + PERMUTATIONS)
    again = join_test(cells, *flat([block, loose, line]), 3)
    assert (again.p.tobytes(), again.expected.tobytes()) == (found.p.tobytes(), found.expected.tobytes())


@given(st.lists(st.sampled_from([0.001, 0.002, 0.01, 0.02, 0.3, 1.0]) | st.floats(1e-6, 1), min_size=1, max_size=40))
def test_adjusted_p_values_are_those_of_scipy(p: list[float]) -> None:
    np.testing.assert_allclose(adjusted_p_values(np.array(p)), stats.false_discovery_control(p), rtol=1e-12)


def test_no_p_values_to_adjust() -> None:
    assert adjusted_p_values(np.zeros(0)).tolist() == []
