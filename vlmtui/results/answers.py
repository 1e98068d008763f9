"""A model's answer to a question about a picture, where it looked, and what it depended on. Pure data.

Numbers run over the image tokens in the order of `Reading.places`, and over the answer's tokens in the order said.
Log-probabilities are natural logarithms, of the model's own distribution: before any temperature.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import UsageError
from vlmtui.reading import Floats
from vlmtui.results.replacement import Replacement

MAX_NEW_TOKENS = 128


def check_question(question: str) -> None:
    """`UsageError` for one that asks nothing."""
    if not question.strip():
        raise UsageError("the question is empty: ask something, such as “Describe the image.”")


def check_number(number: int | None, first: int, last: int, what: str) -> None:
    """`UsageError` for a layer, head or answer token that is not among `first` … `last`; None passes."""
    if number is not None and not first <= number <= last:
        raise UsageError(f"there is no {what}: choose {first} … {last}")


class AnswerToken(msgspec.Struct, frozen=True):
    """One token of an answer: `piece` is the tokenizer's own, `text` what it decodes to; None where it has no name.

    `special` ones, such as the end of sequence, are no part of the answer's text.
    """

    id: int
    piece: str | None
    text: str | None
    log_prob: float
    special: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the model said. `id` is how it is asked about afterwards; only the latest of a reading is kept.

    `finished` says that it came to its own end, if only just; else `max_new_tokens` was the end of it. `temperature` is
    None for the greedy answer. `positions` counts the prompt, image tokens included.
    """

    id: str
    question: str
    text: str
    tokens: tuple[AnswerToken, ...]
    finished: bool
    positions: int
    max_new_tokens: int = MAX_NEW_TOKENS
    temperature: float | None = None
    seed: int = 0
    seconds: float = 0.0

    @property
    def log_prob(self) -> float:
        """Of the whole answer."""
        return float(sum(token.log_prob for token in self.tokens))


class AttentionSink(msgspec.Struct, frozen=True):
    """A position that draws attention whatever is said: its place in the prompt, its word-piece (None at the image),
    and its share of all attention, averaged over layers, heads and the answer's tokens."""

    position: int
    piece: str | None
    share: float


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the attention of the position that decided on each answer token went to each image token.

    `weights` [answer tokens, image tokens], of layer `layer` (from 1) or of all, of head `head` (from 0) or of all,
    averaged; with `rollout` rolled out through all layers (Abnar & Zuidema 2020). What is missing to 1 went to text.
    `sinks` bool [image tokens] marks image tokens that draw attention whatever is said, `sunk` are all such positions,
    BOS and the text before the picture included; `rule` says in a few words what counts as one. `layers` and `heads`
    are how many there are.
    """

    answer: str
    layer: int | None
    head: int | None
    rollout: bool
    weights: Floats
    sinks: NDArray[np.bool_]
    sunk: tuple[AttentionSink, ...]
    rule: str
    layers: int
    heads: int
    seconds: float = 0.0


class Gradient(msgspec.Struct, frozen=True, kw_only=True):
    """Gradient × input for every image token [image tokens], summed over its width, of the log-probability of answer
    token `token`, or with None of the whole answer: above 0 where more of the image token would have made it likelier.
    """

    answer: str
    token: int | None
    numbers: Floats
    seconds: float = 0.0


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer with image tokens replaced, and what that does to the tokens of the answer before.

    `tokens` are those replaced, `by` what stands for them. `log_probs` [tokens of the answer before] are theirs now;
    `changes` is how much they rose, so below 0 where the answer depended on what is gone.
    """

    answer: str
    tokens: tuple[int, ...]
    by: Replacement
    again: Answer
    log_probs: Floats
    changes: Floats
    seconds: float = 0.0


class Occlusion(msgspec.Struct, frozen=True, kw_only=True):
    """How much the log-probability of each answer token falls without each image token's block, `block` tokens a side.

    `drops` [image tokens, answer tokens]; tokens of one block have the same. Above 0 where it carries the answer.
    """

    answer: str
    block: int
    by: Replacement
    drops: Floats
    blocks: int
    seconds: float = 0.0

    @property
    def whole(self) -> Floats:
        """The drop of the whole answer's log-probability [image tokens]."""
        summed: Floats = self.drops.sum(axis=1)
        return summed


TEXT, IMAGE, SAID = 0, 1, 2
"""The kinds of positions in a mask: text of the prompt, image tokens, tokens of the answer."""


class AttentionMask(msgspec.Struct, frozen=True, kw_only=True):
    """Which positions the language model may look at from each, in one layer (from 1), as the model itself makes it.

    `kinds` uint8 [positions]; `bits` uint8 [positions, ⌈positions / 8⌉], packed as `numpy.packbits` does. `pieces` are
    the positions' word-pieces, None at the image's. `pattern` says in a word or two what it is.
    """

    layer: int
    kinds: NDArray[np.uint8]
    bits: NDArray[np.uint8]
    pieces: tuple[str | None, ...]
    pattern: str

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Row by row what is looked at from there: bool [positions, positions]."""
        opened: NDArray[np.bool_] = np.unpackbits(self.bits, axis=1, count=len(self.kinds)).astype(bool)
        return opened
