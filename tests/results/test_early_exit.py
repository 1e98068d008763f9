"""Which patch has which token's words."""

from __future__ import annotations

import numpy as np

from vlmtui.geometry import Place
from vlmtui.reading import TokenWords
from vlmtui.results import early_exit


def token(index: int, grid: int | None, patches: tuple[int, ...]) -> Place:
    kind = "patch" if grid is not None else "newline"
    return Place(index, kind, grid, 0, 0, (0.0, 0.0, 1.0, 1.0), 1.0, patches)


def patch(index: int, grid: int, number: int) -> Place:
    return Place(index, "patch", grid, 0, number, (0.0, 0.0, 1.0, 1.0), 1.0, (number,))


# two patches of the first grid become a token, one of the second; then one that the model cut away
TOKENS = (token(0, None, ()), token(1, 0, (0, 1)), token(2, 1, (1,)))
PATCHES = (patch(0, 0, 0), patch(1, 0, 1), patch(2, 1, 0), patch(3, 1, 1))


def words(tokens: list[int], explained: bool = False) -> TokenWords:
    ids = np.array([[10 * t, 10 * t + 1] for t in tokens], np.int64).reshape(-1, 2)
    return TokenWords(
        metric="omp" if explained else "l2",
        k=2,
        all_tokens=False,
        tokens=np.array(tokens, np.int64),
        ids=ids,
        scores=ids / 100,
        pieces={},
        texts={},
        special=frozenset(),
        candidates=5,
        left_out=0,
        seconds=0.0,
        explained=ids / 1000 if explained else None,
    )


def test_patches_go_into_the_token_that_they_were_made_into():
    assert early_exit.token_of_patch(PATCHES, TOKENS).tolist() == [1, 1, early_exit.NONE, 2]
    assert early_exit.token_of_patch((), TOKENS).tolist() == []
    assert early_exit.no_patches_reason("m", TOKENS, "") == ""
    said = early_exit.no_patches_reason("m", TOKENS[:1], "queries read all")
    assert (
        said
        == "the image tokens of m do not come from single vision patches (queries read all): choose the stage tokens"
    )


def test_patches_share_the_words_of_their_token():
    spread = early_exit.words_of_patches(
        words([2, 1], explained=True), early_exit.token_of_patch(PATCHES, TOKENS), range(4)
    )
    assert spread.tokens.tolist() == [0, 1, 2, 3]
    assert [spread.at(row) for row in range(4)] == [
        [(10, 0.1), (11, 0.11)],
        [(10, 0.1), (11, 0.11)],
        [],
        [(20, 0.2), (21, 0.21)],
    ]
    assert spread.share(0) == 0.011
    assert spread.share(2) == 0.0
    assert spread.metric == "omp"


def test_a_token_whose_words_were_not_asked_for_has_none():
    assert early_exit.words_of_patches(words([]), np.array([1, early_exit.NONE]), range(2)).ids.tolist() == [
        [-1, -1],
        [-1, -1],
    ]
    some = early_exit.words_of_patches(words([1]), np.array([2, 1, 1]), (2, 0))
    assert some.tokens.tolist() == [2, 0]
    assert some.ids.tolist() == [[10, 11], [-1, -1]]
