"""Figures of lenses on held-out scenes, where it is known which patches show what.

Everything is computed by a session's engine as for the explorer: find a word, ask, ablate, attention. The measures were
fixed before any of them was run on these scenes; only the split into right and wrong answers was added afterwards.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from demo_training import language
from demo_training.colours import BASE
from demo_training.drawings.scenes import Scene
from demo_training.evaluation.patch_accuracy import as_batch, facts_of
from demo_training.evaluation.rank_statistics import auc, sign_test
from demo_training.targets import patch_signals
from demo_training.training.models import GRID
from demo_training.vocabulary import CLASS_OF, CLASSES, NAMES
from vlmtui.results.answers import Answer
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.engine import Engine
from vlmtui.session.request_control import RequestControl
from vlmtui.session.typed_lenses import TypedQuestion
from vlmtui.session.typed_lenses.values import Find

PATCHES: Final = GRID * GRID
LEAST: Final = 0.03  # share of an image that a thing must fill to be asked about, as in training
HALF: Final = 0.5  # share of a patch that a thing must fill for the patch to count as one of it
DRAWS: Final = 4

Shares = NDArray[np.float64]
Mask = NDArray[np.bool_]
T = TypeVar("T")


class LocalSession:
    """A session's engine in this process, on the CPU, with all layers of a checkpoint loaded."""

    def __init__(self, folder: Path) -> None:
        self._engine = Engine()
        self._control = RequestControl(lambda *_: None, lambda: False)
        loaded = self.ask(m.Load(str(folder), device="cpu", layers=True))
        self.last = f"llm.{loaded.model.llm_layers}"

    def ask(self, question: m.Question) -> Any:
        """Answer a request of the protocol."""
        return self._engine.answer(question, self._control)

    def typed(self, question: TypedQuestion[T]) -> T:
        """Answer a typed request about a lens."""
        return question.unpack(self.ask(question.body))

    def read(self, scene: Scene) -> str:
        """Read the image of a scene as a file; returns the id of the reading."""
        file = io.BytesIO()
        scene.image.save(file, "PNG")
        data = file.getvalue()
        done: m.ReadDone = self.ask(m.Read("scene.png", data, hashlib.sha256(data).hexdigest(), 10**6))
        assert len(done.reading.places) == PATCHES, "the demo model has a token a patch, row by row"
        return done.reading.id

    def find(self, reading: str, stage: str, word: str) -> NDArray[np.float32]:
        """Scores of all patches for a word `[patches]`."""
        numbers: NDArray[np.float32] = self.typed(typed_lenses.look(reading, stage, Find(word))).numbers
        return numbers


def class_shares(scene: Scene) -> Shares:
    """Share of each patch that each class fills `[classes, patches]`."""
    found = np.zeros((len(CLASSES), PATCHES))
    np.add.at(found, np.array(CLASS_OF), patch_signals(*as_batch(scene)).labels[0].numpy().T)
    return found


def usual_places(scenes: Sequence[Scene]) -> Shares:
    """How often each patch is one of a class, in the scenes that show the class: `[classes, patches]`."""
    there = np.stack([class_shares(scene) >= HALF for scene in scenes])
    found: Shares = there.sum(axis=0) / np.maximum(1, there.any(axis=2).sum(axis=0))[:, None]
    return found


