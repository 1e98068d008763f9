"""PaliGemma: one token a patch, in a prompt that its processor writes around the sentence."""

from __future__ import annotations

from vlmtui.models.families.base import Family


class PaliGemma(Family):
    """Trained on image, BOS, sentence and newline, with nothing between image and sentence."""

    title = "PaliGemma"
    prompt_separator = ""
