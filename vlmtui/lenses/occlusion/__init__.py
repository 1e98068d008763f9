"""`occlusion`: what the answer loses without blocks of image tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, TokenMaps


@lens(subject="answer")
def occlusion(context: Context, block: int = 1) -> TokenMaps:
    """The log-probability that the answer loses without each block of image tokens."""
    raise NotImplementedError
