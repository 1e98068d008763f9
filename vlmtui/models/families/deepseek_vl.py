"""DeepSeek-VL and Janus: one token a patch of a square that the whole image lies in, with a margin of one colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.models.families.base import Family

if TYPE_CHECKING:
    from torch import nn


class DeepseekVL(Family):
    """The generic layout."""

    title = "DeepSeek-VL"


class DeepseekVLHybrid(DeepseekVL):
    """As DeepSeek-VL; a second tower (SAM) sees the image at a higher resolution, and adds to every token what lies
    around its patch. Stages and places are those of the first.
    """

    title = "DeepSeek-VL hybrid"
    projector = "MLP, with a second tower"

    def mixers(self) -> list[nn.Module]:
        return [self.base.aligner.high_res_vision_proj]


class Janus(Family):
    """As DeepSeek-VL; the part that makes images is not read."""

    title = "Janus"
    unread_parts = ("vqmodel", "generation_embeddings", "generation_aligner", "generation_head")
    part_titles = {"janus": "Janus"}
