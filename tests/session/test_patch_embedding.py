"""A patch's anatomy and the position lens through the engine, with a real checkpoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.families import build
from tests.session.local_engine import Desk, quiet
from tests.session.test_client import png
from tests.session.test_engine import request
from vlmtui.errors import ReadingGoneError, UsageError
from vlmtui.lenses.lens_source import lens_call
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses, wire
from vlmtui.session.typed_lenses import image_level
from vlmtui.session.typed_lenses.values import Position, Values


def desk(folder) -> tuple[Desk, str]:
    engine = Desk()
    engine.load(m.Load(str(folder), device="cpu"), quiet)
    return engine, engine.read(request(png()), quiet).reading.id


@pytest.fixture(scope="module")
def clip(clip_folder) -> tuple[Desk, str]:
    return desk(clip_folder)


def test_a_patch(clip):
    engine, reading = clip
    model, kept = engine.state.model, engine.state.readings[reading]
    found = engine.typed(image_level.patch(reading, 7))
    assert (found.patch, found.length, found.frames, found.note) == (7, 14 * 14 * 3, 1, "")
    assert found.normed  # by CLIP's norm before its blocks
    values = kept.inputs.pixels["pixel_values"][0, :, 14:28, 28:42].float().numpy()
    processor = model._processing.image_processor
    levels = 255 * (values.transpose(1, 2, 0) * processor.image_std + processor.image_mean)
    assert found.pixels.dtype == np.float32
    np.testing.assert_allclose(found.pixels, levels, atol=1e-3)
    np.testing.assert_allclose(found.lowest, values.min(axis=(1, 2)))
    np.testing.assert_allclose(found.mean, values.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(found.highest, values.max(axis=(1, 2)))
    embeddings = model.family.tower.embeddings
    with torch.no_grad():
        made = embeddings.patch_embedding(kept.inputs.pixels["pixel_values"])[0, :, 1, 2]
    assert found.projected == pytest.approx(float(made.norm()), rel=1e-5)
    np.testing.assert_allclose(found.values, values.transpose(1, 2, 0))
    # a convolution multiplies channel by channel, row by row
    np.testing.assert_allclose(found.flat, values.ravel())
    np.testing.assert_allclose(found.projection, made, rtol=1e-4, atol=1e-5)
    table = embeddings.position_embedding.weight[1:].detach().numpy()
    row = table[7]
    assert found.position == pytest.approx(float(np.linalg.norm(row)), rel=1e-5)
    np.testing.assert_allclose(found.position_embedding, row)
    alike = table @ row / (np.linalg.norm(table, axis=1) * np.linalg.norm(row))
    np.testing.assert_allclose(found.position_cosines, alike, rtol=1e-5, atol=1e-6)


def test_its_facts(clip):
    """What front ends draw of it, with plain numbers that cross the pipe."""
    engine, reading = clip
    done, found = engine.ask(image_level.patch(reading, 7).body), engine.typed(image_level.patch(reading, 7))
    reply = m.decode_reply(wire.frame(m.Reply(1, done))[4:]).body
    assert reply.result.rows == done.result.rows
    facts = dict(done.result.rows)
    assert (facts["height"], facts["numbers projected"]) == (14, found.length)
    assert facts["blue, mean"] == found.mean[2]
    assert facts["norm of the position embedding"] == found.position


def test_the_lens_is_the_norm_of_every_row(clip):
    engine, reading = clip
    found = Values.of(engine.typed(typed_lenses.look(reading, "vision.0", Position())))
    rows = engine.state.model.family.tower.embeddings.position_embedding.weight[1:]
    np.testing.assert_allclose(found.numbers, rows.detach().norm(dim=1), rtol=1e-5)
    assert found.note == "before the norm that makes vision.0 of the sum"
    with pytest.raises(UsageError, match=r"choose vision\.0"):
        engine.typed(typed_lenses.look(reading, "vision.1", Position()))


def test_what_cannot_be_asked(clip):
    engine, reading = clip
    for patch in (-1, 25):
        with pytest.raises(UsageError, match="the image has 25"):
            engine.typed(image_level.patch(reading, patch))
    with pytest.raises(ReadingGoneError):
        engine.typed(image_level.patch("another", 0))
    lens = lens_call("patch-embedding")
    with pytest.raises(UsageError, match=r"the patch embedding is for one patch, not 25: choose one of 25"):
        engine.typed(typed_lenses.look(reading, "vision.0", lens))
    with pytest.raises(UsageError, match=r"choose vision\.0"):
        engine.typed(typed_lenses.look(reading, "vision.1", lens, (0,)))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_film_and_positions_that_turn(tmp_path):
    """Qwen2-VL takes a picture for a film of two frames, and adds nothing to its patches."""
    engine, reading = desk(build("qwen2_vl", tmp_path / "qwen"))
    found = engine.typed(image_level.patch(reading, 3))
    tall, wide = engine.state.model.family.patch_size
    assert (found.length, found.frames) == (2 * tall * wide * 3, 2)
    assert found.pixels.shape == (tall, wide, 3)
    assert found.projected is not None
    assert found.position is None
    assert "positions are rotated within its attention" in found.note
    with pytest.raises(UsageError, match="are rotated within its attention"):
        engine.typed(typed_lenses.look(reading, "vision.0", Position()))
