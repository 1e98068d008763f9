"""The engine in this process: what it keeps, and what it says when memory runs out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.session.local_engine import Desk
from tests.session.test_client import png
from vlmtui.errors import CancelledError, ModelError, OutOfMemoryError, SessionError
from vlmtui.lenses.arrays import array
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.request_control import RequestControl


def quiet(*_: object) -> None:
    pass


def request(image) -> m.Read:
    return m.Read(image.source, image.data, image.sha256, 10**6)


@pytest.fixture
def engine(clip_folder) -> Desk:
    engine = Desk()
    engine.load(m.Load(str(clip_folder), device="cpu"), quiet)
    return engine


def test_without_a_model():
    with pytest.raises(ModelError, match="load one first"):
        Desk().read(request(png()), quiet)


def test_readings_are_kept_within_a_budget(clip_folder):
    engine = Desk()
    engine.load(m.Load(str(clip_folder), device="cpu"), quiet)
    one = engine.state.readings[engine.read(request(png()), quiet).reading.id].size
    assert one > 25 * 48 * 4 + 70 * 70 * 3 * 4  # its tokens, and the pixels as the model gets them
    engine = Desk(readings_bytes=2 * one)
    engine.load(m.Load(str(clip_folder), device="cpu"), quiet)
    first, second = (engine.read(request(png()), quiet).reading.id for _ in range(2))
    engine.typed(typed_lenses.words(first, "l2", 1), lambda: False)  # looked at just now: the other one goes
    engine.read(request(png()), quiet)
    engine.typed(typed_lenses.words(first, "l2", 1), lambda: False)
    with pytest.raises(SessionError, match="no longer in memory: read it again"):
        engine.typed(typed_lenses.words(second, "l2", 1), lambda: False)


def test_another_model_forgets_the_readings_of_the_one_before(engine, siglip_folder):
    reading = engine.read(request(png()), quiet).reading.id
    engine.load(m.Load(str(siglip_folder), device="cpu"), quiet)
    with pytest.raises(SessionError, match="no longer in memory: read it again"):
        engine.typed(typed_lenses.words(reading, "l2", 1), lambda: False)
    assert engine.read(request(png()), quiet).reading.id != reading


def test_reading_is_cancelled_between_blocks(engine):
    notes = []

    def progress(doing: str, done: int = 0, total: int = 0) -> None:
        notes.append((doing, done, total))
        if done == 2:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        engine.read(request(png()), progress)
    assert notes[-1] == ("running the vision tower", 2, 4)
    # nothing is left hanging on the tower
    reading = engine.read(request(png()), quiet).reading
    assert reading.grid_norms[0].patches.shape == (5, 25)
    assert reading.grid_norms[0].prefix.shape == (5, 1)


def test_the_same_picture_gives_the_same_numbers(engine):
    first, second = (engine.read(request(png()), quiet).reading for _ in range(2))
    np.testing.assert_array_equal(first.norms, second.norms)
    np.testing.assert_array_equal(first.grid_norms[0].patches, second.grid_norms[0].patches)
    one = engine.typed(typed_lenses.words(first.id, "cosine", 4), lambda: False)
    for token in (0, 24):
        alone = engine.typed(typed_lenses.words(second.id, "cosine", 4, (token,)), lambda: False)
        assert alone.ids[0].tolist() == one.ids[token].tolist()


def test_prompt_and_note(engine):
    reading = engine.read(request(png()), quiet).reading
    assert reading.prompt == "Describe the image."
    assert reading.model.note == ""
    assert reading.model.processor == "CLIPImageProcessorPil"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."),
    ],
)
def test_no_memory_is_a_sentence_with_numbers(error):
    said = Desk().state.explain(error)
    assert isinstance(said, OutOfMemoryError)
    assert "GB" in str(said)
    assert "--dtype bfloat16" in str(said)


@pytest.mark.parametrize("on_gpu", [False, True])
def test_the_limit_of_a_process_is_no_cure_for_a_gpu(on_gpu, monkeypatch):
    monkeypatch.setattr("vlmtui.session.model_state.memory_limit", lambda: 1 << 40)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: on_gpu)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1 << 30, 8 << 30))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    said = str(Desk().state.explain(torch.OutOfMemoryError("out of memory")))
    assert ("ulimit -v" in said) != on_gpu
    assert ("--dtype bfloat16" in said) == on_gpu


def test_anything_else_is_a_sentence_too():
    said = Desk().state.explain(KeyError("x"))
    assert isinstance(said, ModelError)
    assert "KeyError" in str(said)


def test_arrays():
    assert array(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32
    assert array(torch.ones(2, dtype=torch.float64)).dtype == np.float64


def test_the_decoders_layers_come_into_the_same_session(engine, clip_folder):
    """What was read before stays what it is, and what is read after is the same."""
    before = engine.read(request(png()), quiet).reading
    words = engine.typed(typed_lenses.words(before.id, "l2", 3), lambda: False)
    without = engine.state.loaded
    notes = []
    engine.load(m.Load(str(clip_folder), device="cpu", layers=True), lambda *note: notes.append(note[0]))
    assert "reading weights" in notes
    assert not without.whole
    assert engine.state.loaded.whole
    assert any(".layers.1." in name for name, _ in engine.state.loaded._model.named_parameters())

    again = engine.typed(typed_lenses.words(before.id, "l2", 3), lambda: False)
    after = engine.read(request(png()), quiet).reading
    np.testing.assert_array_equal(words.ids, again.ids)
    np.testing.assert_array_equal(words.scores, again.scores)
    np.testing.assert_array_equal(before.norms, after.norms)
    np.testing.assert_array_equal(before.grid_norms[0].patches, after.grid_norms[0].patches)

    # who needs no layers is served by the model that has them, at once
    notes.clear()
    engine.load(m.Load(str(clip_folder), device="cpu"), lambda *note: notes.append(note[0]))
    assert engine.state.loaded.whole
    assert "reading weights" not in notes


def test_a_reading_that_is_let_go_is_forgotten_with_its_copies(engine):
    first, second = (engine.read(request(png()), quiet).reading.id for _ in range(2))
    readings = engine.state.readings
    readings.keep("copy", replace(readings[first], copy_of=first))
    for name in (first, "never there"):
        assert engine.answer(m.Forget(name), RequestControl()) == m.Done()
    assert [name in readings for name in (first, "copy", second)] == [False, False, True]
