"""The words of image tokens."""

from __future__ import annotations

import msgspec

from vlmtui.reading import RIDGE, Metric, TokenLayerWords, TokenWords


class FindWords(msgspec.Struct, frozen=True, tag=True):
    """The nearest word-pieces of some image tokens (all without `tokens`); answered by `WordsFound`.

    `reading` is the id of a reading of this session; only recent ones are kept. At a stage `llm.i` the words are those
    with the largest logits, whatever `metric` says, and what `ReadLayers` does is done first. At a stage `vision.i`
    there are words only where it is `projected`: those of the tokens that the projector makes of that stage.
    """

    reading: str
    metric: Metric
    k: int
    tokens: tuple[int, ...] | None = None
    all_tokens: bool = False
    stage: str = "tokens"
    ridge: float = RIDGE
    projected: bool = False


class WordsFound(msgspec.Struct, frozen=True, tag=True):
    """The words asked for."""

    reading: str
    words: TokenWords


class FindLayerWords(msgspec.Struct, frozen=True, tag=True):
    """The words of one image token after every layer of the language model; answered by `LayerWordsFound`."""

    reading: str
    token: int
    k: int
    all_tokens: bool = False


class LayerWordsFound(msgspec.Struct, frozen=True, tag=True):
    """The words asked for."""

    reading: str
    words: TokenLayerWords
