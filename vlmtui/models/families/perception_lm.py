"""PerceptionLM: the whole image and square tiles through a tower of timm's, whose patches are averaged in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlmtui.models.families.base import Family, Shape

if TYPE_CHECKING:
    from torch import Tensor, nn


class PerceptionLM(Family):
    """The whole image first, then tiles row by row."""

    title = "PerceptionLM"
    part_titles = {"timm_wrapper": "PE"}
    projector = "MLP and average"

    @property
    def patch_size(self) -> Shape:
        """That of timm's model: its architecture may say it, and not the config."""
        timm_model: Any = self.tower.timm_model
        tall, wide = timm_model.patch_embed.patch_size
        return int(tall), int(wide)

    def mixers(self) -> list[nn.Module]:
        """timm's attention, whatever its class is called."""
        return [block.get_submodule("attn") for block in self.blocks]

    def by_patches(self, states: Tensor) -> Tensor:
        """As it is in a pass; where timm is asked for hidden states, they are maps [tiles, width, rows, columns]."""
        return states.flatten(2).transpose(1, 2) if states.ndim == 4 else states
