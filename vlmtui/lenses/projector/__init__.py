"""`projector`: the words of a vision stage sent through the projector, an early exit from the tower."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, LensSchedule, lens
from vlmtui.metrics import DEFAULT_METRIC, RIDGE, Metric

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Words
    from vlmtui.reading import ModelInfo


def refuses(stage: str, model: ModelInfo) -> str:
    """The reason why the lens does not apply to a stage of a model, or ""."""
    from vlmtui.results.early_exit import no_exit_in_model

    if wrong := no_exit_in_model(model):
        return f":{wrong}"
    if not stage.startswith("vision."):
        return f"applies to a vision stage, not to {stage}: name one, such as --stage vision.{model.vision_layers}"
    return ""


@lens(
    offer=LensOffer(listed=True, refuses=refuses, projects=True, overlay=False, wordy=True),
    turn=LensSchedule(beside="one", lets_in="any", doing="searching for words"),
)
def projector(
    context: Context, metric: Metric = DEFAULT_METRIC, all_tokens: bool = False, ridge: float = RIDGE
) -> Words:
    """The nearest words of the tokens that the projector makes from a vision stage."""
    from .compute import projected_words

    return projected_words(context, metric, all_tokens, ridge)
