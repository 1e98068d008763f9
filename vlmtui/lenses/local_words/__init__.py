"""`local-words`: which words mark places of the image, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, LensSchedule, lens
from vlmtui.metrics import DEFAULT_METRIC, RIDGE, Metric

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Words
    from vlmtui.reading import ModelInfo


def refuses(stage: str, model: ModelInfo) -> str:
    """The reason why the lens does not apply to a model, or ""."""
    return f"needs words, and {model.wordless}" if model.wordless else ""


@lens(
    stages=("tokens", "llm"),
    offer=LensOffer(listed=True, refuses=refuses, wordy=True, segmented=True, render=f"{__name__}.render"),
    turn=LensSchedule(lets_in="any", doing="searching for words"),
)
def local_words(
    context: Context, metric: Metric = DEFAULT_METRIC, all_tokens: bool = False, ridge: float = RIDGE
) -> Words:
    """The words of the image's top-k lists whose patches lie together, each on its neighbourhood."""
    from .compute import words_in_places

    return words_in_places(context, metric, all_tokens, ridge)
