"""Ablation: the question asked again with image tokens replaced by a mean, zeros or a blur."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.images.decoding import RgbImage
from vlmtui.lenses import Context, Facts
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.answers import Ablation
from vlmtui.results.replacement import Replacement

from .kernel import Box, blur_boxes


def ablate(context: Context, by: Replacement) -> Facts:
    """Both answers, and the change of the first one's log-probabilities; the context's entries are replaced."""
    model = context.model
    ablation = TokenAblation.of(context, by)
    generator, answered = ablation.generator, ablation.answered
    replaced = tuple(sorted(set(context.entries)))
    wrong = [token for token in replaced if not 0 <= token < generator.tokens]
    if wrong or not replaced:
        raise UsageError(f"the image has {generator.tokens} image tokens, from 0: mark some of them to be replaced")
    model.progress("answering with the tokens replaced")
    log_probs = ablation(torch.tensor(replaced))
    again = generator.again(answered, *ablation.inputs_without(torch.tensor(replaced)))
    before = answered.retold(generator.model).log_probs()
    found = Ablation(
        answer=answered.id,
        tokens=replaced,
        by=by,
        again=again,
        log_probs=array(log_probs),
        changes=array(log_probs - before),
    )
    rows = (
        ("answer", again.text),
        ("log-probability of the answer", again.log_prob),
        ("log-probability of the first answer", float(before.sum())),
        ("log-probability of the first answer, tokens replaced", float(log_probs.sum())),
        ("change", float(found.changes.sum())),
    )
    return Facts(rows, own=pack_details(found))


@dataclass(frozen=True)
class TokenAblation:
    """Replacement of an answer's image tokens; a call with tokens (int64 [n]) gives log-probabilities [answer tokens].

    `generator` is the model with the cached activations of the reading, `answered` the answer.
    """

    generator: Any
    answered: Any
    by: Replacement

    @classmethod
    def of(cls, context: Context, by: Replacement) -> TokenAblation:
        """For the answer that the context is about."""
        generator = context.model.generator()
        return cls(generator, generator.answered(context.model.answer), by)

    def __call__(self, replaced: Tensor) -> Tensor:
        forced = self.answered.retold(self.generator.model)
        if len(replaced):
            inputs, change = self.inputs_without(replaced)
            if change is None:
                forced = self.generator.model.generator.teacher_force(inputs, self.answered.ids)
            log_probs: Tensor = forced.log_probs(change)
        else:
            log_probs = forced.log_probs()
        return log_probs

    def each(self, groups: Sequence[Tensor]) -> Iterator[Tensor]:
        """As calls with each of these groups; replacements behind the tower run several per forward pass."""
        if self.by == "blur" or not all(len(group) for group in groups):
            yield from map(self, groups)
        else:
            changes = [self.generator.change(one, self.by) for one in groups]
            yield from self.answered.retold(self.generator.model).log_probs_of(changes)

    def inputs_without(self, replaced: Tensor) -> tuple[Any, Any]:
        """The model's inputs without these tokens, and the change to make behind the tower, None for no change."""
        if self.by != "blur":
            return self.answered.inputs, self.generator.change(replaced, self.by)
        boxes = self.boxes(replaced)
        if not boxes:
            raise no_pixels_error()
        picture = RgbImage(blur_boxes(self.generator.file.picture().rgb, boxes))
        return self.generator.inputs(self.answered.question, picture), None

    def boxes(self, tokens: Tensor) -> list[Box]:
        """The boxes of these tokens in pixels, where they have one."""
        found = (self.generator.kept.places[token].box for token in tokens.tolist())
        return [box for box in found if box is not None]


def no_pixels_error() -> UsageError:
    """The error for tokens that have no place in the image, and so no pixels to blur."""
    return UsageError("these image tokens have no position in the image to blur: replace them by mean or zero")
