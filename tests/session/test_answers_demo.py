"""What the language model's own lenses say of the demo model, on held-out scenes whose every pixel is known."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest

from demo_training import language
from demo_training.drawings.scenes import FIGURES, make_scene
from demo_training.evaluation.patch_accuracy import facts_of
from demo_training.vocabulary import CLASS_OF, CLASSES
from tests.models.conftest import one_thread  # noqa: F401
from tests.session.local_engine import Desk
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses

SCENES, GRID, DRAWS = 12, 14, 2


class Asked:
    """A scene, the right answer to the color of one thing in it, and which patches that thing fills."""

    def __init__(self, engine: Desk, reading: str, answer, share: np.ndarray) -> None:
        self.engine, self.reading, self.answer, self.share = engine, reading, answer, share

    def fall(self, tokens: np.ndarray) -> float:
        """How much less likely its first word is without these image tokens."""
        gone = tuple(int(token) for token in tokens)
        return -float(self.engine.typed(typed_lenses.ablation(self.reading, self.answer.id, gone)).changes[0])


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    engine = Desk()
    engine.load(m.Load("demo", device="cpu", layers=True), lambda *_: None)
    found: list[Asked] = []
    seed = FIGURES + 50_000  # no figure and no decision has seen them
    rng = np.random.default_rng(0)
    while len(found) < SCENES:
        scene, seed = make_scene(seed), seed + 1
        facts = facts_of(scene)
        classes = np.array(CLASS_OF)[scene.labels]
        side = len(classes) // GRID

        def share(kind: int, classes=classes, side=side) -> np.ndarray:
            cut = (classes == kind)[: GRID * side, : GRID * side]
            return cut.reshape(GRID, side, GRID, side).mean(axis=(1, 3)).ravel()

        there = [kind for kind in language.visible_classes(facts) if 6 <= (share(kind) > 0.5).sum() <= 60]
        if not there:
            continue
        kind = there[rng.integers(len(there))]
        file = io.BytesIO()
        scene.image.save(file, "PNG")
        data = file.getvalue()
        reading = engine.ask(m.Read("scene", data, hashlib.sha256(data).hexdigest(), 10**7)).reading.id
        answer = engine.ask(m.Generate(reading, f"What color is the {CLASSES[kind].word}?", 8)).answer
        if answer.text == f"{language.BASE[int(facts.colour[kind])]}.":
            found.append(Asked(engine, reading, answer, share(kind)))
    return found


def test_without_the_thing_the_answer_falls_and_without_as_much_else_it_does_not(asked):
    rng = np.random.default_rng(1)
    things, others = [], []
    for one in asked:
        thing, other = np.flatnonzero(one.share > 0.3), np.flatnonzero(one.share == 0)
        many = min(len(thing), len(other))
        things.append(one.fall(thing))
        others.append(np.mean([one.fall(rng.choice(other, many, replace=False)) for _ in range(DRAWS)]))
    assert np.mean(things) > 10 * abs(np.mean(others))
    assert np.mean(np.array(things) > np.array(others)) > 0.5


def test_the_answer_looked_at_the_thing(asked):
    """The attention of its first word ranks the thing's patches above the others."""
    ranks = []
    for one in asked:
        weights = one.engine.typed(typed_lenses.attention(one.reading, one.answer.id)).weights[0]
        thing = one.share > 0.5
        ranks.append(float((weights[thing][:, None] > weights[~thing]).mean()))
    assert np.mean(ranks) > 0.7


def test_occlusion_finds_the_thing(asked):
    """Block by block: those of the thing carry the first word more than the others do."""
    one = max(asked[:3], key=lambda one: one.fall(np.flatnonzero(one.share > 0.3)))
    drops = one.engine.typed(typed_lenses.occlusion(one.reading, one.answer.id, block=2)).drops[:, 0]
    thing = one.share > 0.5
    assert drops[thing].mean() > 3 * abs(drops[~thing].mean())
