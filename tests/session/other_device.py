"""All that a session can be asked, of models on the CPU and on a device apart from it.

`python -m tests.session.other_device` ends with an error where an answer from there is not the CPU's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeVar, get_args

import msgspec
import numpy as np
import torch

from tests import accelerator
from tests.session.local_engine import Desk
from tests.session.test_engine import request
from vlmtui.images.image_file import ImageFile, read_source
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.lens_source import lens_call
from vlmtui.lenses.registry import built_in_lenses
from vlmtui.metrics import METRICS
from vlmtui.models.loading import device, loader
from vlmtui.results.replacement import Replacement
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.typed_lenses import TypedQuestion, image_level, values, vocabulary
from vlmtui.verify import verification

T = TypeVar("T")
MODELS = ("demo", "demo-siglip", "demo-vit")
PICTURE = request(read_source("sample_images/astronaut.png"))
TEXTS = ("a tree", "a woman")


class Pair:
    """A model on both devices; the kinds of question that were asked."""

    def __init__(self) -> None:
        self.desks = {"cpu": Desk(), "cuda": Desk()}
        self.asked: set[type] = set()
        self.looked: set[str] = set()

    def ask(self, question: m.Question) -> Any:
        """The answer; AssertionError where the two are not the same."""
        self.asked.add(type(question))
        near, apart = (desk.ask(question) for desk in self.desks.values())
        for difference in differences(plain(near), plain(apart)):
            raise AssertionError(f"{type(question).__name__}: {difference}")
        return near

    def typed(self, question: TypedQuestion[T]) -> T:
        """The same of a lens, asked by its own name."""
        self.asked.add(type(question.body))
        self.looked.add(question.body.lens.name)
        near, apart = (desk.typed(question) for desk in self.desks.values())
        for difference in differences(plain(near), plain(apart)):
            raise AssertionError(f"{question.body.lens.name}: {difference}")
        return near

    def load(self, model: str) -> m.Loaded:
        found = [desk.ask(m.Load(model, device=name, layers=True)) for name, desk in self.desks.items()]
        assert [one.model.device for one in found] == ["cpu", f"{accelerator.NAME}:0"]
        return found[0]

    def verify(self, model: str) -> None:
        """On the device apart, where every check must pass."""
        apart = self.desks["cuda"].ask(m.Verify(model, device="cuda", whole=True))
        assert {check.result for check in apart.checks} == {"pass"}, apart.checks


def plain(answer: Any) -> Any:
    if isinstance(answer, LensResult):  # what it says besides travels as bytes
        answer = answer.numbers if answer.drawn else answer.result, answer.note, answer.besides
    return msgspec.to_builtins(answer, enc_hook=lambda array: array.tolist())


def differences(near: Any, apart: Any, where: str = "") -> Iterator[str]:
    """Where the two differ, but for times and the device's name."""
    if isinstance(near, dict):
        for key in near.keys() - {"seconds", "timings", "device"}:
            yield from differences(near[key], apart[key], f"{where}.{key}")
    elif isinstance(near, list | tuple):
        if len(near) != len(apart):
            yield f"{where} has {len(near)} and {len(apart)}"
        for i, (one, other) in enumerate(zip(near, apart, strict=False)):
            yield from differences(one, other, f"{where}[{i}]")
    elif isinstance(near, float) and isinstance(apart, float) and not math.isnan(near):
        if not math.isclose(near, apart, rel_tol=1e-4, abs_tol=1e-5):
            yield f"{where} is {near} and {apart}"
    elif near != apart and not (isinstance(near, float) and math.isnan(near) and math.isnan(apart)):
        yield f"{where} is {near!r} and {apart!r}"


def towers(pair: Pair, reading: str, last: str) -> None:
    """What every model is asked."""
    pair.typed(image_level.patch(reading, 0))
    for stage in ("vision.0", last):
        pair.typed(typed_lenses.vectors(reading, stage))
        for lens in (values.Similarity((0,)), values.Similarity((0, 5)), values.Components()):
            pair.typed(typed_lenses.look(reading, stage, lens))
    pair.typed(typed_lenses.look(reading, "vision.0", values.Position()))


