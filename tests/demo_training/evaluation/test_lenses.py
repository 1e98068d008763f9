"""The lenses tell something true of the demo model: the card's own figures, on the first of its scenes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from demo_training.drawings.scenes import FIGURES
from demo_training.evaluate import read_figures
from demo_training.evaluation.lenses import (
    GRID,
    PATCHES,
    AnswerCase,
    LocalSession,
    ablation_figures,
    adjacent_patches,
    answer_cases,
    class_shares,
    find_figures,
    scattered_patches,
)
from demo_training.evaluation.patch_accuracy import scenes_from
from demo_training.evaluation.rank_statistics import auc, sign_test
from demo_training.vocabulary import NAMES
from tests.models.conftest import one_thread  # noqa: F401
from vlmtui.demo import CHECKPOINT, WEIGHTS

SKIES, ASKED = 60, 16


@pytest.fixture(scope="module")
def desk() -> LocalSession:
    return LocalSession(CHECKPOINT)


@pytest.mark.parametrize("levels", [4, 50, 10**9])
def test_auc_is_that_of_scikit_learn_equal_scores_too(levels: int) -> None:
    rng = np.random.default_rng(levels)
    scores, right = rng.integers(0, levels, 500) / 7, rng.random(500) < 0.2
    assert auc(scores, right) == pytest.approx(roc_auc_score(right, scores), abs=1e-12)


def test_auc_at_its_ends() -> None:
    assert auc([1, 2, 3], [False, False, True]) == 1
    assert auc([1, 2, 3], [True, False, False]) == 0
    assert auc([5, 5, 5], [True, False, False]) == 0.5
    assert math.isnan(auc([1, 2], [True, True]))


@pytest.mark.parametrize(("above", "below", "zero"), [(7, 1, 3), (5, 5, 0), (0, 0, 4), (120, 60, 0), (2, 900, 0)])
def test_sign_test_is_that_of_scipy(above: int, below: int, zero: int) -> None:
    differences = [0.5] * above + [-2.0] * below + [0.0] * zero
    theirs = binomtest(above, above + below).pvalue if above + below else 1.0
    assert sign_test(differences) == pytest.approx(theirs, rel=1e-9)


def test_shares_of_patches_are_counted_pixels() -> None:
    scene = next(s for s in scenes_from(FIGURES, 40) if (s.labels == NAMES.index("sky")).mean() > 0.1)
    found, sky = class_shares(scene), scene.labels == NAMES.index("sky")
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    rows = sky.reshape(GRID, 16, GRID, 16).mean(axis=(1, 3)).ravel()
    np.testing.assert_allclose(found[NAMES.index("sky")], rows, atol=1e-6)


def test_find_lights_the_sky(desk: LocalSession) -> None:
    """As the card says, or little below it on these few scenes."""
    said = read_figures(WEIGHTS)["demo"]["figures"]["lenses"]["find"]["sky"]
    found = find_figures(desk, scenes_from(FIGURES, SKIES), np.zeros((len(NAMES), PATCHES)), ["sky"])["sky"]
    assert found["scenes"] >= 10
    assert found["auc"] >= said["auc"] - 0.03
    assert found["within"] >= said["within"] - 0.03
    assert found["place"] == 0.5


def test_an_answer_needs_its_thing_more_than_as_many_other_patches(desk: LocalSession) -> None:
    """The card has the figures; what must hold on these few scenes is more than half, and twice the fall."""
    found = ablation_figures(desk, scenes_from(FIGURES, ASKED), "colour", draws=2)["all"]
    assert found["scenes"] >= 10
    for way in ("scattered", "together"):
        assert found[way]["thing is more"] > 0.5
        assert found["thing"]["mean"] > 2 * abs(found[way]["mean"])


def test_draws_are_as_many_patches_without_the_thing(desk: LocalSession) -> None:
    case: AnswerCase = next(answer_cases(desk, scenes_from(FIGURES, 4), "colour"))
    rng = np.random.default_rng(0)
    for draw in (scattered_patches, adjacent_patches):
        patches = draw(case, rng)
        assert len(set(patches.tolist())) == len(patches) == case.thing.sum()
        assert case.other[patches].all()
