"""`attention`: where each token of the answer looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensSchedule, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, TokenMaps


# attention of another layer, or rolled out, is asked for in its place
@lens(subject="answer", turn=LensSchedule(group="attention"))
def attention(context: Context, layer: int | None = None, head: int | None = None) -> TokenMaps:
    """Attention of each answer token to every image token, in one layer (from 1) and head (from 0), or their mean."""
    from .compute import attention_maps

    return attention_maps(context, layer, head)
