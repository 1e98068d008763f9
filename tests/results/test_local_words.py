"""Local words on recorded lists of a real model, on drawn ones, and against a plain loop.

The lists are those of LLaVA-1.6-Vicuna-7B for three photographs, from the static pages of
pifanpi/visualizing-vlm-tokens (MIT licence).
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmtui.display.pieces import fold_name
from vlmtui.display.segments import least_cells, segments
from vlmtui.geometry import Place
from vlmtui.results.local_words import FEWEST, NONE, PatchLocalWords, find_local_words

RECORDED: dict[str, Any] = json.loads(
    gzip.decompress((Path(__file__).parents[1] / "data" / "recorded_words.json.gz").read_bytes())
)
IMAGES = sorted(RECORDED["images"])
PADDING = "<unk>"


def places(rows: int, cols: int, grid: int | None = 0, start: int = 0) -> list[Place]:
    """The places of a whole grid, row by row."""
    cells = [divmod(i, cols) for i in range(rows * cols)]
    return [Place(start + i, "patch", grid, *cell, None, 1.0, (i,)) for i, cell in enumerate(cells)]


def recorded(name: str) -> tuple[np.ndarray, dict[int, str], int, int]:
    """Lists of ids, the folded words by id, rows and columns."""
    image = RECORDED["images"][name]
    spelled = {i: fold_name(i, text, text) for i, text in enumerate(RECORDED["words"])}
    ids = np.array(image["tokens"])
    padding = [i for i, text in enumerate(RECORDED["words"]) if text == PADDING]
    return np.where(np.isin(ids, padding), NONE, ids), spelled, image["rows"], image["cols"]


def worded(ids: np.ndarray, spelled: dict[int, str], cols: int) -> list[list[str | None]]:
    """A grid of words."""
    words = [None if one < 0 else spelled[one] for one in ids.tolist()]
    return [words[at : at + cols] for at in range(0, len(words), cols)]


def large(grid: list[list[str | None]]) -> tuple[int, float]:
    """How many segments of eight patches or more there are, and the share of the patches in them."""
    sizes = [size for one in segments(grid) if (size := len(one.cells)) >= 8]
    return len(sizes), sum(sizes) / (len(grid) * len(grid[0]))


@pytest.mark.parametrize("name", IMAGES)
def test_recorded_lists_have_large_segments(name: str) -> None:
    ids, spelled, rows, cols = recorded(name)
    found = find_local_words(ids, spelled, places(rows, cols))
    number, share = large(worded(found.ids, spelled, cols))
    top = segments(worded(ids[:, 0], spelled, cols))
    own = found.found.own
    assert own is not None
    print(f"{name}: {number} segments of eight or more, {share:.0%}; top-1 {len(top)}; own lists {own:.0%}")
    assert number >= 20
    assert share >= 0.6
    assert len(top) > 450
    assert large(worded(ids[:, 0], spelled, cols))[0] <= 1
    # the share that the legend tells of
    mine = [spelled[one] in {spelled[i] for i in list_ if i >= 0} for one, list_ in zip(found.ids, ids, strict=True)]
    assert found.own.tolist() == mine
    assert own == pytest.approx(np.mean(mine))
    assert 0.3 < own < 0.45


def test_what_is_in_the_photographs_is_found() -> None:
    named = {"lathe": {"hands", "mach"}, "robot": {"robot", "hand"}, "store": {"yellow", "apple"}}
    for name, wanted in named.items():
        ids, spelled, rows, cols = recorded(name)
        found = {word.word: word for word in find_local_words(ids, spelled, places(rows, cols)).found.words}
        assert wanted <= found.keys()
        assert all(found[word].patches >= 8 for word in wanted)


@pytest.mark.parametrize("name", IMAGES)
def test_shuffled_patches_have_none(name: str) -> None:
    ids, spelled, rows, cols = recorded(name)
    for seed in range(4):
        shuffled = np.random.default_rng(seed).permutation(ids)
        found = find_local_words(shuffled, spelled, places(rows, cols))
        assert found.found.words == ()
        assert (found.ids == NONE).all()
        assert np.isnan(found.votes).all()
        assert (found.found.own, found.found.note) == (None, "no word lies together more than chance")
        assert found.found.tested > 100


def test_the_same_every_time() -> None:
    ids, spelled, rows, cols = recorded(IMAGES[0])
    one, two = (find_local_words(ids, spelled, places(rows, cols)) for _ in range(2))
    assert one.votes.tobytes() == two.votes.tobytes()
    assert one.ids.tobytes() == two.ids.tobytes()
    assert one.found == two.found


def brute_votes(found: PatchLocalWords, ids: np.ndarray, spelled: dict[int, str], at: Sequence[Place]) -> None:
    """Hold every patch's word and vote against a loop over all patches and local words of its grid."""
    for place, chosen, vote in zip(at, found.ids.tolist(), found.votes.tolist(), strict=True):
        cells = [(p.row, p.col) for p in at if p.grid == place.grid]
        area = math.prod(max(cell[axis] for cell in cells) + 1 for axis in (0, 1))
        radius = 2 if area >= 576 else 1
        votes: dict[int, float] = {}
        for word in found.found.words:
            total = 0.0
            for other, list_ in zip(at, ids.tolist(), strict=True):
                down, right = abs(other.row - place.row), abs(other.col - place.col)
                ranks = [rank for rank, one in enumerate(list_) if one >= 0 and spelled[one] == word.word]
                if other.grid == place.grid == word.grid and max(down, right) <= 2 and ranks:
                    weight = math.log(word.concentration) / math.sqrt(1 + ranks[0])
                    total += weight * math.exp(-(down**2 + right**2) / radius**2)
            if total:
                votes[word.id] = total
        if not votes:
            assert chosen == NONE
            assert math.isnan(vote)
        else:
            assert vote == pytest.approx(max(votes.values()))
            assert votes[chosen] == pytest.approx(vote)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 8), st.integers(6, 9), st.booleans())
