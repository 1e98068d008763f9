"""Every metric through the engine: what the session answers against NumPy on the same vectors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.session.local_engine import Desk
from tests.session.test_client import png
from vlmtui.errors import CancelledError, UsageError
from vlmtui.metrics import METRICS
from vlmtui.reading import TokenWords
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses


def quiet(*_: object) -> None:
    pass


@pytest.fixture(scope="module")
def engine(clip_folder) -> Desk:
    engine = Desk()
    engine.load(m.Load(str(clip_folder), device="cpu"), quiet)
    return engine


@pytest.fixture(scope="module")
def reading(engine) -> str:
    image = png()
    return engine.read(m.Read(image.source, image.data, image.sha256, 10**6), quiet).reading.id


@pytest.fixture(scope="module")
def held(engine, reading) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image tokens, word vectors, and the rows searched."""
    tokens = engine.state.readings[reading].tokens.double().numpy()
    return tokens, engine.state.vocabulary.vocabulary.embeddings.double().numpy(), engine.state.vocabulary.words.numpy()


def ask(engine, reading, metric, k=5, **options) -> TokenWords:
    return engine.typed(typed_lenses.words(reading, metric, k, **options), lambda: False)


def test_every_metric_is_answered(engine, reading):
    for metric in METRICS:
        words = ask(engine, reading, metric, tokens=(3, 1))
        assert (words.metric, words.tokens.tolist(), words.ids.shape) == (metric, [3, 1], (2, 5))
        assert (words.explained is not None) == metric.startswith("omp")
        assert words.ridge == (0.1 if metric == "ridge" else None)
        assert all(id_ in words.pieces for id_, _ in words.at(0))


def test_cosine_centred(engine, reading, held):
    x, e, rows = held
    centre = e[rows].mean(axis=0)
    x, e = x - centre, e - centre
    cosines = x @ e.T / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(e, axis=1)
    words = ask(engine, reading, "cosine-centred")
    np.testing.assert_allclose(words.scores, np.take_along_axis(cosines, words.ids, axis=1), rtol=1e-9)
    np.testing.assert_allclose(words.scores, -np.sort(-cosines[:, rows], axis=1)[:, :5], rtol=1e-9)


def test_pursuits_add_up(engine, reading, held):
    x, e, _ = held
    words = ask(engine, reading, "omp", k=6)
    for row, ids in enumerate(words.ids):
        units = e[ids] / np.linalg.norm(e[ids], axis=1)[:, None]
        np.testing.assert_allclose(words.scores[row], np.linalg.lstsq(units.T, x[row], rcond=None)[0], rtol=1e-8)
        left = np.linalg.norm(x[row] - words.scores[row] @ units) / np.linalg.norm(x[row])
        assert words.share(row) == pytest.approx(1 - left)


def test_ridge_and_its_lambda(engine, reading, held):
    x, e, rows = held
    units = e[rows] / np.linalg.norm(e[rows], axis=1)[:, None]
    gram = units.T @ units
    for ridge in (0.1, 2.0):
        words = ask(engine, reading, "ridge", ridge=ridge)
        penalty = ridge * len(rows) / x.shape[1] * np.eye(x.shape[1])
        coefficients = np.linalg.solve(gram + penalty, x.T).T @ units.T
        np.testing.assert_allclose(words.scores, -np.sort(-coefficients, axis=1)[:, :5], rtol=1e-7)
        assert words.ridge == ridge
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="above 0"):
            ask(engine, reading, "ridge", ridge=wrong)


def test_what_is_made_of_a_vocabulary_is_made_once(engine, reading):
    finder = engine.state._finder
    ask(engine, reading, "ridge")
    held = dict(finder._decompositions)
    ask(engine, reading, "ridge", tokens=(2,))
    assert finder._decompositions == held
    ask(engine, reading, "pinv")
    ask(engine, reading, "ridge", ridge=0.5)
    assert [*finder._decompositions] == [None, 0.5]
    gram = finder._gram
    ask(engine, reading, "pinv", all_tokens=True)
    assert finder._gram is not gram


def test_one_patch_may_be_asked_about_amidst_all(engine, reading):
    """Between blocks a session answers what is quick, and the long answer is the same."""
    for metric in METRICS:
        alone = ask(engine, reading, metric)
        amidst = []

        def stop(metric=metric, amidst=amidst) -> bool:
            if len(amidst) < 3:
                amidst.append(ask(engine, reading, metric, tokens=(4,)))
            return False

        engine.state._finder._gram = None
        words = engine.typed(typed_lenses.words(reading, metric, 5), stop)
        np.testing.assert_array_equal(words.ids, alone.ids)
        np.testing.assert_allclose(words.scores, alone.scores, rtol=1e-12)
        for one in amidst:
            np.testing.assert_array_equal(one.ids[0], alone.ids[4])


def test_every_metric_can_be_withdrawn(engine, reading):
    for metric in METRICS:
        with pytest.raises(CancelledError):
            engine.typed(typed_lenses.words(reading, metric, 5), lambda: True)
