"""Folded lists against folding by hand, and the search that goes on until there are enough lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmtui.display.pieces import fold_name
from vlmtui.lenses.folded_token_words import fold_token_words, folds, search_folded, spellings_among
from vlmtui.metrics import METRICS
from vlmtui.reading import TokenWords
from vlmtui.results.folded_words import fold_list, fold_lists, next_depth
from vlmtui.results.hub_words import LEAST_TOKENS
from vlmtui.results.noise_baseline import AGREEING, MetricAgreement

ENDED = [("sky</w>", "sky"), ("sky</w>", None), ("Sky</w>", "Sky"), ("sky", "sky"), ("ĠSKY", " SKY")]
SPELLED = ["▁sky", "sky", "Sky", "▁SKY", "▁roof", "Roof", "▁a", "▁b", "▁c", "▁d", None, None]


def text(piece: str | None) -> str | None:
    """What a piece decodes to."""
    return piece and piece.replace("▁", " ")


@given(st.lists(st.sampled_from("aAbBcC"), unique=True), st.integers(1, 4))
def test_lines_are_the_best_spellings_and_count_down_to_the_last_line(words: list[str], k: int) -> None:
    firsts = [rank for rank, word in enumerate(words) if word.lower() not in [w.lower() for w in words[:rank]]][:k]
    end = firsts[-1] + 1 if len(firsts) == k else len(words)
    counts = [sum(w.lower() == words[rank].lower() for w in words[:end]) for rank in firsts]
    assert fold_list([word.lower() for word in words], k) == tuple(zip(firsts, counts, strict=True))
    assert fold_list([word.lower() for word in [*words, "z", "Z"]], k)[: len(firsts)] == fold_list(
        [word.lower() for word in words], k
    )


def test_a_list_is_whole_with_k_lines_or_where_it_ends() -> None:
    names = dict(enumerate("aabc"))
    found = fold_lists(np.array([[0, 1, 2], [0, 1, -1], [2, 3, 0], [-1, -1, -1]]), names, 3)
    assert found.ranks.tolist() == [[0, 2, -1], [0, -1, -1], [0, 1, 2], [-1, -1, -1]]
    assert found.spellings.tolist() == [[2, 1, 0], [2, 0, 0], [1, 1, 1], [0, 0, 0]]
    assert found.whole.tolist() == [False, True, True, True]


def test_names_are_one_for_spellings_and_differ_for_rows_without_a_token() -> None:
    assert len({fold_name(i, piece, text(piece)) for i, piece in enumerate(SPELLED[:4])}) == 1
    # other words, which full case folding would make one
    assert fold_name(0, "▁Maß", " Maß") != fold_name(1, "▁mass", " mass")
    assert fold_name(10, None, None) != fold_name(11, None, None)
    # a mark where a word begins or ends is no part of it; one that it goes on is displayed
    assert len({fold_name(0, piece, text) for piece, text in ENDED}) == 1
    assert fold_name(0, "##sky", "##sky") != fold_name(1, "sky", "sky")


def test_metrics_agree_on_a_word_in_whatever_spelling() -> None:
    ids = np.array([[0, 4], [2, 0], [4, 0], [10, 0], [3, -1]])
    named = {i: SPELLED[i] for i in np.unique(ids[ids >= 0]).tolist()}
    found = MetricAgreement(
        token=0, metrics=AGREEING, ids=ids, pieces=named, texts={i: text(p) for i, p in named.items()}
    )
    spellings = spellings_among(found, fold_name(0, SPELLED[0], text(SPELLED[0])))
    assert spellings == (0, 2, 3)
    assert found.with_first(0, *spellings) == 3
    assert found.with_first(0) == 1
    # of rows without a token each is a word of its own
    assert spellings_among(found, fold_name(10, None, None)) == (10,)
    assert spellings_among(found, fold_name(11, None, None)) == ()


def searched(lists: list[list[int]], k: int) -> TokenWords:
    """The first k words of these lists, as a session finds them among as many candidates as there are spellings."""
    wide = min(k, len(SPELLED))
    ids = np.array([row[:wide] for row in lists], np.int64)
    return TokenWords(
        metric="cosine",
        k=wide,
        all_tokens=True,
        tokens=np.arange(len(lists)),
        ids=ids,
        scores=1 - np.tile(np.arange(wide), (len(lists), 1)) / 16,
        pieces={i: SPELLED[i] for i in np.unique(ids).tolist()},
        texts={i: text(SPELLED[i]) for i in np.unique(ids).tolist()},
        special=frozenset(),
        candidates=len(SPELLED),
        left_out=0,
        seconds=0.0,
    )


def test_the_search_goes_on_until_every_list_has_k_lines() -> None:
    every = list(range(len(SPELLED)))
    asked: list[int] = []

    def search(k: int) -> TokenWords:
        asked.append(k)
        return searched([every, every[::-1]], k)

    words, found = search_folded(search, 2, "cosine")
    assert asked == [4, 8]
    assert words.ids.tolist() == [[0, 1], [11, 10]]
    assert set(words.pieces) == {0, 1, 10, 11}
    assert found is not None
    assert found.words.ids.tolist() == [[0, 4], [11, 10]]
    assert found.words.scores[0].tolist() == [1.0, 0.75]
    assert found.spellings.tolist() == [[4, 1], [1, 1]]
    asked.clear()
    words, found = search_folded(search, 11, "cosine")
    assert asked == [22]  # there are no more words
    assert found is not None
    assert (found.words.ids[0] >= 0).sum() == 8  # sky, roof, a, b, c, d, and two rows without a token


@pytest.mark.parametrize("metric", METRICS)
def test_coefficients_do_not_fold(metric: str) -> None:
    assert folds(metric) == (metric not in ("omp", "omp-positive", "ridge", "pinv"))  # type: ignore[arg-type]
    if not folds(metric):  # type: ignore[arg-type]
        asked: list[int] = []
        _, found = search_folded(lambda k: asked.append(k) or searched([[0, 1, 2]], k), 2, metric)  # type: ignore
        assert (asked, found) == ([2], None)


def test_a_word_is_a_hub_by_all_its_spellings() -> None:
    half = [[0, 6, 7], [4, 0, 7]] * LEAST_TOKENS
    other = [[1, 8, 9], [2, 8, 6]] * LEAST_TOKENS
    lines, whole = fold_token_words(searched(half + other, 3), 3)
    assert whole
    assert lines.hubs == {0: 1.0}  # of which no spelling is in more than half of the lists
    assert lines.of_hubs == {0: 1.0, 1: 1.0, 2: 1.0}
    some = lines.narrowed(np.arange(4 * LEAST_TOKENS) < 1)
    assert some.words.ids.tolist() == [[0, 6, 7]]
    assert set(some.words.pieces) == {0, 6, 7}
    assert some.hubs == lines.hubs


def test_more_lines_than_any_vocabulary_has_take_no_memory() -> None:
    folded = fold_lists(np.array([[0, 1, 2]]), {0: "sky", 1: "sky", 2: "sea"}, (1 << 63) - 1)
    assert folded.ranks.tolist() == [[0, 2, -1]]
    assert folded.spellings.tolist() == [[2, 1, 0]]
    assert not folded.whole.all()
    assert next_depth(0, (1 << 63) - 1) < 1 << 63
