"""Stages along the path through a model: those of a reading, and before them the pixels. Pure functions."""

from __future__ import annotations

from vlmtui.reading import PIXELS as PIXELS
from vlmtui.reading import ModelInfo, llm_layer, stages, vision_layer

TOKENS = "tokens"
ANSWER = "answer"
"""What the model says at the end, where there is any: what is stood at are the image tokens that it looked at."""


def path(model: ModelInfo) -> tuple[str, ...]:
    """Every stage that can be stood on, in order."""
    return (PIXELS, *stages(model))


def of_tokens(stage: str) -> bool:
    """Whether a stage has image tokens for its entries, and words for each; the others have vision patches."""
    return stage in (TOKENS, ANSWER) or stage.startswith("llm.")


def vision_depth(stage: str) -> int | None:
    """The i of `vision.i`; None at another stage."""
    return vision_layer(stage) if stage.startswith("vision.") else None


def llm_depth(stage: str) -> int | None:
    """The i of `llm.i`; None at another stage."""
    return llm_layer(stage) if stage.startswith("llm.") else None
