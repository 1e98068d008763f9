"""Words whose scores are parts of a sum: the words panel and the book of words."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tui import readings
from vlmtui.metrics import METRICS
from vlmtui.reading import TokenWords
from vlmtui.tui.panels.words import bar_shares
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.word_table import WordTable


def picked(tokens: list[int], ids: list[list[int]], k: int) -> TokenWords:
    """An answer of a pursuit; -1 where it ended early."""
    made = readings.words(tokens, k, "omp")
    names = {i: f"▁w{i}" for row in ids for i in row if i >= 0}
    there = np.array(ids) >= 0
    changes = {
        "ids": np.array(ids, dtype=np.int64),
        "scores": np.where(there, -np.arange(1.0, k + 1), np.nan),
        "explained": np.where(there, np.linspace(0.1, 0.4, k), np.nan),
        "pieces": names,
        "texts": dict(names),
    }
    return TokenWords(**({f: getattr(made, f) for f in made.__struct_fields__} | changes))


def test_a_pursuit_that_ended_early_is_known_and_not_asked_for_again() -> None:
    book = WordTable("r", "tokens", "omp", 3)
    book.add(picked([0, 1], [[5, 7, -1], [-1, -1, -1]], 3))
    assert [w.id for w in book.rows[0]] == [5, 7]
    assert book.rows[1] == ()
    assert book.missing([0, 1, 2]) == [2]
    again = book.gathered([0, 1], 3)
    assert again.ids.tolist() == [[5, 7, -1], [-1, -1, -1]]
    assert again.at(0) == [(5, -1.0), (7, -2.0)]
    assert again.share(0) == pytest.approx(0.25)
    assert again.share(1) == 0.0


def test_fewer_words_of_a_pursuit_are_another_fit() -> None:
    nearest, pursuit = WordTable("r", "tokens", "l2", 3), WordTable("r", "tokens", "omp", 3)
    nearest.add(readings.words([0], 3))
    pursuit.add(picked([0], [[5, 7, 9]], 3))
    assert not nearest.want(2)
    assert nearest.missing([0]) == []
    assert pursuit.want(2)
    assert pursuit.missing([0]) == [0]
    pursuit.add(picked([0], [[5, 7, 9]], 3))  # what was asked for before
    assert pursuit.missing([0]) == [0]
    pursuit.add(picked([0], [[5, 7]], 2))
    assert pursuit.missing([0]) == []
    assert not pursuit.want(2)


def test_what_is_missing_follows_what_is_wanted_and_what_came_last() -> None:
    book = WordTable("r", "tokens", "l2", 2)
    lists = [["sky", "Sky", "cloud"], ["a", "b", "c"]]
    book.add(readings.listed_words(lists, [0, 1], 2))
    assert book.missing([0, 1, 2]) == [2]
    assert book.want(2, fold=True)
    assert book.missing([0, 1]) == [0], "both of its words are spellings of one"
    book.add(readings.listed_words(lists, [0], 3))
    assert book.missing([0, 1]) == []
    assert book.want(3)
    assert book.missing([0, 1]) == [1]
    book.add(readings.listed_words(lists, [1], 3))
    assert book.missing([0, 1]) == []
    book.add(readings.listed_words(lists, [0, 1], 2))  # asked for earlier
    assert book.missing([0, 1]) == [0, 1]


def test_bars_of_coefficients_are_their_size() -> None:
    assert bar_shares([4.0, -2.0, 1.0], coefficients=True) == [1.0, 0.5, 0.25]
    assert bar_shares([0.0], coefficients=True) == [0.0]
    assert bar_shares([], coefficients=True) == []


def test_every_metric_is_reached() -> None:
    view, seen = Selection(), []
    for _ in METRICS:
        seen.append(view.metric)
        view = view.next_metric()
    assert seen == list(METRICS)
    assert view.metric == "cosine"
