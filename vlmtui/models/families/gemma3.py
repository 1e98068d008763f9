"""Gemma 3: square images whose patches are averaged in blocks."""

from __future__ import annotations

from vlmtui.models.families.base import Family


class Gemma3(Family):
    """The generic layout: each token a block of patches."""

    title = "Gemma 3"
