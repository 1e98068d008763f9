"""A vision stage sent through the projector, from the session: words by every metric, and a word that is found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.families import build
from tests.session.local_engine import Desk, quiet
from tests.session.test_client import png
from vlmtui.errors import CancelledError, UsageError
from vlmtui.lenses.kernels.noise import random_like
from vlmtui.metrics import METRICS
from vlmtui.reading import Reading, TokenWords
from vlmtui.results import early_exit as exits
from vlmtui.results.noise_baseline import NoiseBaseline
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.typed_lenses.values import Find, Values

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def loaded(folder, **options) -> tuple[Desk, Reading]:
    engine = Desk(**options)
    engine.load(m.Load(str(folder), device="cpu"), quiet)
    return engine, read(engine)


def read(engine: Desk) -> Reading:
    image = png(130, 90)
    return engine.read(m.Read(image.source, image.data, image.sha256, 10**6), quiet).reading


@pytest.fixture(scope="module")
def llava(clip_folder) -> tuple[Desk, Reading]:
    """The projector reads vision.3 of 4, without the class token."""
    return loaded(clip_folder)


def find(engine: Desk, reading: Reading, stage: str, text: str = "sky") -> Values:
    return Values.of(engine.typed(typed_lenses.look(reading.id, stage, Find(text))))


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_looks_at_the_projected_stage(metric, llava):
    engine, reading = llava
    own = engine.typed(typed_lenses.words(reading.id, metric, 3))
    fed = engine.typed(typed_lenses.words(reading.id, metric, 3, stage="vision.3", projected=True))
    assert np.array_equal(fed.ids, own.ids)
    assert np.array_equal(fed.scores, own.scores, equal_nan=True)
    before = engine.typed(typed_lenses.words(reading.id, metric, 3, stage="vision.1", projected=True))
    assert not np.array_equal(before.scores, own.scores, equal_nan=True)
    some = engine.typed(typed_lenses.words(reading.id, metric, 3, (7, 2), stage="vision.1", projected=True))
    assert some.tokens.tolist() == [7, 2]
    assert np.array_equal(some.ids, before.ids[[7, 2]])


def test_words_are_those_of_the_tokens_that_are_projected(llava):
    engine, reading = llava
    model, words = engine.state.model, engine.state.vocabulary
    tokens = model.early_exit(engine.state.readings[reading.id].inputs, 1).double()
    found = engine.typed(typed_lenses.words(reading.id, "l2", 1, stage="vision.1", projected=True))
    distances = torch.cdist(tokens, model.embeddings[words.words].double())
    np.testing.assert_allclose(-found.scores[:, 0], distances.min(dim=1).values, rtol=1e-6)
    assert found.ids[:, 0].tolist() == words.words[distances.argmin(dim=1)].tolist()


def test_without_being_projected_a_vision_stage_has_no_words(llava):
    engine, reading = llava
    with pytest.raises(UsageError, match=r"no words at vision.1: choose tokens, .* or the lens projector"):
        engine.typed(typed_lenses.words(reading.id, "l2", 1, stage="vision.1"))
    with pytest.raises(UsageError, match=r"no stage 'vision.9'"):
        engine.typed(typed_lenses.words(reading.id, "l2", 1, stage="vision.9", projected=True))


def test_a_word_is_found_at_a_vision_stage_through_the_projector(llava):
    engine, reading = llava
    at_tokens, fed, other = (find(engine, reading, stage) for stage in ("tokens", "vision.3", "vision.1"))
    assert fed.note.startswith("projector lens")
    assert "projector" not in at_tokens.note
    assert fed.pieces == at_tokens.pieces
    # one token a patch, in the same order
    np.testing.assert_allclose(fed.numbers, at_tokens.numbers, rtol=1e-6)
    assert not np.allclose(other.numbers, at_tokens.numbers, rtol=1e-2)


def test_what_is_projected_is_kept_within_a_budget(clip_folder):
    one = 25 * 48 * 4
    engine, reading = loaded(clip_folder, layers_bytes=2 * one)
    runs: list[str] = []

    def progress(doing: str, done: int = 0, total: int = 0) -> None:
        if not done:
            runs.append(doing)

    def ask(of: Reading, stage: str) -> TokenWords:
        return engine.typed(typed_lenses.words(of.id, "l2", 1, stage=stage, projected=True), progress=progress)

    for stage in ("vision.0", "vision.1", "vision.0", "vision.2", "vision.1", "vision.0"):
        ask(reading, stage)
    named = [f"sending vision.{i} through the projector" for i in (0, 1, 2, 0)]
    assert runs == named  # two have room; the oldest of them goes
    assert set(engine.state.readings[reading.id].projected) == {2, 0}
    other = read(engine)
    ask(other, "vision.1")
    assert engine.state.readings[reading.id].projected == {}
    assert set(engine.state.readings[other.id].projected) == {1}
    assert engine.state.readings[other.id].layers_size == one


def test_a_pass_is_cancelled_between_blocks(llava):
    engine, _ = llava
    reading = read(engine)

    def stop(doing: str, done: int = 0, total: int = 0) -> None:
        if done == 2:
            raise CancelledError("the request was cancelled")

    with pytest.raises(CancelledError):
        engine.typed(typed_lenses.words(reading.id, "l2", 1, stage="vision.1", projected=True), progress=stop)
    assert engine.state.readings[reading.id].projected == {}
    engine.typed(typed_lenses.words(reading.id, "l2", 1, stage="vision.1", projected=True))


def test_noise_goes_through_the_projector_too(llava):
    engine, _ = llava
    reading = read(engine)

    def null(stage: str, **options) -> NoiseBaseline:
        return engine.typed(typed_lenses.null(reading.id, "l2", 3, stage=stage, **options))

    own, fed, early = null("tokens"), null("vision.3", projected=True), null("vision.1", projected=True)
    assert (early.stage, early.metric, early.note) == ("vision.1", "l2", "")
    # the stage that feeds the projector makes the tokens themselves; another does not
    for of, same in ((fed, True), (early, False)):
        assert np.array_equal(of.shuffled.scores, own.shuffled.scores) is same
        assert np.array_equal(of.random.scores, own.random.scores) is same
    model, words = engine.state.model, engine.state.vocabulary
    vocabulary = model.embeddings[words.words].double()
    copy = model.early_exit(engine.state.readings[f"{reading.id}, shuffled"].inputs, 1)
    vectors = random_like(model.early_exit(engine.state.readings[reading.id].inputs, 1))
    for noise, of in ((copy, early.shuffled), (vectors, early.random)):
        distances = torch.cdist(noise.double(), vocabulary).min(dim=1).values
        np.testing.assert_allclose(of.scores, np.sort(-distances.numpy()), rtol=1e-6)
    assert null("vision.1", projected=True).seconds == early.seconds  # found once
    assert set(engine.state.readings[reading.id].projected) == {3, 1}  # a copy takes no room from its reading
    with pytest.raises(UsageError, match=r"no words at vision.1: choose tokens, .* or the lens projector"):
        null("vision.1")


def test_patches_of_one_token_share_what_is_found(tmp_path):
    engine, reading = loaded(build("gemma3", tmp_path / "gemma3"))
    into = exits.token_of_patch(reading.patch_places, reading.places)
    assert len(into) == len(reading.patch_places) > len(reading.places)
    found, at_tokens = find(engine, reading, reading.model.feeds), find(engine, reading, "tokens")
    np.testing.assert_allclose(found.numbers, at_tokens.numbers[into], rtol=1e-6)
    words = engine.typed(typed_lenses.words(reading.id, "omp", 3, stage="vision.1", projected=True))
    assert len(words.ids) == len(reading.places)
    assert exits.no_exit_in_reading(reading) == ""


def test_queries_are_made_of_no_patch_in_particular(tmp_path):
    engine, reading = loaded(build("blip2", tmp_path / "blip2"))
    with pytest.raises(UsageError, match="do not come from single vision patches"):
        find(engine, reading, "vision.2")
    assert "Q-Former, which reads all patches): choose the stage tokens" in exits.no_exit_in_reading(reading)
    # the queries themselves have words there
    assert len(engine.typed(typed_lenses.words(reading.id, "l2", 2, stage="vision.2", projected=True)).ids) == 6


def test_a_tower_alone_says_why_not(tmp_path):
    engine, reading = loaded(build("siglip", tmp_path / "siglip"))
    assert "it is a vision-only model" in exits.no_exit_in_reading(reading)
    with pytest.raises(UsageError, match="has no words: it is a vision-only model"):
        engine.typed(typed_lenses.words(reading.id, "l2", 2, stage="vision.2", projected=True))
