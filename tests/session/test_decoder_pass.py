"""The language model's layers in the engine: loaded when they are asked about, run once, kept within a budget."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

from tests.session.local_engine import Desk
from tests.session.test_client import png
from tests.session.test_engine import quiet, request
from tests.tiny_checkpoints import build_llava
from vlmtui.errors import CancelledError, ModelError, OutOfMemoryError, ReadingGoneError, UsageError
from vlmtui.reading import TokenLayerWords, stages
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.client import SessionClient

LAYERS, TOKENS = 2, 25


def never() -> bool:
    return False


class Notes:
    """The progress of one question."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        self.heard.append(doing)


def loaded(folder, **options) -> Desk:
    engine = Desk(**options)
    engine.load(m.Load(str(folder), device="cpu"), quiet)
    return engine


@pytest.fixture
def engine(clip_folder) -> Desk:
    return loaded(clip_folder)


def read(engine: Desk) -> str:
    return engine.read(request(png()), quiet).reading.id


def test_layers_are_loaded_and_run_when_they_are_asked_about(engine):
    reading, notes = read(engine), Notes()
    layers = engine.typed(typed_lenses.layers(reading), progress=notes)
    assert notes.heard.index("reading weights") < notes.heard.index("running the language model")
    assert layers.reading == reading
    assert layers.norms.shape == (LAYERS, TOKENS)
    assert layers.norms.dtype == np.float32
    ids = engine.state.readings[reading].inputs.input_ids
    assert layers.positions == ids.shape[1] > TOKENS
    # once: neither loaded nor run again
    notes = Notes()
    again = engine.typed(typed_lenses.layers(reading), progress=notes)
    engine.typed(typed_lenses.layer_words(reading, 3, 2), never, notes)
    assert notes.heard == []
    np.testing.assert_array_equal(layers.norms, again.norms)


def test_words_ask_for_what_they_need(engine):
    reading, notes = read(engine), Notes()
    words = engine.typed(typed_lenses.words(reading, "cosine", 3, stage="llm.1"), never, notes)
    assert {"reading weights", "running the language model"} <= set(notes.heard)
    assert (words.metric, words.k) == ("logit", 3)
    assert words.ids.shape == words.scores.shape == (TOKENS, 3)


def test_words_are_the_largest_logits(engine):
    reading = read(engine)
    engine.typed(typed_lenses.layers(reading))
    model, kept = engine.state.loaded, engine.state.readings[reading]
    plain = engine.typed(typed_lenses.words(reading, "l2", 1), never)
    for layer in (1, 2):
        true = model.head(kept.layers[layer - 1])
        words = engine.typed(typed_lenses.words(reading, "l2", 4, all_tokens=True, stage=f"llm.{layer}"), never)
        assert (words.candidates, words.left_out) == (true.shape[1], 0)
        best = true.topk(4, dim=-1)
        torch.testing.assert_close(torch.from_numpy(words.scores), best.values.double(), rtol=1e-5, atol=1e-6)
        some = engine.typed(typed_lenses.words(reading, "l2", 4, (7, 2), stage=f"llm.{layer}"), never)
        assert some.tokens.tolist() == [7, 2]
        assert (some.candidates, some.left_out) == (plain.candidates, plain.left_out)
        assert not some.special
        assert set(some.pieces) == set(some.texts) == set(some.ids.flat)


def test_one_token_through_all_layers(engine):
    reading = read(engine)
    found = engine.typed(typed_lenses.layer_words(reading, 5, 4), never, quiet)
    assert isinstance(found, TokenLayerWords)
    assert found.token == 5
    assert found.ids.shape == found.scores.shape == (LAYERS, 4)
    assert found.entropy.shape == (LAYERS,)
    for layer in range(1, LAYERS + 1):
        alone = engine.typed(typed_lenses.words(reading, "l2", 4, (5,), stage=f"llm.{layer}"), never)
        assert found.ids[layer - 1].tolist() == alone.ids[0].tolist()
        np.testing.assert_allclose(found.scores[layer - 1], alone.scores[0], rtol=1e-5)
        logits = engine.state.loaded.head(engine.state.readings[reading].layers[layer - 1][5]).double()
        p = torch.softmax(logits, dim=-1)
        assert found.entropy[layer - 1] == pytest.approx(float(-(p * p.log()).sum()), rel=1e-5)
    assert found.settled == (1 if found.ids[0, 0] == found.ids[1, 0] else 2)


