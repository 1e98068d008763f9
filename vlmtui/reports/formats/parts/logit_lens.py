"""Logit lens (`--lens layers`): the words of one token after every decoder layer, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vlmtui.display import numbers
from vlmtui.display.pieces import visible
from vlmtui.display.text_lines import flow
from vlmtui.lenses.folded_token_words import stable_layer
from vlmtui.reading import TokenLayerWords

_LABEL = 28


def layer_lines(layer_words: TokenLayerWords, joins: bool, fold: bool) -> Iterator[str]:
    """One line per layer: its entropy, and its words with their logits.

    With `fold`, a top-1 is stable in any spelling.
    """
    stable = stable_layer(layer_words, fold)
    yield f"{'  layer     entropy (nats)':<{_LABEL}}word logit"
    for layer, (ids, scores) in enumerate(zip(layer_words.ids.tolist(), layer_words.scores.tolist(), strict=True), 1):
        mark = "stable" if layer == stable else ""
        start = f"  {f'llm.{layer}':<9}{numbers.format_number(float(layer_words.entropy[layer - 1]), 3):>7} {mark:<8} "
        words = [
            f"{visible(layer_words.pieces[i], layer_words.texts[i], joins)} {numbers.format_number(score)}  "
            for i, score in zip(ids, scores, strict=True)
        ]
        yield from flow(words, start, indent=_LABEL)


def layers_object(layer_words: TokenLayerWords) -> dict[str, Any]:
    """The JSON object of a token's words by layer.

    `settled` is the first stage from which on the top-1 word is that of the last stage, by id, null without words;
    `stages` has the `entropy` and `words` of every layer, words in the form of a token's.
    """
    layers = enumerate(zip(layer_words.ids.tolist(), layer_words.scores.tolist(), strict=True))
    return {
        "settled": None if layer_words.settled is None else f"llm.{layer_words.settled}",
        "stages": [
            {
                "stage": f"llm.{layer + 1}",
                "entropy": float(layer_words.entropy[layer]),
                "words": [
                    {
                        "id": id_ if layer_words.in_vocabulary else None,
                        "piece": layer_words.pieces[id_],
                        "text": layer_words.texts[id_],
                        "score": score,
                        "special": id_ in layer_words.special,
                    }
                    for id_, score in zip(ids, scores, strict=True)
                ],
            }
            for layer, (ids, scores) in layers
        ],
    }
