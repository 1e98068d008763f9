"""What an answer depends on: image tokens replaced, and the question asked again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vlmtui.answers import Ablation, Occlusion, Stand
from vlmtui.errors import UsageError
from vlmtui.image import Picture
from vlmtui.lenses.ablation.kernel import blocks, blurred, occlusion
from vlmtui.lenses.arrays import array
from vlmtui.models.forced import Change
from vlmtui.models.processing import Inputs
from vlmtui.session import messages as m
from vlmtui.session.answered import Answered
from vlmtui.session.questions.asking import Place
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine


def ablate(engine: Engine, request: m.Ablate, talk: Talk) -> m.Ablated:
    """Both answers, and what became of the first one's tokens."""
    started = time.perf_counter()
    place = Place.of(engine, request.reading, talk)
    answered = place.answered(request.answer)
    gone = tuple(sorted(set(request.tokens)))
    wrong = [token for token in gone if not 0 <= token < place.tokens]
    if wrong or not gone:
        raise UsageError(f"the picture has {place.tokens} image tokens, from 0: mark some of them to be replaced")
    without = _Without(place, answered, request.by)
    talk.progress("asking without them")
    log_probs = without(torch.tensor(gone))
    inputs, change = without.how(torch.tensor(gone))
    again = place.answer(replace(_fresh(answered), inputs=inputs), talk, change)
    found = Ablation(
        answer=answered.id,
        tokens=gone,
        by=request.by,
        again=again,
        log_probs=array(log_probs),
        changes=array(log_probs - answered.retold(place.model).log_probs()),
        seconds=time.perf_counter() - started,
    )
    return m.Ablated(request.reading, found)


def occlude(engine: Engine, request: m.Occlude, talk: Talk) -> m.Occluded:
    """Every block of image tokens replaced in turn."""
    started = time.perf_counter()
    place = Place.of(engine, request.reading, talk)
    answered = place.answered(request.answer)
    if request.block < 1:
        raise UsageError(f"blocks of {request.block} tokens a side cannot be: choose at least 1")
    spots = [
        None if at.grid is None or at.row is None or at.col is None else (at.grid, at.row, at.col)
        for at in place.kept.places
    ]
    groups = blocks(spots, request.block)
    if request.by == "blur":  # what has no place has no pixels to blur
        groups = [group for group in groups if _boxes(place, group)]
        if not groups:
            raise _no_pixels()

    def on_group(done: int, total: int, drop: Tensor) -> None:
        talk.progress("taking patches away", done, total)

    talk.progress("taking patches away", 0, len(groups))
    by_group = occlusion(_Without(place, answered, request.by).each, groups, on_group, talk.should_stop)
    drops = torch.zeros(place.tokens, by_group.shape[1])
    for group, drop in zip(groups, by_group, strict=True):
        drops[group] = drop
    found = Occlusion(
        answer=answered.id,
        block=request.block,
        by=request.by,
        drops=array(drops),
        blocks=len(groups),
        seconds=time.perf_counter() - started,
    )
    return m.Occluded(request.reading, found)


@dataclass(frozen=True)
class _Without:
    """Image tokens of an answer's picture replaced: called with them (int64 [n]) → log-probabilities [answer tokens]"""

    place: Place
    answered: Answered
    by: Stand

    def __call__(self, gone: Tensor) -> Tensor:
        forced = self.answered.retold(self.place.model)
        if not len(gone):
            return forced.log_probs()
        inputs, change = self.how(gone)
        if change is None:
            forced = self.place.model.speaking.force(inputs, self.answered.ids)
        return forced.log_probs(change)

    def each(self, groups: Sequence[Tensor]) -> Iterator[Tensor]:
        """As a call with each of these; what is replaced behind the tower, several in one pass."""
        stand = self.by
        if stand == "blur" or not all(len(group) for group in groups):
            yield from map(self, groups)
        else:
            yield from self.answered.retold(self.place.model).log_probs_of([Change(one, stand) for one in groups])

    def how(self, gone: Tensor) -> tuple[Inputs, Change | None]:
        """What the model is given without these tokens, and what is changed on the way."""
        if self.by != "blur":
            return self.answered.inputs, Change(gone, self.by)
        boxes = _boxes(self.place, gone)
        if not boxes:
            raise _no_pixels()
        picture = Picture(blurred(self.place.file.picture().rgb, boxes))
        return self.place.inputs(self.answered.question, picture), None


def _fresh(answered: Answered) -> Answered:
    """The same question, not yet answered; it is nobody's latest answer."""
    return Answered("", answered.inputs, answered.question, answered.saying)


def _boxes(place: Place, tokens: Tensor) -> list[tuple[float, float, float, float]]:
    found = (place.kept.places[token].box for token in tokens.tolist())
    return [box for box in found if box is not None]


def _no_pixels() -> UsageError:
    return UsageError("these image tokens have no place in the picture to blur: replace them by mean or zero")