def words(pair: Pair, reading: str, model: m.Loaded) -> None:
    """What is asked of a model that has words."""
    pair.typed(typed_lenses.layers(reading))
    for stage in ("tokens", "llm.1", f"llm.{model.model.llm_layers}"):
        for metric in METRICS:
            pair.typed(typed_lenses.words(reading, metric, 5, (0, 90), stage=stage))
        pair.typed(typed_lenses.words(reading, "dot", 5, stage=stage))
        pair.typed(typed_lenses.null(reading, "cosine", 5, stage=stage))
        for lens in (values.Similarity((0,)), values.Components(), values.Find("tree")):
            pair.typed(typed_lenses.look(reading, stage, lens))
    pair.typed(typed_lenses.words(reading, "cosine", 5, (0,), stage="vision.1", projected=True))
    pair.typed(typed_lenses.null(reading, "omp", 5, idle=True))
    pair.typed(typed_lenses.agreement(reading, 0, 5))
    pair.typed(typed_lenses.layer_words(reading, 0, 5))
    pair.typed(typed_lenses.look(reading, "vision.1", lens_call("projector"), k=2))
    pair.typed(typed_lenses.look(reading, "tokens", lens_call("local-words"), k=5))
    pair.typed(vocabulary.vocabulary(5))
    pair.typed(vocabulary.near("tree", "cosine", 5))
    pair.ask(m.Describe())
    sent = ImageFile(PICTURE.source, PICTURE.data, PICTURE.sha256)
    for stage, metric in (("tokens", "cosine"), ("llm.1", "dot")):
        pair.ask(m.ReadMany((sent, sent), stage, metric, 5))


def answers(pair: Pair, reading: str) -> None:
    """What is asked of a model that answers."""
    pair.ask(m.Generate(reading, max_new_tokens=4, temperature=0.7, seed=3))
    answer = pair.ask(m.Generate(reading, "Describe the image.", 6)).answer.id
    for options in ({}, {"layer": 1}, {"layer": 1, "head": 0}, {"rollout": True}):
        pair.typed(typed_lenses.attention(reading, answer, **options))
    pair.typed(typed_lenses.gradient(reading, answer))
    pair.typed(typed_lenses.mask(reading))
    for by in get_args(Replacement):
        pair.typed(typed_lenses.ablation(reading, answer, (0, 1), by))
    pair.typed(typed_lenses.occlusion(reading, answer, 7))


def main() -> None:
    accelerator.install()
    _lend(torch.device(accelerator.NAME, 0))
    pair = Pair()
    pair.ask(m.Describe())
    for name in MODELS:
        model = pair.load(name)
        last = f"vision.{model.model.vision_layers}"
        reading = pair.ask(PICTURE).reading.id
        towers(pair, reading, last)
        if name == "demo":
            words(pair, reading, model)
            answers(pair, reading)
        elif name == "demo-siglip":
            pair.typed(image_level.texts(TEXTS))
            pair.typed(typed_lenses.look(reading, last, values.Find("tree")))
            pair.typed(image_level.match(reading, TEXTS))
            pair.typed(image_level.loss(np.array([[2.0, -1.0], [0.5, 1.0]]), "sigmoid"))
        else:
            pair.typed(image_level.head())
            pair.typed(image_level.classes(reading, 5))
            pair.typed(typed_lenses.look(reading, last, values.Evidence("0")))
        pair.verify(name)
    wanted = {m.ReadMany, m.Compute, m.Describe, m.Generate}
    assert pair.asked >= wanted, f"never asked: {wanted - pair.asked}"
    lenses = built_in_lenses().keys()
    assert pair.looked >= lenses, f"never looked through: {lenses - pair.looked}"


def _lend(apart: torch.device) -> None:
    """Let a session have the device under the name of the GPU that is not there, in whole precision."""
    choose_device, choose_dtype = device.choose_device, device.choose_dtype
    for module in (device, loader, verification):
        module.choose_device = lambda wanted: choose_device(wanted) if wanted == "cpu" else apart
        module.choose_dtype = lambda wanted, _, parameters: choose_dtype(wanted, torch.device("cpu"), parameters)


if __name__ == "__main__":
    main()