def find_figures(
    session: LocalSession, scenes: Sequence[Scene], usual: Shares, names: Sequence[str] = NAMES
) -> dict[str, Any]:
    """AUC of each word's scores for its patches, over all patches of the scenes that have such patches.

    `auc` at the image tokens, `within` the mean over scenes, `last` at the last layer of the language model by logits,
    `place` that of usual places (`usual`), which depends on no image.
    """
    right: dict[str, list[Mask]] = {name: [] for name in names}
    scores: dict[str, dict[str, list[NDArray[Any]]]] = {name: {"auc": [], "last": [], "place": []} for name in names}
    for scene in scenes:
        there = class_shares(scene) >= HALF
        shown = [name for name in names if there[NAMES.index(name)].any()]
        reading = session.read(scene) if shown else ""
        for name in shown:
            right[name].append(there[NAMES.index(name)])
            scores[name]["auc"].append(session.find(reading, "tokens", name))
            scores[name]["last"].append(session.find(reading, session.last, name))
            scores[name]["place"].append(usual[NAMES.index(name)])
    found: dict[str, Any] = {}
    for name in names:
        if not right[name]:
            continue
        all_right = np.concatenate(right[name])
        own = [auc(s, r) for s, r in zip(scores[name]["auc"], right[name], strict=True)]
        found[name] = {"scenes": len(right[name]), "patches": int(all_right.sum()), "of": len(all_right)}
        found[name] |= {k: _round(auc(np.concatenate(v), all_right)) for k, v in scores[name].items()}
        found[name]["within"] = _round(float(np.nanmean(own)))
    return found


@dataclass(frozen=True)
class AnswerCase:
    """A greedy answer that is about one thing.

    `tokens` are its tokens that are about the thing, `right` whether they are true (in a description they are where the
    thing is there). `thing` bool `[patches]` are the patches that show any of it.
    """

    reading: str
    answer: Answer
    tokens: slice
    right: bool
    thing: Mask

    @property
    def other(self) -> Mask:
        """Patches that show none of the thing."""
        return ~self.thing


def answer_cases(session: LocalSession, scenes: Sequence[Scene], kind: str, seed: int = 91) -> Iterator[AnswerCase]:
    """Ask one question about each scene with a thing that fills 3% of it and shows in at most half of its patches.

    `colour`: "What color is …?" about one of these things, drawn by the seed; the whole answer is about it. `caption`:
    a description; of those things that it names one is drawn by the seed, and its word is about it.
    """
    for i, scene in enumerate(scenes):
        rng = np.random.default_rng([seed, i])
        facts, own = facts_of(scene), class_shares(scene)
        things = [k for k in language.visible_classes(facts, LEAST) if 2 * (own[k] > 0).sum() <= PATCHES]
        if not things:
            continue
        reading = session.read(scene)
        if kind == "colour":
            thing = things[int(rng.integers(len(things)))]
            verb = "are" if CLASSES[thing].plural else "is"
            answer = session.ask(m.Generate(reading, f"What color {verb} the {NAMES[thing]}?", 48)).answer
            right = answer.text == f"{BASE[int(facts.colour[thing])]}."
            yield AnswerCase(reading, answer, slice(None), right, own[thing] > 0)
        else:
            answer = session.ask(m.Generate(reading, language.DESCRIBE, 48)).answer
            pieces = [token.piece for token in answer.tokens]
            named = [k for k in things if f"▁{NAMES[k]}" in pieces]
            if named:
                thing = named[int(rng.integers(len(named)))]
                at = pieces.index(f"▁{NAMES[thing]}")
                yield AnswerCase(reading, answer, slice(at, at + 1), True, own[thing] > 0)


