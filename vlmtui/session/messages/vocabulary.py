"""The vocabulary of the model held, by itself."""

from __future__ import annotations

import msgspec

from vlmtui.vocabulary import Near, Nearby, Vocabulary


class FindVocabulary(msgspec.Struct, frozen=True, tag=True):
    """The norms of all rows, the `k` smallest and largest; answered by `VocabularyFound`. With `named` every row is."""

    k: int
    all_tokens: bool = False
    named: bool = False


class VocabularyFound(msgspec.Struct, frozen=True, tag=True):
    """The vocabulary."""

    vocabulary: Vocabulary


class FindNear(msgspec.Struct, frozen=True, tag=True):
    """The `k` words nearest to a word; answered by `NearFound`."""

    word: str
    metric: Near
    k: int
    all_tokens: bool = False


class NearFound(msgspec.Struct, frozen=True, tag=True):
    """The words asked for."""

    near: Nearby
