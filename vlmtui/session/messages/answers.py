"""The model's own answers, where it looked, and what they depend on."""

from __future__ import annotations

import msgspec

from vlmtui.answers import MAX_NEW_TOKENS, Ablation, Answer, AnswerToken, Attention, Gradient, Mask, Occlusion, Stand


class Ask(msgspec.Struct, frozen=True, tag=True):
    """A question about a reading's picture ("Describe the image." without one); answered by `Asked`.

    Before it `Said` for every token. Greedy without a `temperature`. What it needs is done first: the language model's
    layers loaded. Withdrawn, it ends at the next token, and what was said by then is kept like a whole answer.
    """

    reading: str
    question: str | None = None
    max_new_tokens: int = MAX_NEW_TOKENS
    temperature: float | None = None
    seed: int = 0


class Said(msgspec.Struct, frozen=True, tag=True):
    """A note: one more token was said. `text` is the whole answer so far, `number` how many tokens that is.

    Where a line is slow some are left out.
    """

    answer: str
    number: int
    token: AnswerToken
    text: str


class Asked(msgspec.Struct, frozen=True, tag=True):
    """The whole answer."""

    reading: str
    answer: Answer


class FindAttention(msgspec.Struct, frozen=True, tag=True):
    """Where a reading's latest answer looked; answered by `AttentionFound`.

    In one layer (from 1) or all, by one of its heads (from 0) or all of them; `rollout` for all layers and heads.
    """

    reading: str
    answer: str
    layer: int | None = None
    head: int | None = None
    rollout: bool = False


class AttentionFound(msgspec.Struct, frozen=True, tag=True):
    """The attention asked for."""

    reading: str
    attention: Attention


class FindGradient(msgspec.Struct, frozen=True, tag=True):
    """Gradient × input of an answer token's log-probability, without one of the whole answer's; by `GradientFound`."""

    reading: str
    answer: str
    token: int | None = None


class GradientFound(msgspec.Struct, frozen=True, tag=True):
    """The gradient asked for."""

    reading: str
    gradient: Gradient


class Ablate(msgspec.Struct, frozen=True, tag=True):
    """The question of a reading's latest answer asked again with image tokens replaced; answered by `Ablated`.

    Before it `Said` for every token, whose `answer` is "". The answer before is kept.
    """

    reading: str
    answer: str
    tokens: tuple[int, ...]
    by: Stand = "mean"


class Ablated(msgspec.Struct, frozen=True, tag=True):
    """Both answers compared."""

    reading: str
    ablation: Ablation


class Occlude(msgspec.Struct, frozen=True, tag=True):
    """Which image tokens a reading's latest answer depends on, each block of them replaced in turn; by `Occluded`."""

    reading: str
    answer: str
    block: int = 1
    by: Stand = "mean"


class Occluded(msgspec.Struct, frozen=True, tag=True):
    """The map asked for."""

    reading: str
    occlusion: Occlusion


class FindMask(msgspec.Struct, frozen=True, tag=True):
    """What each position may look at in a layer (from 1); answered by `MaskFound`.

    Of the prompt and the reading's latest answer, or without one of the reading's prompt.
    """

    reading: str
    layer: int = 1


class MaskFound(msgspec.Struct, frozen=True, tag=True):
    """The mask asked for."""

    reading: str
    mask: Mask
