"""The question asked again with image tokens replaced; and what stands in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.image import RgbImage
from vlmtui.lenses import Context, Facts
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.answers import Ablation
from vlmtui.results.replacement import Replacement

from .kernel import Box, blur_boxes


def ablate(context: Context, by: Replacement) -> Facts:
    """Both answers, and what became of the first one's tokens; the context's entries are replaced."""
    model = context.model
    without = TokenAblation.of(context, by)
    generator, answered = without.generator, without.answered
    gone = tuple(sorted(set(context.entries)))
    wrong = [token for token in gone if not 0 <= token < generator.tokens]
    if wrong or not gone:
        raise UsageError(f"the picture has {generator.tokens} image tokens, from 0: mark some of them to be replaced")
    model.progress("asking without them")
    log_probs = without(torch.tensor(gone))
    again = generator.again(answered, *without.how(torch.tensor(gone)))
    before = answered.retold(generator.model).log_probs()
    found = Ablation(
        answer=answered.id,
        tokens=gone,
        by=by,
        again=again,
        log_probs=array(log_probs),
        changes=array(log_probs - before),
    )
    rows = (
        ("answer", again.text),
        ("log-probability of the answer", again.log_prob),
        ("log-probability of the answer before", float(before.sum())),
        ("log-probability of that answer now", float(log_probs.sum())),
        ("change", float(found.changes.sum())),
    )
    return Facts(rows, own=pack_details(found))


@dataclass(frozen=True)
class TokenAblation:
    """Image tokens of an answer's picture replaced: called with them (int64 [n]) → log-probabilities [answer tokens].

    `generator` is the model with what is kept of the reading, `answered` the answer.
    """

    generator: Any
    answered: Any
    by: Replacement

    @classmethod
    def of(cls, context: Context, by: Replacement) -> TokenAblation:
        """Of the answer that is asked about."""
        generator = context.model.generator()
        return cls(generator, generator.answered(context.model.answer), by)

    def __call__(self, gone: Tensor) -> Tensor:
        forced = self.answered.retold(self.generator.model)
        if len(gone):
            inputs, change = self.how(gone)
            if change is None:
                forced = self.generator.model.generator.teacher_force(inputs, self.answered.ids)
            log_probs: Tensor = forced.log_probs(change)
        else:
            log_probs = forced.log_probs()
        return log_probs

    def each(self, groups: Sequence[Tensor]) -> Iterator[Tensor]:
        """As a call with each of these; what is replaced behind the tower, several in one pass."""
        if self.by == "blur" or not all(len(group) for group in groups):
            yield from map(self, groups)
        else:
            changes = [self.generator.change(one, self.by) for one in groups]
            yield from self.answered.retold(self.generator.model).log_probs_of(changes)

    def how(self, gone: Tensor) -> tuple[Any, Any]:
        """What the model is given without these tokens, and what is changed on the way, None where nothing is."""
        if self.by != "blur":
            return self.answered.inputs, self.generator.change(gone, self.by)
        boxes = self.boxes(gone)
        if not boxes:
            raise no_pixels_error()
        picture = RgbImage(blur_boxes(self.generator.file.picture().rgb, boxes))
        return self.generator.inputs(self.answered.question, picture), None

    def boxes(self, tokens: Tensor) -> list[Box]:
        """The places of those of these tokens that have one, in pixels."""
        found = (self.generator.kept.places[token].box for token in tokens.tolist())
        return [box for box in found if box is not None]


def no_pixels_error() -> UsageError:
    """What is to be blurred is nowhere in the picture."""
    return UsageError("these image tokens have no place in the picture to blur: replace them by mean or zero")
