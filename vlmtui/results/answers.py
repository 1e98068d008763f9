"""Answers of a model to questions about an image, and their attention, gradient, ablation and occlusion. Pure data.

Arrays over image tokens follow the order of `Reading.places`, arrays over answer tokens the order of the answer.
Log-probabilities are natural logarithms of the model's own distribution, before any temperature.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import UsageError
from vlmtui.reading import Floats
from vlmtui.results.replacement import Replacement

MAX_NEW_TOKENS = 128
LEAST_TEMPERATURE = 0.0001
"""Logits that are divided by much less are no longer numbers."""


def check_question(question: str) -> None:
    """Raise `UsageError` for an empty question."""
    if not question.strip():
        raise UsageError("the question is empty: give one, such as “Describe the image.”")


def check_number(number: int | None, first: int, last: int, what: str) -> None:
    """`UsageError` for a layer, head or answer token that is not among `first` … `last`; None passes."""
    if number is not None and not first <= number <= last:
        raise UsageError(f"there is no {what}: choose {first} … {last}")


class AnswerToken(msgspec.Struct, frozen=True):
    """One token of an answer: the tokenizer's `piece` and the decoded `text`, None where the tokenizer has no name.

    Special tokens, such as the end of sequence, are not part of the answer's text.
    """

    id: int
    piece: str | None
    text: str | None
    log_prob: float
    special: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The model's answer. Later requests refer to it by `id`; only the latest answer of a reading is cached.

    `finished` says that the model ended it; otherwise `max_new_tokens` cut it. `temperature` is None for greedy
    decoding. `positions` is the length of the prompt, image tokens included.
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
        """The log-probability of the whole answer."""
        return float(sum(token.log_prob for token in self.tokens))


def empty_note(text: str, tokens: Sequence[AnswerToken], finished: bool) -> str:
    """What is shown for an answer without text; "" for one with text."""
    if text.strip():
        return ""
    log_prob = f"{sum(token.log_prob for token in tokens):.3g}".replace("-", "−")
    if finished and all(token.special for token in tokens):
        return f"(empty: the model ended at once, log-probability {log_prob})"
    count = f"{len(tokens)} token{'' if len(tokens) == 1 else 's'}"
    return f"(empty: {count} without text, log-probability {log_prob})"


class AttentionSink(msgspec.Struct, frozen=True):
    """A position that draws attention whatever the content: its index in the prompt, its word-piece (None at the
    image), and its share of all attention, averaged over layers, heads and the answer's tokens."""

    position: int
    piece: str | None
    share: float


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """Attention to each image token from the positions that predict each answer token.

    `weights` [answer tokens, image tokens] are those of `layer` (from 1) or the mean of all, and of `head` (from 0) or
    the mean of all; with `rollout`, rolled out through all layers (Abnar & Zuidema 2020). The rest to 1 went to text.
    `sinks`, bool [image tokens], marks image tokens that are attention sinks; `sunk` are all sinks, BOS and the text
    before the image included; `rule` is their definition in a few words. `layers` and `heads` are the model's numbers.
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
    """Gradient × input of every image token [image tokens], summed over its width, for the log-probability of answer
    token `token`, or with None of the whole answer. Above 0 where more of the image token would raise it.
    """

    answer: str
    token: int | None
    numbers: Floats
    seconds: float = 0.0


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer with image tokens replaced, and the effect on the tokens of the original answer.

    `tokens` are those replaced, `by` the replacement. `log_probs` [original answer tokens] are the log-probabilities of
    the original tokens after it; `changes` is their increase, below 0 where the answer depended on the replaced tokens.
    """

    answer: str
    tokens: tuple[int, ...]
    by: Replacement
    again: Answer
    log_probs: Floats
    changes: Floats
    seconds: float = 0.0


class Occlusion(msgspec.Struct, frozen=True, kw_only=True):
    """The drop of each answer token's log-probability without each image token's block of `block` tokens per side.

    `drops` [image tokens, answer tokens], equal within a block, above 0 where the answer depends on it.
    """

    answer: str
    block: int
    by: Replacement
    drops: Floats
    blocks: int
    seconds: float = 0.0

    @property
    def whole(self) -> Floats:
        """The drop of the log-probability of the whole answer [image tokens]."""
        summed: Floats = self.drops.sum(axis=1)
        return summed


TEXT, IMAGE, SAID = 0, 1, 2
"""The kinds of positions in a mask: text of the prompt, image tokens, tokens of the answer."""


class AttentionMask(msgspec.Struct, frozen=True, kw_only=True):
    """The attention mask of the language model in one layer (from 1), as the model itself makes it.

    `kinds` uint8 [positions]; `bits` uint8 [positions, ⌈positions / 8⌉], packed by `numpy.packbits`. `pieces` are the
    word-pieces of the positions, None at the image. `pattern` names the mask in a word or two.
    """

    layer: int
    kinds: NDArray[np.uint8]
    bits: NDArray[np.uint8]
    pieces: tuple[str | None, ...]
    pattern: str

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Which positions each position may attend to, bool [positions, positions], row by row."""
        opened: NDArray[np.bool_] = np.unpackbits(self.bits, axis=1, count=len(self.kinds)).astype(bool)
        return opened
