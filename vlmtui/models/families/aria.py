"""Aria: queries of a resampler read all patches, so no token has a place."""

from __future__ import annotations

from vlmtui.models.families.idefics2 import Idefics2


class Aria(Idefics2):
    """As many queries as the size of the image asks for; a decoder with a mixture of experts."""

    title = "Aria"
    part_titles = {"idefics3_vision": "SigLIP", "aria": "Aria"}
    projector = "resampler"
    no_places = "every token is a query of the resampler, which reads all patches"
