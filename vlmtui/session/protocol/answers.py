"""The model's own answers."""

from __future__ import annotations

import msgspec

from vlmtui.results.answers import MAX_NEW_TOKENS, Answer, AnswerToken


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

    Where a line is slow some are left out. `answer` is "" of one that is asked again with image tokens replaced.
    """

    answer: str
    number: int
    token: AnswerToken
    text: str


class Asked(msgspec.Struct, frozen=True, tag=True):
    """The whole answer."""

    reading: str
    answer: Answer