def test_what_does_not_fit_is_computed_again(clip_folder):
    large, small = loaded(clip_folder), loaded(clip_folder, layers_bytes=LAYERS * TOKENS * 48 * 4 - 1)
    kept, again = read(large), read(small)
    question = {"metric": "l2", "k": 3, "tokens": (4, 9), "stage": "llm.2"}
    for engine, reading in ((large, kept), (small, again)):
        engine.typed(typed_lenses.layers(reading))
    assert large.state.readings[kept].layers is not None
    assert small.state.readings[again].layers is None
    notes = Notes()
    small.typed(typed_lenses.layers(again), progress=notes)  # norms are kept all the same
    assert notes.heard == []
    ours = small.typed(typed_lenses.words(again, **question), never, notes)
    assert "running the language model" in notes.heard
    theirs = large.typed(typed_lenses.words(kept, **question), never)
    np.testing.assert_array_equal(ours.ids, theirs.ids)
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    ours = small.typed(typed_lenses.layer_words(again, 9, 3), never, quiet)
    theirs = large.typed(typed_lenses.layer_words(kept, 9, 3), never, quiet)
    np.testing.assert_array_equal(ours.ids, theirs.ids)
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    assert small.state.readings[again].layers is None


def test_the_layers_of_older_readings_make_room(clip_folder):
    one = LAYERS * TOKENS * 48 * 4
    engine = loaded(clip_folder, layers_bytes=2 * one)
    readings = [read(engine) for _ in range(3)]
    for reading in readings:
        engine.typed(typed_lenses.layers(reading))
    assert [engine.state.readings[reading].layers is None for reading in readings] == [True, False, False]
    assert all(engine.state.readings[reading].norms is not None for reading in readings)


def test_the_prompt_matters_to_the_layers_and_not_to_the_tokens(engine):
    first = engine.read(request(png()), quiet).reading
    other = engine.read(msgspec.structs.replace(request(png()), prompt="Is it red or blue?"), quiet).reading
    np.testing.assert_array_equal(first.norms, other.norms)
    ours, theirs = (engine.typed(typed_lenses.layers(one.id)) for one in (first, other))
    assert ours.positions != theirs.positions
    # the picture comes first, and a causal model reads no further
    np.testing.assert_allclose(ours.norms, theirs.norms, rtol=1e-5)


def test_what_was_read_before_its_layers_came_stays(engine):
    reading = engine.read(request(png()), quiet).reading
    before = engine.typed(typed_lenses.words(reading.id, "l2", 3), never)
    holds = engine.state.origin
    engine.typed(typed_lenses.layers(reading.id))
    after = engine.typed(typed_lenses.words(reading.id, "l2", 3), never)
    np.testing.assert_array_equal(before.ids, after.ids)
    assert engine.state.loaded.info == reading.model
    assert engine.state.origin == holds  # who loaded the model has it still


def test_a_pass_is_cancelled_between_layers(engine):
    reading = read(engine)
    engine.load(m.Load(engine.state._request.model, device="cpu", layers=True), quiet)

    def stop(doing: str, done: int = 0, total: int = 0) -> None:
        if done == 1:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        engine.typed(typed_lenses.layers(reading), progress=stop)
    assert engine.state.readings[reading].norms is None
    assert engine.state.readings[reading].layers is None
    assert engine.typed(typed_lenses.layers(reading)).norms.shape == (LAYERS, TOKENS)
    with pytest.raises(CancelledError):
        engine.typed(typed_lenses.words(reading, "l2", 1, stage="llm.1"), lambda: True, quiet)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_logits_are_float32_in_any_dtype(dtype, clip_folder):
    """In bfloat16 the best logits of a large vocabulary fall together; what is shown does not."""
    engine = Desk()
    engine.load(m.Load(str(clip_folder), device="cpu", dtype=dtype), quiet)
    reading = read(engine)
    words = engine.typed(typed_lenses.words(reading, "l2", 8, all_tokens=True, stage="llm.2"), never, quiet)
    model, states = engine.state.loaded, engine.state.readings[reading].layers[-1]
    assert states.dtype == getattr(torch, dtype)
    weight = model._model.get_output_embeddings().weight.double()
    norm = model._model.get_decoder().norm
    x = states.double()
    normed = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon) * norm.weight.double()
    best = (normed @ weight.T).topk(8, dim=-1)
    np.testing.assert_allclose(words.scores, best.values.numpy(), rtol=1e-5, atol=1e-5)
    own = model.head(states).float()
    assert float((own.max(dim=-1).values.double() - best.values[:, 0]).abs().max()) < (
        0.1 if dtype == "bfloat16" else 1e-4
    )


