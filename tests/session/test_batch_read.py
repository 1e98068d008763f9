"""Pictures read together: each as it is read alone, whatever else is among them."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
import threading
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from tests.families import DISTINCT, FAMILIES, build
from tests.session.local_engine import Desk, quiet
from tests.session.test_client import WAIT
from vlmtui.errors import CancelledError, ImageError, ModelError, UsageError
from vlmtui.images.decoding import decode
from vlmtui.images.image_file import ImageFile
from vlmtui.session import batch_read as many
from vlmtui.session import preprocessing, typed_lenses, wire
from vlmtui.session import protocol as m
from vlmtui.session.activations import ActivationCache
from vlmtui.session.discovery import SessionLocation, connect
from vlmtui.session.request_control import RequestControl

SIZES = [(420, 180), (130, 300), (420, 180), (64, 64), (420, 180), (418, 182)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny models are fastest on one thread, most of all where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def engine(clip_folder) -> Desk:
    return holding(clip_folder)


def holding(folder) -> Desk:
    engine = Desk()
    engine.ask(m.Load(str(folder), device="cpu"))
    return engine


def sent(name: str, data: bytes) -> ImageFile:
    return ImageFile(name, data, hashlib.sha256(data).hexdigest())


def noise(index: int, size: tuple[int, int] = (70, 50), format: str = "PNG") -> ImageFile:
    """The `index`-th picture, unlike any other."""
    pixels = np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return sent(f"{index}.{format.lower()}", file.getvalue())


def asked(*pictures: ImageFile, **options) -> m.ReadMany:
    return m.ReadMany(pictures, **{"stage": "tokens", "metric": "l2", "k": 3, "max_pixels": 10**6} | options)


def together(engine: Desk, *pictures: ImageFile, **options) -> tuple[m.Outcome, ...]:
    return engine.ask(asked(*pictures, **options)).outcomes


def alone(engine: Desk, picture: ImageFile, **options) -> m.Outcome:
    """What questions for one picture say of it."""
    request = asked(picture, **options)
    read = m.Read(picture.source, picture.data, picture.sha256, request.max_pixels, request.prompt)
    reading = engine.ask(read).reading
    layers = words = None
    if request.stage.startswith("llm."):
        layers = engine.typed(typed_lenses.layers(reading.id))
    if request.projected or not request.stage.startswith(("vision.", "pixels")):
        words = engine.typed(
            typed_lenses.words(
                reading.id,
                request.metric,
                request.k,
                None,
                request.all_tokens,
                request.stage,
                request.ridge,
                request.projected,
            )
        )
    return m.Outcome(reading=reading, words=words, layers=layers)


def assert_same(found: m.Outcome, expected: m.Outcome) -> None:
    """Geometry and names identical, numbers within 1e-5, words the same unless two of them tie."""
    ours, theirs = found.reading, expected.reading
    assert ours is not None, found.message
    assert theirs is not None
    for name in ours.__struct_fields__:
        if name not in ("id", "timings", "norms", "percentiles", "grid_norms", "pixel_norms"):
            assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("norms", "pixel_norms"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-5, err_msg=name)
    # a norm among the vocabulary's may pass one of them
    np.testing.assert_allclose(ours.percentiles, theirs.percentiles, atol=0.5)
    assert len(ours.grid_norms) == len(theirs.grid_norms)
    for one, other in zip(ours.grid_norms, theirs.grid_norms, strict=True):
        np.testing.assert_allclose(one.patches, other.patches, rtol=1e-5)
        np.testing.assert_allclose(one.prefix, other.prefix, rtol=1e-5)
    if expected.layers is None:
        assert found.layers is None
    else:
        assert found.layers.positions == expected.layers.positions
        np.testing.assert_allclose(found.layers.norms, expected.layers.norms, rtol=1e-5)
    if expected.words is None:
        assert found.words is None
    else:
        assert_same_words(found.words, expected.words)


def assert_same_words(ours, theirs) -> None:
    for name in ("metric", "k", "all_tokens", "candidates", "left_out", "ridge"):
        assert getattr(ours, name) == getattr(theirs, name), name
    np.testing.assert_array_equal(ours.tokens, theirs.tokens)
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-5, atol=1e-9)
    for row, rank in zip(*np.nonzero(ours.ids != theirs.ids), strict=True):
        near = np.isclose(theirs.scores[row], theirs.scores[row, rank], rtol=1e-5)
        assert near.sum() > 1 or rank == theirs.k - 1, f"word {rank} of token {row}"
    if np.array_equal(ours.ids, theirs.ids):
        assert (ours.pieces, ours.texts, ours.special) == (theirs.pieces, theirs.texts, theirs.special)
    if theirs.explained is not None:
        np.testing.assert_allclose(ours.explained, theirs.explained, rtol=1e-5)


@pytest.mark.parametrize("name", DISTINCT)
def test_every_family_as_it_reads_them_one_by_one(name, tmp_path):
    engine = holding(build(name, tmp_path / name))
    pictures = [noise(i, size) for i, size in enumerate(SIZES)]
    broken = sent("cut.jpg", noise(9, format="JPEG").data[:-500])
    stage = "tokens" if FAMILIES[name].has_tokens else "vision.2"
    found = together(engine, *pictures[:2], broken, *pictures[2:], stage=stage)
    assert isinstance(found[2].error, ImageError)
    assert "cut.jpg" in found[2].message
    readings = [one.reading for one in found if one.reading is not None]
    assert [reading.image.source for reading in readings] == [one.source for one in pictures]
    for one, picture in zip([*found[:2], *found[3:]], pictures, strict=True):
        assert_same(one, alone(engine, picture, stage=stage))
    # pictures of one size are not taken for each other
    assert not np.allclose(readings[0].grid_norms[0].patches, readings[2].grid_norms[0].patches, rtol=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"metric": "cosine", "k": 5, "all_tokens": True},
        {"metric": "omp", "prompt": "What is it?"},
        {"metric": "ridge", "ridge": 0.3},
        {"stage": "pixels"},
        {"stage": "vision.1"},
        {"stage": "vision.1", "projected": True},
        {"stage": "llm.2"},
    ],
    ids=str,
)
def test_whatever_is_asked_of_each(engine, options):
    pictures = [noise(i, size) for i, size in enumerate(SIZES[:4])]
    for one, picture in zip(together(engine, *pictures, **options), pictures, strict=True):
        assert_same(one, alone(engine, picture, **options))


def test_alike_pictures_go_through_the_tower_together(engine):
    passes = []
    hook = engine.state.model.family.blocks[0].register_forward_hook(lambda _, given, __: passes.append(len(given[0])))
    assert all(one.error is None for one in together(engine, *(noise(i) for i in range(70))))
    hook.remove()
    assert passes == [16, 16, 16, 16, 6]


def test_the_same_question_has_the_same_answer(engine):
    question = asked(*(noise(i, size) for i, size in enumerate([*SIZES, *SIZES])), sent("no.png", b"no"))
    answers = {wire.frame(m.Reply(1, engine.ask(question))) for _ in range(3)}
    assert len(answers) == 1


def test_the_next_question_is_prepared_while_this_one_is_answered(engine, monkeypatch):
    first, second, other = (asked(*map(noise, range(start, start + 3))) for start in (0, 3, 6))
    decoded: list[str] = []
    decode_one = preprocessing.decode

    def noted(data, source, *how):
        decoded.append(source)
        return decode_one(data, source, *how)

    monkeypatch.setattr(preprocessing, "decode", noted)
    talk = RequestControl(following=lambda: second)
    engine.answer(first, talk)
    alone = engine.answer(second, RequestControl())
    assert sorted(decoded) == [f"{i}.png" for i in range(6)]  # each once
    engine.answer(first, talk)
    engine.answer(other, RequestControl())  # another question came first
    assert same_bytes(engine.answer(second, RequestControl()), alone)
    engine.answer(first, talk)
    engine.rest()  # it was withdrawn
    for thread in threads_preparing():
        thread.join(WAIT)
    engine.answer(first, talk)
    engine.load(m.Load("demo", device="cpu"), quiet)
    assert not threads_preparing()


def threads_preparing() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("preparing")]


def same_bytes(one: m.ReadManyDone, other: m.ReadManyDone) -> bool:
    return wire.frame(m.Reply(1, one)) == wire.frame(m.Reply(1, other))


def test_what_fails_fails_alone(engine):
    wide = noise(1, (1200, 900))
    found = together(engine, noise(0), wide, sent("empty.png", b""), noise(2))
    assert [one.kind for one in found] == ["", "image", "image", ""]
    assert "more than the limit" in str(found[1].error)
    assert_same(found[3], alone(engine, noise(2)))


def test_a_picture_that_the_tower_cannot_do_takes_none_along(engine):
    """One that fails within a group is found, and the others of its group are read."""
    pictures = [noise(i) for i in range(4)]
    model, _ = engine.state.model, engine.state.vocabulary
    bad = model.prepare(picture_of(pictures[2]), None).pixels["pixel_values"]

    def fail(_, given) -> None:
        if any(torch.equal(one, bad[0]) for one in given[0]):
            raise RuntimeError("a bit fell over")

    with model.family.tower.register_forward_pre_hook(
        lambda _, given, named: fail(_, given or [named["pixel_values"]]), with_kwargs=True
    ):
        found = together(engine, *pictures)
    assert [one.error is None for one in found] == [True, True, False, True]
    assert isinstance(found[2].error, ModelError)
    assert "a bit fell over" in found[2].message
    for index in (0, 1, 3):
        assert_same(found[index], alone(engine, pictures[index]))


def picture_of(one: ImageFile):
    return decode(one.data, one.source)


def test_one_and_none(engine):
    assert together(engine) == ()
    (one,) = together(engine, noise(0))
    assert_same(one, alone(engine, noise(0)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stage": "vision.9"}, "no stage 'vision.9'"),
        ({"k": 0}, "at least 1"),
        ({"metric": "ridge", "ridge": -1.0}, "is not a valid λ"),
    ],
)
def test_what_concerns_all_is_raised(engine, options, said):
    with pytest.raises(UsageError, match=said):
        together(engine, noise(0), **options)


def test_too_many_words_for_one_answer_are_refused(engine, monkeypatch):
    monkeypatch.setattr(many, "_ANSWER_BYTES", 2 * 25 * 3 * 24)
    assert len(together(engine, noise(0), noise(1))) == 2
    with pytest.raises(UsageError, match="too many for one answer: choose a smaller -k"):
        together(engine, noise(0), noise(1), noise(2))


def test_without_a_model():
    with pytest.raises(ModelError, match="load one first"):
        together(Desk(), noise(0))


def test_nothing_is_kept(engine, monkeypatch):
    reading = engine.ask(m.Read(*dataclasses.astuple(noise(0)), 10**6)).reading
    kept = []
    monkeypatch.setattr(ActivationCache, "keep", lambda self, name, one: kept.append(name))
    assert {one.reading.id for one in together(engine, noise(1), noise(2))} == {""}
    assert not kept
    assert reading.id in engine.state.readings


@pytest.mark.parametrize("after", [0, 3, 6])
def test_cancelled_in_the_middle(engine, after):
    calls = itertools.count()

    def progress(*_: object) -> None:
        if next(calls) == after:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        engine.ask(asked(*(noise(i, size) for i, size in enumerate(4 * SIZES))), progress=progress)
    # nothing is left behind: no hook on the tower, no thread at work
    assert_same(together(engine, noise(0))[0], alone(engine, noise(0)))


def test_stopped_while_words_are_looked_for(engine):
    with pytest.raises(CancelledError):
        engine.ask(asked(noise(0)), should_stop=lambda: True)


def test_pictures_that_wait_are_bounded_by_bytes(monkeypatch, engine):
    """However many there are, and in whatever shapes, so that none finds others like it."""
    one = preprocessing.input_bytes(engine.state.model.prepare(picture_of(noise(0)), None))
    monkeypatch.setattr(many, "GROUPS_BYTES", 3 * one)
    monkeypatch.setattr(many, "TOKENS_BYTES", 1)
    held: list[int] = []
    alive: list[int] = []
    monkeypatch.setattr(many, "encoding_groups", watched(many.encoding_groups, held, alive))
    assert all(got.error is None for got in together(engine, *(noise(i) for i in range(40))))
    assert max(held) == 3
    assert sum(held) == 40
    # a group, and what was handed over last
    assert max(alive) <= 4


def watched(groups, held: list[int], alive: list[int]):
    """`groups`, noting how many pictures are in each, and how many there are in memory when it is handed over."""
    seen: list[weakref.ref] = []

    def noted(pictures):
        for one in pictures:
            seen.append(weakref.ref(one))
            yield one
            del one

    def watching(pictures, at_a_time):
        for group in groups(noted(pictures), at_a_time):
            held.append(len(group))
            alive.append(sum(ref() is not None for ref in seen))
            yield group
            del group

    return watching


def test_over_the_protocol_several_at_a_time(clip_folder, warm_session):
    """Two questions are on their way at once: neither takes the other's place, and one that is withdrawn is."""
    pictures = [ImageFile(one.source, one.data, one.sha256) for one in map(noise, range(12))]
    broken = ImageFile("no.png", b"no", "0")
    client = connect(SessionLocation())
    try:
        client.load(str(clip_folder), device="cpu")
        notes: list[m.Progress] = []
        first = client.read_many([*pictures[:6], broken], "tokens", "l2", 3, on_progress=notes.append)
        second = client.read_many(pictures[6:], "tokens", "l2", 3)
        third = client.read_many(pictures, "tokens", "l2", 3)
        client.cancel(third)
        with pytest.raises(UsageError, match="no metric 'near'"):
            client.read_many(pictures, "tokens", "near").result()  # type: ignore[arg-type]
        sources = [one.reading.image.source for one in (*first.result(WAIT)[:6], *second.result(WAIT))]
        assert sources == [one.source for one in pictures]
        assert isinstance(first.result()[6].error, ImageError)
        with pytest.raises(CancelledError):
            third.result(WAIT)
        assert ("reading the images", 7) in {(note.doing, note.total) for note in notes}
    finally:
        client.close()
