"""`rollout`: attention rolled out through all layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensSchedule, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, TokenMaps


@lens(subject="answer", turn=LensSchedule(group="attention"))
def rollout(context: Context) -> TokenMaps:
    """The attention from each answer token to every image token, rolled out through all layers."""
    from .compute import rollout_maps

    return rollout_maps(context)
