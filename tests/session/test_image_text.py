"""Pictures against texts and classes, through the engine, against transformers' own models."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

from tests.families import build
from tests.families.towers import LABELS, classifying
from tests.models.test_vlm import picture
from tests.models.vision.test_dual_encoder import PICTURES, TEXTS, theirs
from tests.session.local_engine import Desk, quiet
from vlmtui.errors import UsageError
from vlmtui.lenses.kernels.noise import shuffle_pixels
from vlmtui.lenses.lens_source import lens_call
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.scheduler import FrontEnd, ScheduledRequest
from vlmtui.session.typed_lenses import image_level
from vlmtui.session.typed_lenses.values import Evidence, Find, Values


def read(engine: Desk, size: tuple[int, int]) -> str:
    data = io.BytesIO()
    Image.fromarray(picture(*size).rgb).save(data, "png")
    return engine.ask(m.Read("made", data.getvalue(), "0" * 64, 10**6)).reading.id


def holding(folder: Path) -> Desk:
    engine = Desk()
    engine.load(m.Load(str(folder), device="cpu"), quiet)
    return engine


@pytest.fixture(scope="module", params=["clip", "siglip2"])
def folder(request, tmp_path_factory) -> Path:
    return build(request.param, tmp_path_factory.mktemp("matching") / request.param)


@pytest.fixture(scope="module")
def engine(folder) -> Desk:
    return holding(folder)


def test_matrix_and_loss(engine, folder, monkeypatch):
    expected = theirs(folder)
    told = engine.typed(image_level.texts(TEXTS))
    assert told.cut == ()
    readings = [read(engine, size) for size in PICTURES]
    model = engine.state.model
    # reading the picture has been enough: the tower does not run again
    monkeypatch.setattr(model, "encode", None)
    found = [engine.typed(image_level.match(reading, TEXTS)) for reading in readings]
    logits = np.stack([one.logits for one in found])
    np.testing.assert_allclose(logits, expected.logits_per_image, rtol=1e-4, atol=1e-4)
    probable = {"softmax": expected.logits_per_image.softmax(1), "sigmoid": expected.logits_per_image.sigmoid()}
    np.testing.assert_allclose(np.stack([one.probabilities for one in found]), probable[told.kind], atol=1e-4)
    np.testing.assert_allclose(np.stack([one.cosines for one in found]) * told.scale + told.bias, logits, atol=1e-4)
    loss = engine.typed(image_level.loss(logits, told.kind))
    assert loss.value == pytest.approx(float(expected.loss), rel=1e-4)
    assert loss.pairs == 3


def test_a_match_may_be_asked_of_a_reading_whose_states_have_gone(engine):
    reading = read(engine, PICTURES[0])
    before = engine.typed(image_level.match(reading, TEXTS))
    engine.state.readings[reading].final = None
    np.testing.assert_array_equal(engine.typed(image_level.match(reading, TEXTS)).logits, before.logits)


def test_a_match_does_not_withdraw_the_reading_of_its_texts() -> None:
    """Front ends ask for both at once."""
    front = FrontEnd(None)
    asked = (image_level.texts(TEXTS), image_level.match("reading-1", TEXTS), image_level.match("reading-1", TEXTS[:1]))
    read, match, newer = (ScheduledRequest(front, m.Request(i, question.body)) for i, question in enumerate(asked))
    assert not match.replaces(read)
    assert newer.replaces(match)


def test_what_a_front_end_draws(engine):
    """The kind of the result has what there is to be drawn."""
    reading = read(engine, PICTURES[0])
    found, drawn = image_level.match(reading, TEXTS), engine.ask(image_level.match(reading, TEXTS).body).result
    assert drawn.labels == TEXTS
    np.testing.assert_array_equal(drawn.values, engine.typed(found).probabilities)
    assert np.isnan(engine.ask(image_level.texts(TEXTS).body).result.values).all()
    facts = dict(engine.ask(image_level.loss(np.eye(2), "sigmoid").body).result.rows)
    assert facts["loss"] == engine.typed(image_level.loss(np.eye(2), "sigmoid")).value


def test_a_text_on_the_patches(engine):
    reading = read(engine, PICTURES[0])
    last = f"vision.{engine.state.model.info.vision_layers}"
    found = Values.of(engine.typed(typed_lenses.look(reading, last, Find("a blue sky"))))
    model = engine.state.model
    states = model.tower_states(
        engine.state.readings[reading].inputs, lambda at, _: at == model.dual_encoder.patch_stage
    )
    vectors = model.dual_encoder.patch_vectors(states[model.dual_encoder.patch_stage]).numpy()
    text = model.dual_encoder.text_vectors(("a blue sky",)).vectors[0].numpy()
    expected = vectors @ text / np.linalg.norm(vectors, axis=1) / np.linalg.norm(text)
    np.testing.assert_allclose(found.numbers, expected, atol=1e-6)
    assert found.note.startswith("approximate, by ")
    assert "reads 64" in Values.of(engine.typed(typed_lenses.look(reading, last, Find("sky " * 99)))).note
    with pytest.raises(UsageError, match=f"at the last vision stage only: choose {last}"):
        engine.typed(typed_lenses.look(reading, "vision.1", Find("sky")))


def test_what_cannot_be_asked(engine, clip_folder):
    with pytest.raises(UsageError, match="has no classification head"):
        engine.typed(image_level.head())
    with pytest.raises(UsageError, match="there is no text to match"):
        engine.typed(image_level.texts(()))
    with pytest.raises(UsageError, match="as many images as texts, not 2 × 3"):
        engine.typed(image_level.loss(np.zeros((2, 3), np.float32), "softmax"))
    with pytest.raises(UsageError, match="the vision tower of a vision-language model lacks"):
        holding(clip_folder).typed(image_level.texts(("sky",)))


@torch.no_grad()
def evidence_of_noise(folder: Path, pixels: dict[str, torch.Tensor], wanted: int) -> np.ndarray:
    """Class evidence of shuffled pixels by transformers' own model."""
    whole = AutoModelForImageClassification.from_pretrained(folder)
    shuffled = torch.stack(shuffle_pixels(list(pixels["pixel_values"])))
    if hasattr(whole, "vit"):
        return whole.classifier(whole.vit(pixel_values=shuffled).last_hidden_state[0, 1:])[:, wanted].numpy()
    states = whole.vision_model(pixel_values=shuffled).last_hidden_state[0]
    return (states @ whole.classifier.weight[wanted] / len(states)).numpy()