def scattered_patches(case: AnswerCase, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw as many patches as the thing has, anywhere outside it."""
    return rng.choice(np.flatnonzero(case.other), int(case.thing.sum()), replace=False)


def adjacent_patches(case: AnswerCase, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw as many patches as the thing has, outside it and nearest to one of them: a hole like the thing's own."""
    others = np.flatnonzero(case.other)
    middle = others[int(rng.integers(len(others)))]
    apart = np.hypot(others // GRID - middle // GRID, others % GRID - middle % GRID)
    return others[np.argsort(apart, kind="stable")[: int(case.thing.sum())]]


@dataclass(frozen=True)
class LogProbDrop:
    """Drop of an answer's log-probability in `nats` without some patches, and whether the answer is `another` then."""

    nats: float
    another: bool


def drop_without(session: LocalSession, case: AnswerCase, patches: NDArray[np.intp]) -> LogProbDrop:
    """Replace patches by the mean image token, and ask the question again."""
    gone = tuple(int(patch) for patch in patches)
    ablation = session.typed(typed_lenses.ablation(case.reading, case.answer.id, gone, "mean"))
    said, again = ([t.id for t in a.tokens][case.tokens] for a in (case.answer, ablation.again))
    if case.tokens != slice(None):  # the word may be elsewhere in another caption
        again = said if said[0] in [t.id for t in ablation.again.tokens] else []
    return LogProbDrop(-float(ablation.changes[case.tokens].sum()), said != again)


def ablation_figures(session: LocalSession, scenes: Sequence[Scene], kind: str, draws: int = DRAWS) -> dict[str, Any]:
    """Drops without the thing, and without as many other patches (the mean of `draws` draws a scene)."""
    rows, true = [], []
    for i, case in enumerate(answer_cases(session, scenes, kind)):
        rng = np.random.default_rng([92, i])
        row = [drop_without(session, case, np.flatnonzero(case.thing))]
        row += [
            drop_without(session, case, draw(case, rng))
            for draw in (scattered_patches, adjacent_patches)
            for _ in range(draws)
        ]
        rows.append(row)
        true.append(case.right)
    found = {"all": _compared(rows, draws)}
    if not all(true):
        for name, wanted in (("right", True), ("wrong", False)):
            found[name] = _compared([row for row, right in zip(rows, true, strict=True) if right is wanted], draws)
    return found


def _compared(rows: list[list[LogProbDrop]], draws: int) -> dict[str, Any]:
    """Means of rows (the drop without the thing, then those of each kind of draw), and comparisons with the thing."""
    if not rows:
        return {"scenes": 0}
    nats = np.array([[one.nats for one in row] for row in rows])
    another = np.array([[one.another for one in row] for row in rows])
    found: dict[str, Any] = {"scenes": len(rows), "thing": _side(nats[:, :1], another[:, :1])}
    for name, columns in (("scattered", slice(1, 1 + draws)), ("together", slice(1 + draws, None))):
        more = nats[:, 0] - nats[:, columns].mean(axis=1)
        found[name] = _side(nats[:, columns], another[:, columns])
        found[name] |= {"thing is more": _round(float((more > 0).mean())), "p": float(f"{sign_test(more):.2g}")}
    return found


def _side(nats: NDArray[np.float64], another: Mask) -> dict[str, float]:
    mean = nats.mean(axis=1)
    return {
        "mean": _round(float(mean.mean())),
        "median": _round(float(np.median(mean))),
        "another answer": _round(float(another.mean())),
    }


def attention_figures(session: LocalSession, scenes: Sequence[Scene], kind: str) -> dict[str, Any]:
    """Share of an answer's attention to the image that is to the thing's patches, against the share of those patches.

    The attention is that of the first token about the thing, the mean over layers and heads; means over scenes.
    """
    looked, filled, ranks = [], [], []
    for case in answer_cases(session, scenes, kind):
        weights = session.typed(typed_lenses.attention(case.reading, case.answer.id)).weights[case.tokens][0]
        looked.append(float(weights[case.thing].sum() / weights.sum()))
        filled.append(float(case.thing.mean()))
        ranks.append(auc(weights, case.thing))
    more = np.array(looked) - np.array(filled)
    return {
        "scenes": len(looked),
        "attention": _round(float(np.mean(looked))),
        "patches": _round(float(np.mean(filled))),
        "more than its patches": _round(float((more > 0).mean())),
        "p": float(f"{sign_test(more):.2g}"),
        "auc": _round(float(np.mean(ranks))),
    }


def lens_figures(folder: Path, scenes: Sequence[Scene], asked: int, usual: Sequence[Scene]) -> dict[str, Any]:
    """All figures of lenses: words found in all `scenes`, answers explained in the first `asked` of them."""
    session = LocalSession(folder)
    found: dict[str, Any] = {"scenes": len(scenes), "asked": asked, "draws": DRAWS, "usual": len(usual)}
    found["find"] = find_figures(session, scenes, usual_places(usual))
    for kind in ("colour", "caption"):
        found[kind] = {
            "ablated": ablation_figures(session, scenes[:asked], kind),
            "looked": attention_figures(session, scenes[:asked], kind),
        }
    return found


def _round(number: float) -> float:
    return round(number, 4)
