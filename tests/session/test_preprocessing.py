"""Pictures prepared in threads: in their order, within a budget, and none any more once they are not wanted."""

from __future__ import annotations

import io
import threading
from contextlib import closing

import numpy as np
import pytest
import torch
from PIL import Image

from tests.session.local_engine import Desk
from tests.session.test_batch_read import asked, noise, sent
from vlmtui.errors import CancelledError, ImageError
from vlmtui.models import vlm
from vlmtui.session import preprocessing
from vlmtui.session import protocol as m
from vlmtui.session.preprocessing import ImagePreprocessing, PreprocessedImage


@pytest.fixture
def model(clip_folder):
    engine = Desk()
    engine.ask(m.Load(str(clip_folder), device="cpu"))
    return engine.state.model


def going_on() -> None:
    pass


def test_in_their_order_and_what_fails_in_its_place(model):
    pictures = [noise(0), sent("no.png", b"no"), *(noise(i, (400 if i % 2 else 9, 30)) for i in range(2, 20))]
    with closing(ImagePreprocessing(model, asked(*pictures))) as several:
        made = list(several.each(going_on))
    index, error = made.pop(1)
    assert index == 1
    assert isinstance(error, ImageError)
    assert [one.index for one in made] == [0, *range(2, 20)]
    assert [one.image.source for one in made] == [pictures[one.index].source for one in made]


def test_notes_of_decoding_come_with_the_image(model):
    file = io.BytesIO()
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)).save(file, "PNG")
    with closing(ImagePreprocessing(model, asked(sent("deep.png", file.getvalue()), noise(1)))) as several:
        (deep, plain) = (one.image for one in several.each(going_on))
    assert plain.notes == ()
    (note,) = deep.notes
    assert "its levels are scaled from 0 to 4,095 (12 bits hold its largest value)" in note


def test_a_large_image_makes_the_same_tensors(model, monkeypatch):
    pixels = []
    for large in (10**9, 1):
        for module in (preprocessing, vlm):
            monkeypatch.setattr(module, "LARGE", large)
        with closing(ImagePreprocessing(model, asked(noise(0), noise(1, (300, 7))))) as several:
            pixels.append([one.inputs.pixels for one in several.each(going_on)])
    for one, other in zip(*pixels, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_no_more_than_the_budget_waits(model, monkeypatch):
    """With room for one, whoever takes the first finds at most what was begun when that was taken."""
    decoded: list[str] = []
    decode = preprocessing.decode

    def noted(data, source, most, levels):
        decoded.append(source)
        return decode(data, source, most, levels)

    monkeypatch.setattr(preprocessing, "decode", noted)
    monkeypatch.setattr(preprocessing, "_MOST_THREADS", 1)
    with closing(ImagePreprocessing(model, asked(*map(noise, range(9))), budget=1)) as several:
        for taken, one in enumerate(several.each(going_on)):
            assert isinstance(one, PreprocessedImage)
            # itself, those before it, and the next one
            assert len(decoded) <= taken + 2
    assert decoded == [f"{i}.png" for i in range(9)]


def test_what_is_no_longer_wanted_is_not_prepared(model, monkeypatch):
    began, told = threading.Event(), threading.Event()
    decode = preprocessing.decode
    decoded: list[str] = []

    def slow(data, source, most, levels):
        began.set()
        told.wait(30)
        decoded.append(source)
        return decode(data, source, most, levels)

    def withdrawn() -> None:
        began.wait(30)
        told.set()
        raise CancelledError("enough")

    monkeypatch.setattr(preprocessing, "decode", slow)
    monkeypatch.setattr(preprocessing, "_MOST_THREADS", 1)
    before = threading.active_count()
    nine = ImagePreprocessing(model, asked(*map(noise, range(9))), budget=1)
    with closing(nine), pytest.raises(CancelledError, match="enough"):
        list(nine.each(withdrawn))
    assert threading.active_count() == before
    assert decoded == ["0.png"]
