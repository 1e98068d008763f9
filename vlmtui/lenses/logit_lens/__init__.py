"""`layers`: the words of one token after every layer of the language model (logit lens)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, LensSchedule, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, LayerWords
    from vlmtui.reading import ModelInfo


def refuses(stage: str, model: ModelInfo) -> str:
    """The reason why the lens does not apply to a stage of a model, or ""."""
    if not model.wordless and not stage.startswith("vision."):
        return ""
    why = model.wordless or f"{stage} comes before it: choose tokens or a layer, such as llm.1"
    return f"applies to tokens in the language model, and {why}"


@lens(
    offer=LensOffer(listed=True, page=False, overlay=False, refuses=refuses, wordy=True, render=f"{__name__}.render"),
    turn=LensSchedule(beside="one", lets_in="any", runs=True, doing="searching for words"),
)
def layers(context: Context, all_tokens: bool = False) -> LayerWords:
    """The words with the largest logits after every layer (logit lens)."""
    from .compute import words_by_layer

    return words_by_layer(context, all_tokens)
