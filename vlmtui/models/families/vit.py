"""ViT: the plain vision transformer, most often with a classification head on its class token."""

from __future__ import annotations

from vlmtui.models.families.encoder import Encoder


class Vit(Encoder):
    """One raster of patches after the class token."""

    title = "ViT"
    part_titles = {"vit": "ViT"}
    class_token = True
    classifier_reads = "class token"
