"""How much to believe words."""

from __future__ import annotations

import msgspec

from vlmtui.belief import Agreement, Null
from vlmtui.reading import RIDGE, Metric


class FindNull(msgspec.Struct, frozen=True, tag=True):
    """The words of noise, found as `FindWords` finds those of a reading; answered by `NullFound`.

    A copy of the picture with its pixels shuffled goes through the model for it, at `llm.i` through the layers too.
    At a vision stage there are none but with `projected`: what the projector makes of both pictures' states there.
    With `idle` it is withdrawn as soon as the same front end asks anything else about readings.
    """

    reading: str
    metric: Metric
    k: int
    all_tokens: bool = False
    stage: str = "tokens"
    ridge: float = RIDGE
    idle: bool = False
    projected: bool = False


class NullFound(msgspec.Struct, frozen=True, tag=True):
    """The words of noise."""

    reading: str
    null: Null


class FindAgreement(msgspec.Struct, frozen=True, tag=True):
    """k words of one image token by each of several metrics, at `tokens`; answered by `AgreementFound`.

    `idle` as in `FindNull`.
    """

    reading: str
    token: int
    k: int
    all_tokens: bool = False
    idle: bool = False


class AgreementFound(msgspec.Struct, frozen=True, tag=True):
    """The words of the metrics."""

    reading: str
    agreement: Agreement
