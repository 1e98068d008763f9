"""Cohere 2 Vision: square tiles and the whole image, blocks of whose patches are shuffled into tokens."""

from __future__ import annotations

from vlmtui.models.families.base import Family


class Cohere2Vision(Family):
    """Tiles row by row, the whole image last."""

    title = "Cohere 2 Vision"
    part_titles = {"cohere2": "Command A", "cohere2_vision": "Cohere 2 Vision"}
