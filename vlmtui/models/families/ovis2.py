"""Ovis 2: each token is a mixture of the rows of a visual vocabulary, by the probabilities that the tower returns."""

from __future__ import annotations

from vlmtui.models.families.base import Family


class Ovis2(Family):
    """The generic layout: each token a block of patches."""

    title = "Ovis 2"
    part_titles = {"ovis2": "Ovis 2"}
    projector = "visual vocabulary"
