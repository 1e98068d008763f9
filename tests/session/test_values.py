"""Values of a stage's entries through the engine, against transformers' own states, NumPy and scikit-learn."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from tests.session.local_engine import Desk, quiet
from tests.session.test_client import png
from tests.session.test_engine import request
from vlmtui.errors import CancelledError, ReadingGoneError, UsageError, VlmtuiError
from vlmtui.images.image_file import read_source
from vlmtui.lenses.lens_source import LensCall, LensSource, lens_call
from vlmtui.reading import stages
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.typed_lenses.values import Components, Find, Similarity, Values

ENTRIES = 25
SAMPLES = Path(__file__).parents[2] / "sample_images"
STAGES = ("vision.0", "vision.2", "vision.4", "tokens", "llm.1", "llm.2")


@pytest.fixture(scope="module")
def engine(clip_folder) -> Desk:
    engine = Desk()
    engine.load(m.Load(str(clip_folder), device="cpu"), quiet)
    return engine


@pytest.fixture(scope="module")
def reading(engine) -> str:
    reading = engine.read(request(png()), quiet).reading.id
    engine.typed(typed_lenses.layers(reading))
    return reading


@pytest.fixture(scope="module")
def classifier() -> tuple[Desk, str]:
    """The demo tower with a classification head, and an image that it has read."""
    desk = Desk()
    desk.load(m.Load("demo-vit", device="cpu"), quiet)
    return desk, desk.read(request(png()), quiet).reading.id


@pytest.fixture(scope="module")
def states(engine, reading) -> dict[str, np.ndarray]:
    """What the loaded model's own modules put out, caught here."""
    model = engine.state.model
    kept = engine.state.readings[reading]
    with torch.no_grad():
        pixels = kept.inputs.pixels["pixel_values"]
        tower = model._model.get_encoder(modality="image")
        hidden = tower(pixels, output_hidden_states=True).hidden_states
    found = {f"vision.{i}": states[0, 1:].double().numpy() for i, states in enumerate(hidden)}
    found |= {f"llm.{i}": states.double().numpy() for i, states in enumerate(kept.layers, 1)}
    return found | {"tokens": kept.tokens.double().numpy()}


@pytest.mark.parametrize("stage", STAGES)
def test_vectors_are_the_states_themselves(engine, reading, states, stage):
    vectors = engine.typed(typed_lenses.vectors(reading, stage))
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, states[stage].astype(np.float32))


def test_vectors_of_a_stage_that_is_not_there(engine, reading):
    with pytest.raises(UsageError, match=r"vision\.0"):
        engine.typed(typed_lenses.vectors(reading, "llm.99"))


def ask(engine: Desk, reading: str, stage: str, lens: LensCall) -> Values:
    return Values.of(engine.typed(typed_lenses.look(reading, stage, lens)))


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize("stage", STAGES)
def test_similarity_at_every_stage(engine, reading, states, stage):
    found = ask(engine, reading, stage, Similarity((7,)))
    assert found.stage == stage
    assert found.numbers.dtype == np.float32
    np.testing.assert_allclose(found.numbers, unit(states[stage]) @ unit(states[stage])[7], atol=1e-5)


@pytest.mark.parametrize("stage", STAGES)
def test_components_at_every_stage(engine, reading, states, stage):
    found, theirs = ask(engine, reading, stage, Components()), PCA(3, svd_solver="full")
    scores = theirs.fit_transform(states[stage])
    np.testing.assert_allclose(found.explained, theirs.explained_variance_ratio_, rtol=1e-4)
    for component in range(3):
        ours, reach = found.numbers[:, component], np.quantile(np.abs(scores[:, component]), 0.98)
        theirs_here = scores[:, component] / reach
        sign = np.sign(ours @ theirs_here)
        np.testing.assert_allclose(ours, sign * theirs_here, atol=2e-3)


def test_a_stage_has_the_same_colours_whatever_was_asked_first(engine, reading):
    before = {stage: ask(engine, reading, stage, Components()).numbers for stage in STAGES}
    again = engine.read(request(png()), quiet).reading.id
    for stage in reversed(STAGES):
        np.testing.assert_allclose(ask(engine, again, stage, Components()).numbers, before[stage], atol=1e-4)


@pytest.mark.parametrize("name", ["china.jpg", "astronaut.png", "rocket.jpg"])
def test_no_component_turns_round_on_the_whole_path(name):
    engine = Desk()
    info = engine.load(m.Load("demo", device="cpu", layers=True), quiet).model
    reading = engine.read(request(read_source(str(SAMPLES / name))), quiet).reading.id
    path = stages(info)
    found = {stage: ask(engine, reading, stage, Components()).numbers for stage in reversed(path)}
    assert len(path) == 2 + info.vision_layers + info.llm_layers
    for earlier, later in itertools.pairwise(path):  # the demo model has a token for each patch
        one, other = (found[stage] - found[stage].mean(axis=0) for stage in (earlier, later))
        assert ((one * other).sum(axis=0) >= 0).all(), (earlier, later)


