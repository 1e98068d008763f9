"""The labelled photographs have the form they claim, and are scored as a hand would."""

from __future__ import annotations

import hashlib
from itertools import permutations, product
from pathlib import Path

import msgspec
import numpy as np
import pytest

from demo_training.evaluation.photographs import (
    EACH,
    HEAD,
    PICTURES,
    Labels,
    Patch,
    Photograph,
    bare,
    hits,
    overall_rows,
    photograph_rows,
    photograph_scores,
    read_labels,
    score,
    scores,
    spellings,
)
from vlmtui.demo import CHECKPOINT


@pytest.fixture(scope="module")
def labels() -> Labels:
    return read_labels()


def test_every_photograph_is_labelled(labels: Labels) -> None:
    files = {p.name for p in PICTURES.glob("*.*g") if not p.name.startswith("scene-")}
    assert set(labels.photographs) == files
    for name, photograph in labels.photographs.items():
        assert hashlib.sha256((PICTURES / name).read_bytes()).hexdigest() == photograph.sha256
        assert len(photograph.counted) >= 40


def test_patches_are_those_that_the_seed_drew(labels: Labels) -> None:
    for i, photograph in enumerate(labels.photographs.values()):
        rng = np.random.default_rng([labels.seed, i])
        drawn = [
            (2 * row + corner // 2, 2 * col + corner % 2)
            for row in range(labels.grid // 2)
            for col, corner in enumerate(rng.integers(0, 4, labels.grid // 2).tolist())
        ]
        assert [(p.row, p.col) for p in photograph.patches] == drawn


def test_words(labels: Labels) -> None:
    patches = [p for photograph in labels.photographs.values() for p in photograph.patches]
    for patch in patches:
        assert patch.unclear == (not patch.things) == (not patch.colours)
        for words in (patch.things, patch.colours):
            assert len(set(words)) == len(words)
            assert all(word.isalpha() and word.islower() for word in words)
    # so that a colour is never counted as a thing
    assert not {w for p in patches for w in p.things} & {w for p in patches for w in p.colours}


@pytest.mark.parametrize(
    ("word", "plural"),
    [("star", "stars"), ("galaxy", "galaxies"), ("leaf", "leaves"), ("roof", "roofs"), ("dish", "dishes"),
     ("toy", "toys"), ("glass", "glasses"), ("woman", "women"), ("gray", "grey")],
)  # fmt: skip
def test_a_plural_is_the_same_word(word: str, plural: str) -> None:
    assert {word, plural} <= spellings(word)


def test_another_word_is_not() -> None:
    assert "eyes" not in spellings("eyebrow")
    assert spellings("sky") == {"sky", "skies"}
    assert not hits([["car"]], [["cars", "▁card"], ["scar", "ca"]])[0, 1]


def test_marks_and_case() -> None:
    assert [bare(p) for p in ("▁Sky", "Ġsky", "sky</w>", "SKY")] == ["sky"] * 4


MADE = Labels(
    about=(), grid=2, seed=0,
    photographs={
        "a": Photograph("", (
            Patch(0, 0, ("sky",), ("blue",)), Patch(0, 1, unclear=True), Patch(1, 0, ("tree", "leaf"), ("green",)),
        )),
        "b": Photograph("", (Patch(0, 0, ("cup",), ("white",)), Patch(1, 1, ("wood",), ("brown", "red")))),
    },
)  # fmt: skip
SAID = {"a": [["▁sky", "▁green"], ["▁leaves", "▁blue"]], "b": [["▁wood", "▁white"], ["▁wood", "▁grey"]]}


def test_scores_of_made_up_lists() -> None:
    found = scores(MADE, SAID)
    things, colours = found["things"], found["colours"]
    # sky and leaves are right, the cup is not, the wood is; any list with a right word: 1 + 1 + 0 + 2 of 4 × 4
    assert (things["overall"]["share"], things["overall"]["all dealt"]) == (0.75, 0.25)
    # in a 1 of 2, 1 of 2; in b 0 of 2, 2 of 2
    assert things["overall"]["own dealt"] == 0.5
    assert things["photographs"]["a"]["found"] == {"sky": 1, "leaf": 1}
    assert things["photographs"]["b"] | {"interval": None, "above dealt": None} == {
        "patches": 2, "share": 0.5, "interval": None, "all dealt": 0.25, "own dealt": 0.5, "above dealt": None,
        "found": {"wood": 1},
    }  # fmt: skip
    # only white is where it is said
    assert (colours["overall"]["share"], colours["photographs"]["a"]["share"]) == (0.25, 0)


def test_dealt_lists_are_the_mean_of_all_permutations() -> None:
    rng = np.random.default_rng(3)
    of = np.array([0, 0, 0, 1, 1])
    hit = rng.random((5, 5)) < 0.4
    patches = np.arange(5)
    anywhere = [hit[patches, list(p)].mean() for p in permutations(range(5))]
    within = [hit[patches, [*p, *q]].mean() for p, q in product(permutations((0, 1, 2)), permutations((3, 4)))]
    got = score(hit, of)
    assert got["all dealt"] == pytest.approx(np.mean(anywhere), abs=1e-4)
    assert got["own dealt"] == pytest.approx(np.mean(within), abs=1e-4)


def test_interval_of_one_photograph_is_that_of_a_share() -> None:
    n = 400
    hit = np.zeros((n, n), bool)
    hit[np.arange(n // 4), np.arange(n // 4)] = True
    low, high = score(hit, np.zeros(n, int))["interval"]
    error = 1.96 * np.sqrt(0.25 * 0.75 / n)
    assert (low, high) == pytest.approx((0.25 - error, 0.25 + error), abs=0.006)


def test_interval_over_photographs_knows_that_patches_are_alike() -> None:
    of = np.repeat(np.arange(4), 100)
    hit = np.broadcast_to((of < 2)[:, None], (400, 400))
    low, high = score(hit, of)["interval"]
    assert low <= 0.25
    assert high >= 0.75
    assert score(hit, of)["above dealt"] == [0, 0]


def test_a_checkpoint_is_measured(labels: Labels) -> None:
    one = {"flower.jpg": labels.photographs["flower.jpg"]}
    figures = photograph_scores(CHECKPOINT, msgspec.structs.replace(labels, photographs=one))
    for metric in ("l2", "cosine"):
        for what in ("things", "colours"):
            assert figures[metric][what]["overall"]["patches"] == 49
    assert {len(row) for row in overall_rows(figures)} == {len(HEAD)}
    assert {len(row) for row in photograph_rows(figures)} == {len(EACH)}


def test_another_picture_is_refused(labels: Labels, tmp_path: Path) -> None:
    (tmp_path / "flower.jpg").write_bytes((PICTURES / "chelsea.png").read_bytes())
    one = {"flower.jpg": labels.photographs["flower.jpg"]}
    with pytest.raises(ValueError, match=r"flower\.jpg is not the photograph"):
        photograph_scores(CHECKPOINT, msgspec.structs.replace(labels, photographs=one), tmp_path)
