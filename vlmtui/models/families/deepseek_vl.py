"""DeepSeek-VL and Janus: one token a patch of a square that the whole image lies in, with a margin of one colour."""

from __future__ import annotations

from vlmtui.models.families.base import Family


class DeepseekVL(Family):
    """The generic layout."""

    title = "DeepSeek-VL"


class Janus(Family):
    """As DeepSeek-VL; the part that makes images is not read."""

    title = "Janus"
    unread_parts = ("vqmodel", "generation_embeddings", "generation_aligner", "generation_head")
    part_titles = {"janus": "Janus"}
