"""Granite-Docling: square tiles and the whole image last, a block of patches a token."""

from __future__ import annotations

from vlmtui.models.families.base import Family


class GraniteDocling(Family):
    """Features of several blocks are added in the first decoder layers (deepstack)."""

    title = "Granite-Docling"
    part_titles = {"granite_docling": "Granite-Docling"}
