"""Join counts: whether the patches that share a word lie together more than chance would have it.

A join is a pair of such patches at most `REACH` rows and columns apart (Cliff and Ord's join count, with the neighbours
of a window of 5 × 5 patches). The null is the number of joins among as many patches of the grid drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

REACH = 2
"""The largest difference of rows, and of columns, between two patches that are neighbours."""
PERMUTATIONS = 500
_SEED = 0
_HALF = tuple(
    (down, right)
    for down in range(REACH + 1)
    for right in range(-REACH, REACH + 1)
    if down > 0 or right > 0  # of two neighbours the later in reading order, so that each pair counts once
)


@dataclass(frozen=True)
class JoinTest:
    """The test of several words, each array [words].

    `joins` were counted and `expected` are the mean of all ways to place as many patches; `p` is the share of the
    permutations with at least as many joins, the observed placement counted as one of them.
    """

    joins: Ints
    expected: Doubles
    p: Doubles


def join_test(cells: Ints, words: Ints, patches: Ints, count: int) -> JoinTest:
    """Test `count` words in a grid whose patches are at `cells` [patches, (row, column)].

    Word `words[i]` is at the patch `patches[i]`; no pair occurs twice. Permutations are the same every time.
    """
    joins = count_joins(cells, words, patches, count)
    sizes = np.bincount(words, minlength=count)
    pairs = neighbour_pairs(cells)
    total = len(cells)
    expected = len(pairs) * sizes * (sizes - 1) / max(total * (total - 1), 1)
    random = permuted_joins(pairs, total, PERMUTATIONS, _SEED)
    reached = np.zeros(count, np.int64)
    for permuted in random:
        reached += permuted[sizes] >= joins
    return JoinTest(joins, expected, (1 + reached) / (1 + PERMUTATIONS))


def count_joins(cells: Ints, words: Ints, patches: Ints, count: int) -> Ints:
    """The joins of every word, int64 [count]; arguments as of `join_test`."""
    stride = int(cells[:, 1].max(initial=0)) + 1 + REACH  # wide enough that no step leads into the next row's patches
    area = stride * (int(cells[:, 0].max(initial=0)) + 1 + REACH)
    keys = np.sort(words * area + cells[patches, 0] * stride + cells[patches, 1])
    joins = np.zeros(count, np.int64)
    for down, right in _HALF:
        beside = keys + down * stride + right
        found = np.searchsorted(keys, beside)
        joined = keys[np.minimum(found, len(keys) - 1)] == beside if len(keys) else np.zeros(0, bool)
        joins += np.bincount(keys[joined] // area, minlength=count)
    return joins


def neighbour_pairs(cells: Ints) -> Ints:
    """All pairs of neighbouring patches, each once, as indices of `cells` [pairs, 2]."""
    rows, cols = (int(cells[:, axis].max(initial=-1)) + 1 for axis in (0, 1))
    at = np.full((rows + REACH, cols + 2 * REACH), -1, np.int64)
    at[cells[:, 0], cells[:, 1] + REACH] = np.arange(len(cells))
    pairs = []
    for down, right in _HALF:
        beside = at[cells[:, 0] + down, cells[:, 1] + REACH + right]
        there = np.flatnonzero(beside >= 0)
        pairs.append(np.stack([there, beside[there]], axis=1))
    return np.concatenate(pairs)


def permuted_joins(pairs: Ints, total: int, permutations: int, seed: int) -> Ints:
    """The joins among the first n of `total` patches in random order, for every n, int64 [permutations, total + 1].

    The first n patches of a random order are n patches drawn at random, so that one order serves every n: a pair is
    joined from the n on that includes the later of its two.
    """
    random = np.random.default_rng(seed)
    joins = np.zeros((permutations, total + 1), np.int64)
    for row in joins:
        position = random.permutation(total)
        later = np.maximum(position[pairs[:, 0]], position[pairs[:, 1]])
        np.cumsum(np.bincount(later, minlength=total), out=row[1:])
    return joins


def adjusted_p_values(p: Doubles) -> Doubles:
    """P-values adjusted by Benjamini and Hochberg: rejecting those up to q keeps the false discovery rate at q."""
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
