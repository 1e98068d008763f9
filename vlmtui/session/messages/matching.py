"""Pictures against texts."""

from __future__ import annotations

import msgspec

from vlmtui.matching import Kind, Loss, Match, Texts
from vlmtui.reading import Floats


class ReadTexts(msgspec.Struct, frozen=True, tag=True):
    """Have the model held read these texts, to be matched with pictures; answered by `TextsRead`."""

    texts: tuple[str, ...]


class TextsRead(msgspec.Struct, frozen=True, tag=True):
    """The texts were read."""

    texts: Texts


class FindMatch(msgspec.Struct, frozen=True, tag=True):
    """A reading's picture against texts; answered by `MatchFound`. What `ReadTexts` does is done first."""

    reading: str
    texts: tuple[str, ...]


class MatchFound(msgspec.Struct, frozen=True, tag=True):
    """The match asked for."""

    reading: str
    match: Match


class FindLoss(msgspec.Struct, frozen=True, tag=True):
    """The loss of logits [n, n] of pictures and texts, of which the i-th belong together; answered by `LossFound`."""

    logits: Floats
    kind: Kind


class LossFound(msgspec.Struct, frozen=True, tag=True):
    """The loss asked for."""

    loss: Loss
