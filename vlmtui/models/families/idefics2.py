"""Idefics2: a Perceiver whose queries read all patches, so no token has a place."""

from __future__ import annotations

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources


class Idefics2(Family):
    """A Perceiver between tower and language model."""

    title = "Idefics2"
    projector = "Perceiver"
    no_places = "every token is a query of the Perceiver, which reads all patches"

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        return None
