"""PaliGemma: its processor writes the whole prompt around the sentence."""

from __future__ import annotations

from vlmtui.models.families.base import Family


class PaliGemma(Family):
    """Picture, BOS, sentence, newline, as it was trained: nothing else comes between."""

    between = ""
