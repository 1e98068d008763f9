"""How much to believe words, from the engine: against NumPy, and so that noise looks like noise."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.session.local_engine import Desk
from vlmtui.errors import CancelledError, UsageError
from vlmtui.lenses.kernels.noise import random_like
from vlmtui.lenses.lens_source import LensSource
from vlmtui.metrics import METRICS
from vlmtui.reading import Reading, TokenWords
from vlmtui.results.noise_baseline import AGREEING, NoiseBaseline
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.scheduler import FrontEnd, RequestQueue, ScheduledRequest

SAMPLES = Path(__file__).parents[2] / "sample_images"


@pytest.fixture(scope="module")
def desk() -> Desk:
    desk = Desk()
    desk.load(m.Load("demo", device="cpu"), lambda *_: None)
    return desk


def read(desk: Desk, data: bytes) -> Reading:
    return desk.ask(m.Read("x.png", data, hashlib.sha256(data).hexdigest(), 10**7)).reading


@pytest.fixture(scope="module")
def photo(desk) -> Reading:
    return read(desk, (SAMPLES / "china.jpg").read_bytes())


@pytest.fixture(scope="module")
def noises(desk) -> list[Reading]:
    """As many pixels as the model takes, each of any colour: what shuffling leaves as it is.

    Several, for the patches of one picture move together: one picture of noise may lie above most of another.
    """
    pictures = []
    for seed in range(7, 13):
        file = io.BytesIO()
        rgb = np.random.default_rng(seed).integers(0, 256, (224, 224, 3), dtype=np.uint8)
        Image.fromarray(rgb).save(file, "PNG")
        pictures.append(read(desk, file.getvalue()))
    return pictures


@pytest.fixture(scope="module")
def noise(noises) -> Reading:
    return noises[0]


def words(desk: Desk, reading: Reading, **options) -> TokenWords:
    return desk.typed(typed_lenses.words(reading.id, options.pop("metric", "l2"), 3, **options))


def null(desk: Desk, reading: Reading, **options) -> NoiseBaseline:
    return desk.typed(typed_lenses.null(reading.id, options.pop("metric", "l2"), 3, **options))


def percentiles(desk: Desk, reading: Reading, what: str = "percentile", **options) -> np.ndarray:
    found, of = words(desk, reading, **options), null(desk, reading, **options)
    return np.array([getattr(of.of(found, row), what) for row in range(len(found.tokens))])


def middling(desk: Desk, noises: list[Reading], what: str = "percentile", **options) -> bool:
    """Whether noise lies in the middle of noise."""
    return 20 < np.mean([np.median(percentiles(desk, noise, what, **options)) for noise in noises]) < 80


def test_noise_looks_like_noise_and_a_photograph_does_not(desk, noises, photo):
    for metric in ("l2", "cosine", "dot", "omp"):
        assert middling(desk, noises, metric=metric), metric
    assert middling(desk, noises, "margin")
    for metric in ("l2", "cosine-centred"):
        assert np.median(percentiles(desk, photo, metric=metric)) > 95, metric
    # what noise says the photograph hardly says
    assert all(np.mean(percentiles(desk, noise, "same", metric="l2")) > 10 for noise in noises)
    assert np.mean(percentiles(desk, photo, "same", metric="l2")) < 1


def test_random_vectors_are_further_from_words_than_a_picture(desk, photo):
    assert np.median(percentiles(desk, photo, "random", metric="cosine")) > 99


@pytest.mark.parametrize("word", ["roof", "zebra"])
def test_what_find_finds_in_noise_is_by_the_same_cosine(desk, photo, word):
    asked = m.Compute(lens=LensSource("find"), reading=photo.id, stage="tokens", options={"text": word, "noise": True})
    found = desk.ask(asked).result.values
    kept, copy = desk.state.readings[photo.id], desk.state.readings[f"{photo.id}, shuffled"]
    held = desk.state.word_search()
    row = held.index.tokenizer.convert_tokens_to_ids(f"▁{word}")
    direction = torch.nn.functional.normalize(held.index.vocabulary.embeddings[row].double(), dim=0)
    shuffled, random, own = (
        (torch.nn.functional.normalize(one.double()) @ direction).numpy()
        for one in (copy.tokens, random_like(copy.tokens), kept.tokens)
    )
    np.testing.assert_allclose(found, np.maximum(shuffled, random), atol=1e-6)
    # a roof is above noise in some patches; of a zebra, from which shuffled pixels point away, nothing is
    above = own > np.sort(found)[int(np.ceil(0.95 * len(found))) - 1]
    assert (0.1 < above.mean() < 0.5) if word == "roof" else not above.any()


def test_the_distributions_are_those_of_the_same_search(desk, photo):
    kept = desk.state.readings[photo.id]
    found = null(desk, photo, metric="cosine")
    copy = desk.state.readings[f"{photo.id}, shuffled"]
    assert not torch.equal(copy.tokens, kept.tokens)
    pixels = copy.inputs.pixels["pixel_values"], kept.inputs.pixels["pixel_values"]
    assert torch.equal(*(one.flatten().sort().values for one in pixels))
    held = desk.state.word_search()
    rows = held.index.vocabulary.embeddings[held.index.words].double()
    for vectors, of in ((copy.tokens, found.shuffled), (random_like(kept.tokens), found.random)):
        cosines = torch.nn.functional.normalize(vectors.double()) @ torch.nn.functional.normalize(rows).T
        best = cosines.topk(2).values.numpy()
        np.testing.assert_allclose(of.scores, np.sort(best[:, 0]), rtol=1e-9)
        np.testing.assert_allclose(of.margins, np.sort(best[:, 0] - best[:, 1]), atol=1e-12)
        assert sum(of.firsts.values()) == len(vectors)
    score = found.shuffled.scores[49]
    standing = found.standing((-1,), float(score), None)
    assert (standing.percentile, standing.margin, standing.same) == (25.0, None, 0.0)


def test_every_order_has_its_null_found_once(desk, photo):
    for metric in METRICS:
        found = null(desk, photo, metric=metric)
        assert (found.metric, found.note) == (metric, "")
        assert np.isfinite(found.shuffled.scores).all()
        assert len(found.shuffled.scores) == len(found.random.scores) == len(photo.places)
        # a pursuit's first coefficient is not larger than its second for a reason
        assert bool(len(found.shuffled.margins)) == (not metric.startswith("omp"))
        assert null(desk, photo, metric=metric).seconds == found.seconds  # found once
    half, other = null(desk, photo, metric="ridge", ridge=0.5), null(desk, photo, metric="ridge")
    assert half.seconds != other.seconds
    shares = null(desk, photo, metric="omp").shuffled.scores
    assert (shares >= 0).all()
    assert (shares < 1).all()
    assert null(desk, photo, all_tokens=True).all_tokens
    with pytest.raises(UsageError, match="no words at vision"):
        null(desk, photo, stage="vision.1")
    with pytest.raises(UsageError, match="λ"):
        null(desk, photo, ridge=-1.0)


def test_layers(desk, noises, noise, photo):
    for reading in (noise, photo):
        found = null(desk, reading, stage="llm.2")
        assert (found.metric, len(found.shuffled.scores)) == ("logit", len(reading.places))
        assert found.seconds == null(desk, reading, stage="llm.2", metric="dot").seconds
        assert found.seconds != null(desk, reading, stage="llm.1").seconds
    assert middling(desk, noises, stage="llm.2")


def test_it_may_be_withdrawn(desk, noise):
    for progress, stop in (((CancelledError("no")), False), (None, True)):
        desk.state.readings._kept.pop(f"{noise.id}, shuffled", None)

        def said(*_: object, error=progress) -> None:
            if error is not None:
                raise error

        with pytest.raises(CancelledError):
            desk.typed(typed_lenses.null(noise.id, "pinv", 3, all_tokens=True), lambda stop=stop: stop, said)


def test_a_copy_takes_no_room_from_its_reading():
    desk = Desk(readings_bytes=1, layers_bytes=1 << 20)
    desk.load(m.Load("demo", device="cpu"), lambda *_: None)
    reading = read(desk, (SAMPLES / "scene-town.png").read_bytes())
    null(desk, reading)
    assert [*desk.state.readings._kept] == [reading.id, f"{reading.id}, shuffled"]
    words(desk, reading, stage="llm.1")
    room = desk.state.readings.layers_room(desk.state.readings[f"{reading.id}, shuffled"])
    assert room == (1 << 20) - desk.state.readings[reading.id].layers_size
    null(desk, reading, stage="llm.1")
    assert desk.state.readings[reading.id].layers is not None
    another = read(desk, (SAMPLES / "scene-shapes.png").read_bytes())
    assert [*desk.state.readings._kept] == [another.id]


def test_agreement(desk, photo):
    found = desk.typed(typed_lenses.agreement(photo.id, 5, 4))
    assert (found.token, found.metrics, found.ids.shape) == (5, AGREEING, (5, 4))
    by_metric = {}
    for metric in AGREEING:
        ids = desk.typed(typed_lenses.words(photo.id, metric, 1 if metric == "omp" else 4, (5,))).ids[0]
        by_metric[metric] = ids
        assert found.ids[AGREEING.index(metric), : len(ids)].tolist() == ids.tolist()
    first = int(by_metric["l2"][0])
    assert found.with_first(first) == sum(int(ids[0]) == first for ids in by_metric.values())
    lists = [set(ids.tolist()) for metric, ids in by_metric.items() if metric != "omp"]
    shares = [len(a & b) / 4 for i, a in enumerate(lists) for b in lists[:i]]
    assert found.overlap == pytest.approx(np.mean(shares))
    with pytest.raises(UsageError, match="no image token 999"):
        desk.typed(typed_lenses.agreement(photo.id, 999, 4))


def test_what_nobody_waits_for_gives_way():
    front, other = FrontEnd(None), FrontEnd(None)
    jobs = RequestQueue()
    asked = [typed_lenses.null("r", "l2", 8, idle=True).body, typed_lenses.agreement("r", 3, 8, idle=True).body]
    idle = [ScheduledRequest(front, m.Request(number, body)) for number, body in enumerate(asked)]
    assert [jobs.add(job) for job in idle] == [[], []]
    assert jobs.add(ScheduledRequest(other, m.Request(5, typed_lenses.words("r", "l2", 8).body))) == []
    assert jobs.add(ScheduledRequest(front, m.Request(6, typed_lenses.words("r", "l2", 8).body))) == idle
    assert all(job.withdrawn.is_set() for job in idle)
    waited_for = ScheduledRequest(front, m.Request(7, typed_lenses.null("r", "l2", 8).body))
    assert jobs.add(waited_for) == []
    assert jobs.add(ScheduledRequest(front, m.Request(8, typed_lenses.layers("r").body))) == []