def test_what_cannot_be_asked(engine, tmp_path):
    reading = read(engine)
    with pytest.raises(
        UsageError, match=r"there is no stage 'llm.3' in .*: choose vision.0 … vision.4, tokens, llm.1 … llm.2"
    ):
        engine.typed(typed_lenses.words(reading, "l2", 1, stage="llm.3"), never)
    with pytest.raises(UsageError, match=r"there are no words at vision.1"):
        engine.typed(typed_lenses.words(reading, "l2", 1, stage="vision.1"), never)
    for token in (-1, TOKENS):
        with pytest.raises(UsageError, match=rf"there is no image token {token}: the image has 25"):
            engine.typed(typed_lenses.layer_words(reading, token, 1), never, quiet)
    with pytest.raises(UsageError, match="at least 1"):
        engine.typed(typed_lenses.layer_words(reading, 0, 0), never, quiet)
    for ask in (
        lambda: engine.typed(typed_lenses.layers("another")),
        lambda: engine.typed(typed_lenses.layer_words("another", 0, 1), never, quiet),
        lambda: engine.typed(typed_lenses.words("another", "l2", 1, stage="llm.1"), never),
    ):
        with pytest.raises(ReadingGoneError):
            ask()
    assert not engine.state.loaded.whole  # nothing was loaded for any of it
    with pytest.raises(ModelError, match="load one first"):
        Desk().typed(typed_lenses.layers(reading))


def test_layers_that_do_not_fit_are_a_sentence_with_numbers(tmp_path, monkeypatch):
    folder = build_llava(tmp_path / "deep", llm_layers=40)
    engine = loaded(folder)
    reading = read(engine)
    monkeypatch.setattr("vlmtui.models.loading.device.available_memory", lambda: (300 << 20) + (4 << 20))
    with pytest.raises(OutOfMemoryError, match=r"needs about 0.\d GB as float32, and 0.3 GB of memory are available"):
        engine.typed(typed_lenses.layers(reading))
    # the model and its readings are still there
    assert engine.typed(typed_lenses.words(reading, "l2", 1), never).k == 1


def test_over_the_pipe(clip_folder):
    client = SessionClient.start()
    try:
        client.load(str(clip_folder), device="cpu")
        reading = client.read(png()).result(60)
        assert [stage for stage in stages(reading.model) if stage.startswith("llm")] == ["llm.1", "llm.2"]
        notes: list[m.Progress] = []
        layers = client.layers(reading.id, notes.append).result(60)
        assert layers.norms.shape == (LAYERS, len(reading.places_at("llm.1")))
        assert "reading weights" in {note.doing for note in notes}
        words = client.words(reading.id, "dot", 3, stage="llm.2").result(60)
        assert words.metric == "logit"
        found = client.layer_words(reading.id, 7, 3).result(60)
        assert found.ids[1].tolist() == words.ids[7].tolist()
        assert client.layer_words(reading.id, 0, 2, all_tokens=True).result(60).ids.shape == (LAYERS, 2)
        with pytest.raises(UsageError, match="no stage"):
            client.words(reading.id, "l2", 3, stage="llm.9").result(60)
        with pytest.raises(UsageError, match="there is no image token 25"):
            client.layer_words(reading.id, 25, 3).result(60)
    finally:
        client.close()
