"""`attention`: where every token of the answer looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, TokenMaps


@lens(subject="answer")
def attention(context: Context, layer: int | None = None, head: int | None = None) -> TokenMaps:
    """The attention of every token of the answer to the image tokens."""
    raise NotImplementedError
