"""`gradient`: gradient × input of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, TokenMaps


@lens(subject="answer")
def gradient(context: Context, token: int | None = None) -> TokenMaps:
    """Gradient × input of the answer's tokens at the image tokens."""
    raise NotImplementedError