def test_votes_are_those_of_a_loop(seed: int, rows: int, cols: int, holes: bool) -> None:
    """Words that cover a block each, two spellings among them, in two grids, one of them with holes."""
    random = np.random.default_rng(seed)
    at = [*places(rows, cols), *places(4, 5, 3, rows * cols)]
    spelled = {0: "roof", 1: "roof", 2: "sky", 3: "sea"} | {i: str(i) for i in range(4, 60)}
    ids = random.integers(4, 60, (len(at), 4))
    for entry, place in enumerate(at):
        if place.row < rows // 2 and place.col < cols // 2:
            ids[entry, random.integers(0, 4)] = random.integers(0, 2)
        if place.row >= rows // 2 - 1:
            ids[entry, random.integers(0, 4)] = 2
    if holes:
        kept = random.random(len(at)) < 0.8
        at, ids = [place for place, one in zip(at, kept, strict=True) if one], ids[kept]
    found = find_local_words(ids, spelled, at)
    brute_votes(found, ids, spelled, at)
    for word in found.found.words:
        mine = [p for p, one in zip(at, found.ids, strict=True) if one == word.id and p.grid == word.grid]
        assert word.patches == len(mine)
        if mine:
            assert word.rows == (min(p.row for p in mine), max(p.row for p in mine))
            assert word.cols == (min(p.col for p in mine), max(p.col for p in mine))
        listed = [any(spelled[i] == word.word for i in ids[e]) for e, p in enumerate(at) if p.grid == word.grid]
        assert word.lists == sum(listed) >= FEWEST


def test_a_large_grid_is_voted_for_by_a_wider_neighbourhood() -> None:
    at = places(24, 24)
    ids = np.arange(576)[:, None] + 10
    spelled = {i: str(i) for i in range(600)}
    block = [place.index for place in at if place.row < 6 and place.col < 6]
    ids[block] = 1
    found = find_local_words(ids, spelled, at)
    assert [(word.id, word.lists) for word in found.found.words] == [(1, 36)]
    brute_votes(found, ids, spelled, at)


def test_grids_are_treated_by_themselves() -> None:
    """A word that lies together in one tile alone is local there; joins do not lead into another grid."""
    spelled = {i: str(i) for i in range(100)}
    near, far = places(8, 8, 0), places(8, 8, 1, 64)
    random = np.random.default_rng(0)
    ids = random.integers(10, 100, (128, 3))
    ids[[place.index for place in near if place.row < 3 and place.col < 4], 0] = 1
    ids[random.choice(np.arange(64, 128), 12, replace=False), 0] = 1
    both = find_local_words(ids, spelled, [*near, *far]).found
    alone = find_local_words(ids[:64], spelled, near).found
    assert [word for word in both.words if word.grid == 0] == list(alone.words)
    assert [(word.id, word.grid) for word in both.words] == [(1, 0)]


def test_entries_without_a_place_have_no_word_and_no_say() -> None:
    ids, spelled, rows, cols = recorded(IMAGES[0])
    newline = Place(0, "newline", None, None, None, None, 0.0, ())
    found = find_local_words(np.concatenate([ids, ids[:24]]), spelled, [*places(rows, cols), *[newline] * 24])
    assert (found.ids[-24:] == NONE).all()
    assert found.found == find_local_words(ids, spelled, places(rows, cols)).found
    none = find_local_words(ids[:24], spelled, [newline] * 24)
    assert (none.found.words, none.found.tested) == ((), 0)


def test_spellings_are_one_word_named_by_the_most_frequent() -> None:
    spelled = {1: fold_name(1, "▁Roof", "Roof"), 2: fold_name(2, "roof", "roof"), 3: fold_name(3, "▁roof", "roof")}
    assert set(spelled.values()) == {"roof"}
    spelled |= {i: str(i) for i in range(10, 200)}
    at = places(9, 9)
    ids = np.arange(81)[:, None] + np.array([[10, 100]])
    block = [place.index for place in at if place.row < 3 and place.col < 3]
    ids[block, 0] = [1, 2, 2, 3, 3, 3, 3, 3, 1]
    ids[block[0], 1] = 2  # two spellings in one list count once
    (word,) = find_local_words(ids, spelled, at).found.words
    assert (word.id, word.lists, word.word) == (3, 9, "roof")


@pytest.mark.parametrize(("patches", "least"), [(1, 2), (196, 3), (576, 8), (4320, 8)])
def test_large_segments_are_smaller_in_small_grids(patches: int, least: int) -> None:
    assert least_cells(patches) == least