@pytest.mark.parametrize("name", ["vit", "siglip"])
def test_classes(name, tmp_path):
    folder = classifying(name, tmp_path / name)
    engine = holding(folder)
    reading = read(engine, PICTURES[0])
    head = engine.typed(image_level.head())
    found = engine.typed(image_level.classes(reading, 3))
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    pixels = images(images=Image.fromarray(picture(*PICTURES[0]).rgb), return_tensors="pt")
    with torch.no_grad():
        logits = AutoModelForImageClassification.from_pretrained(folder)(**pixels).logits[0]
    best = logits.topk(3)
    assert found.ids.tolist() == best.indices.tolist()
    np.testing.assert_allclose(found.logits, best.values, atol=1e-4)
    np.testing.assert_allclose(found.probabilities, logits.softmax(0)[best.indices], atol=1e-5)
    assert head.labels == tuple(LABELS.values())
    assert head.exact == (name == "siglip")
    if head.exact:
        np.testing.assert_allclose(found.evidence.sum(axis=1) + found.rest, best.values, atol=1e-4)
    else:
        assert found.rest is None
    last = f"vision.{engine.state.model.info.vision_layers}"
    label = head.labels[found.ids[1]]
    for word in (label.upper(), str(found.ids[1])):
        values = Values.of(engine.typed(typed_lenses.look(reading, last, Evidence(word))))
        np.testing.assert_allclose(values.numbers, found.evidence[1], atol=1e-6)
        assert values.note.startswith("each patch's share" if head.exact else "approximate: ")
    noise = lens_call("evidence", label=label, noise=True)
    values = Values.of(engine.typed(typed_lenses.look(reading, last, noise)))
    np.testing.assert_allclose(values.numbers, evidence_of_noise(folder, pixels, int(found.ids[1])), atol=1e-5)
    everything = engine.typed(image_level.classes(reading, 99))
    assert sorted(everything.ids.tolist()) == [0, 1, 2, 3, 4]
    assert found.first.tolist() == everything.ids[everything.evidence.argmax(axis=0)].tolist()
    with pytest.raises(UsageError, match=r"no class 'plane'.*from 0 to 4"):
        engine.typed(typed_lenses.look(reading, last, Evidence("plane")))
    with pytest.raises(UsageError, match="no text tower"):
        engine.typed(image_level.texts(("sky",)))
