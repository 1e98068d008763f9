"""The line of Qwen2-VL to Qwen3.5: any number of patches, flattened in the order of 2×2 blocks or of windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.models.families.base import Family, Pixels, Shape

if TYPE_CHECKING:
    from torch import Tensor


class Qwen2VL(Family):
    """`pixel_values` are [patches, 3 · frames · height · width of a patch]."""

    title = "Qwen2-VL"
    part_titles = {"qwen2_vl": "Qwen2-VL"}
    projector = "merger"

    @property
    def _merge(self) -> int:
        return int(self.vision_config.spatial_merge_size)

    def feeds(self) -> str | None:
        return f"vision.{len(self.blocks)}"

    def frames(self, pixels: Pixels) -> list[Tensor]:
        _, rows, cols = (int(n) for n in pixels["image_grid_thw"][0])
        (tall, wide), m = self.patch_size, self._merge
        values = pixels["pixel_values"].view(rows // m, cols // m, m, m, 3, -1, tall, wide)[:, :, :, :, :, 0]
        return [values.permute(4, 0, 2, 5, 1, 3, 6).reshape(3, rows * tall, cols * wide)]

    def repeated(self, pixels: Pixels, values: Tensor) -> Tensor:
        # an image is a video in which nothing moves
        videos = values.view(len(values), 3, -1, *self.patch_size)
        return videos[:, :, :1].expand_as(videos).reshape_as(values)

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        import torch

        flat = values.flatten()
        in_rows = torch.empty_like(flat)
        in_rows[self._patch_order(shapes[0]).to(values.device)] = flat
        return super().states(in_rows, shapes)

    def _patch_order(self, shape: Shape) -> Tensor:
        """The row-major index of each patch, in the order of the tower's states."""
        import torch

        (rows, cols), m = shape, self._merge
        return torch.arange(rows * cols).view(rows // m, m, cols // m, m).permute(0, 2, 1, 3).flatten()


class Qwen2_5VL(Qwen2VL):  # noqa: N801
    """Its blocks attend within windows, and its states are in the order of the windows."""

    title = "Qwen2.5-VL"
    part_titles = {"qwen2_5_vl": "Qwen2.5-VL"}

    def _patch_order(self, shape: Shape) -> Tensor:
        import torch
        from transformers.vision_utils import get_vision_window_index

        vision = self.vision_config
        windows, _ = get_vision_window_index(
            torch.tensor([[1, *shape]]),
            spatial_merge_size=vision.spatial_merge_size,
            window_size=vision.window_size,
            patch_size=vision.patch_size,
        )
        return super()._patch_order(shape).view(-1, self._merge**2)[windows].flatten()


class Qwen3VL(Qwen2VL):
    """As Qwen2-VL, with features of several blocks added to the first decoder layers (deepstack)."""

    title = "Qwen3-VL"
    part_titles = {"qwen3_vl": "Qwen3-VL"}


class Qwen3VLMoe(Qwen3VL):
    """As Qwen3-VL, with a mixture of experts in the decoder's layers."""

    title = "Qwen3-VL-MoE"
    part_titles = {"qwen3_vl_moe": "Qwen3-VL-MoE"}


class Qwen3_5(Qwen2VL):  # noqa: N801
    """As Qwen2-VL, with a hybrid decoder: attention in some of its layers, a linear recurrence in the others."""

    title = "Qwen3.5"
    part_titles = {"qwen3_5": "Qwen3.5"}


class Qwen3_5Moe(Qwen3_5):  # noqa: N801
    """As Qwen3.5, with a mixture of experts in the decoder's layers."""

    title = "Qwen3.5-MoE"
    part_titles = {"qwen3_5_moe": "Qwen3.5-MoE"}


class Glm4V(Qwen2VL):
    """A convolution after the tower's blocks makes one vector of each block of patches."""

    title = "GLM-4V"
    part_titles = {"glm4v": "GLM-4V"}
    projector = "convolution and merger"


class Glm46V(Glm4V):
    """As GLM-4V."""

    title = "GLM-4.6V"


class Glm4VMoe(Glm4V):
    """As GLM-4V, with a mixture of experts in the decoder's layers."""

    title = "GLM-4.5V (MoE)"
    part_titles = {"glm4v_moe": "GLM-4.5V"}


class GlmOcr(Glm4V):
    """As GLM-4V, smaller."""

    title = "GLM-OCR"
    part_titles = {"glm_ocr": "GLM-OCR"}


class Ernie45VLMoe(Qwen2VL):
    """A resampler merges blocks of patches; the decoder has experts for text and others for images."""

    title = "ERNIE 4.5-VL (MoE)"
    part_titles = {"ernie4_5_vl_moe": "ERNIE 4.5-VL"}
    projector = "resampler"


class Exaone45(Qwen2_5VL):
    """As Qwen2.5-VL, with another decoder."""

    title = "EXAONE 4.5"
    part_titles = {"exaone4_5": "EXAONE 4.5", "exaone4": "EXAONE 4"}


class HyperClovaX(Qwen2_5VL):
    """The tower of Qwen2.5-VL with another decoder."""

    title = "HyperCLOVA X Vision v2"
    part_titles = {"hyperclovax": "HyperCLOVA X"}


class RowByRow(Qwen2VL):
    """Patches of one frame that come row by row; what follows merges blocks of them."""

    def frames(self, pixels: Pixels) -> list[Tensor]:
        _, rows, cols = (int(n) for n in pixels["image_grid_thw"][0])
        tall, wide = self.patch_size
        values = pixels["pixel_values"].view(rows, cols, -1, 3, tall, wide)[:, :, 0]
        return [values.permute(2, 0, 3, 1, 4).reshape(3, rows * tall, cols * wide)]

    def _patch_order(self, shape: Shape) -> Tensor:
        import torch

        return torch.arange(shape[0] * shape[1])


class PaddleOcrVL(RowByRow):
    """Blocks of patches are merged by the projector."""

    title = "PaddleOCR-VL"
    part_titles = {"paddleocr_vl": "PaddleOCR-VL"}
