"""`rollout`: attention through all layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, TokenMaps


@lens(subject="answer")
def rollout(context: Context) -> TokenMaps:
    """The attention of every token of the answer, rolled out through the layers."""
    raise NotImplementedError
