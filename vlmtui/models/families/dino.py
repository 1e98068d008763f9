"""DINOv2, with and without registers, and DINOv3: vision towers trained without labels or texts."""

from __future__ import annotations

from vlmtui.models.families.encoder import Encoder


class Dinov2(Encoder):
    """One raster of patches after the class token; a classification head reads both."""

    title = "DINOv2"
    part_titles = {"dinov2": "DINOv2"}
    class_token = True
    classifier_reads = "class token and mean of the patches"


class Dinov2WithRegisters(Dinov2):
    """As DINOv2, with registers between the class token and the patches."""

    title = "DINOv2 with registers"
    part_titles = {"dinov2_with_registers": "DINOv2 with registers"}


class Dinov3(Encoder):
    """One raster of patches after the class token and registers, with rotary positions."""

    title = "DINOv3"
    part_titles = {"dinov3_vit": "DINOv3"}
    class_token = True
    # its image processor exists for torchvision alone, and does what ViT's does: resize, rescale, normalise
    processes_as_vit = True