def test_a_word_that_is_one_piece_is_looked_for_in_every_spelling(engine, reading, states):
    held = engine.state.word_search()
    single = next(
        word
        for word in (held.index.tokenizer.decode([i]).strip() for i in held.index.words.tolist())
        if word.isalpha() and len(held.index.tokenizer(word, add_special_tokens=False)["input_ids"]) == 1
    )
    found = ask(engine, reading, "tokens", Find(single))
    ids = held.index.tokenizer.convert_tokens_to_ids(list(found.pieces))
    embeddings = held.index.vocabulary.embeddings.double().numpy()
    expected = (unit(states["tokens"]) @ unit(embeddings[ids]).T).max(axis=1)
    np.testing.assert_allclose(found.numbers, expected, atol=1e-5)
    assert {held.index.tokenizer.decode([i]).strip().lower() for i in ids} == {single.lower()}
    logits = held.model.head(torch.from_numpy(states["llm.2"]).float())[:, ids].amax(dim=1)
    np.testing.assert_allclose(ask(engine, reading, "llm.2", Find(single)).numbers, logits, atol=1e-4)


def test_a_word_of_several_pieces_is_their_mean_and_says_so(engine, reading, states):
    held = engine.state.word_search()
    found = ask(engine, reading, "tokens", Find("xqzjw"))
    assert len(found.pieces) > 1
    assert f"the mean of its {len(found.pieces)} pieces" in found.note
    ids = held.index.tokenizer.convert_tokens_to_ids(list(found.pieces))
    embeddings = held.index.vocabulary.embeddings.double().numpy()
    np.testing.assert_allclose(
        found.numbers, (unit(states["tokens"]) @ unit(embeddings[ids]).T).mean(axis=1), atol=1e-5
    )


@pytest.mark.parametrize(
    "call",
    [lens_call(LensSource("find"), text="sky"), lens_call(LensSource("similarity"), to=[7])],
    ids=["find", "similarity"],
)
@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("stage", ["vision.3", "tokens", "llm.1"])
def test_entries_asked_for_are_those_of_all(engine, reading, call, noise, stage):
    asked = LensCall(call.lens, (*call.options, ("noise", noise)))
    every = engine.typed(typed_lenses.look(reading, stage, asked)).result.values
    some = engine.typed(typed_lenses.look(reading, stage, asked, entries=(9, 2, 24))).result.values
    assert len(every) == ENTRIES
    np.testing.assert_allclose(some, every[[9, 2, 24]], atol=1e-6)


@pytest.mark.parametrize(
    ("stage", "call"),
    [
        ("last", lens_call(LensSource("evidence"), label="0")),
        ("last", lens_call(LensSource("evidence"), label="0", noise=True)),
        ("vision.0", lens_call(LensSource("position"))),
    ],
    ids=["evidence", "evidence of noise", "position"],
)
def test_entries_of_a_tower_asked_for_are_those_of_all(classifier, stage, call):
    engine, reading = classifier
    stage = f"vision.{engine.state.model.info.vision_layers}" if stage == "last" else stage
    every = engine.typed(typed_lenses.look(reading, stage, call)).result.values
    some = engine.typed(typed_lenses.look(reading, stage, call, entries=(9, 2, 24))).result.values
    assert len(set(every[[9, 2, 24]].tolist())) == 3
    np.testing.assert_array_equal(some, every[[9, 2, 24]])


def test_a_lens_that_forgets_which_entries_were_asked_for_is_found_out(engine, reading, monkeypatch):
    monkeypatch.setattr("vlmtui.session.built_in_context.ModelAccess.of_entries", lambda access, rows: rows)
    call = lens_call(LensSource("find"), text="sky")
    with pytest.raises(VlmtuiError, match=f"the lens find returned Scalars of {ENTRIES} entries, but there are 2$"):
        engine.typed(typed_lenses.look(reading, "tokens", call, entries=(9, 2)))


def test_what_cannot_be_asked(engine, reading):
    for stage, lens, said in (
        ("vision.9", Components(), "no stage"),
        ("tokens", Similarity((ENTRIES,)), f"{ENTRIES} entries"),
        ("tokens", Similarity(()), "name one"),
        ("tokens", Find(" "), "no word"),
    ):
        with pytest.raises(UsageError, match=said):
            ask(engine, reading, stage, lens)
    with pytest.raises(ReadingGoneError):
        ask(engine, "another", "tokens", Components())


def test_states_that_are_too_many_to_keep_are_computed_again(engine, clip_folder, states):
    small = Desk(layers_bytes=1)
    small.load(m.Load(str(clip_folder), device="cpu"), quiet)
    reading = small.read(request(png()), quiet).reading.id
    for _ in range(2):
        found = ask(small, reading, "vision.3", Similarity((3,)))
        expected = unit(states["vision.3"]) @ unit(states["vision.3"])[3]
        np.testing.assert_allclose(found.numbers, expected, atol=1e-5)
        assert not small.state.readings[reading].vision


def test_a_tower_that_is_run_again_can_be_left(engine, clip_folder):
    desk = Desk()
    desk.load(m.Load(str(clip_folder), device="cpu"), quiet)
    reading = desk.read(request(png()), quiet).reading.id

    def stop(*_: object) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        desk.typed(typed_lenses.look(reading, "vision.1", Components()), progress=stop)
    assert not desk.state.readings[reading].vision
