"""Families whose images come as Qwen-VL's do, flattened in the order of blocks of patches, with other decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vlmtui.models.families.base import Pixels, Shape, TokenSources
from vlmtui.models.families.qwen_vl import Glm4V, Glm46V, Qwen2_5VL, Qwen2VL, Qwen3VL, RowByRow
from vlmtui.models.families.token_sources import patch_blocks

if TYPE_CHECKING:
    from torch import Tensor


class CohereCompass(Qwen3VL):
    """As Qwen3-VL."""

    title = "Cohere Compass"
    part_titles = {"cohere_compass": "Cohere Compass"}


class Cosmos3Edge(Qwen2VL):
    """Patches of one frame, merged by the projector."""

    title = "Cosmos 3 Edge"
    part_titles = {"cosmos3_edge": "Cosmos 3 Edge"}
    projector = "MLP"

    def frames(self, pixels: Pixels) -> list[Tensor]:
        _, rows, cols = (int(n) for n in pixels["image_grid_thw"][0])
        (tall, wide), m = self.patch_size, self._merge
        # a patch is row by row, pixel by pixel, its three colours together
        values = pixels["pixel_values"].view(rows // m, cols // m, m, m, tall, wide, 3, -1)[..., 0]
        return [values.permute(6, 0, 2, 4, 1, 3, 5).reshape(3, rows * tall, cols * wide)]

    def repeated(self, pixels: Pixels, values: Tensor) -> Tensor:
        return values


class Cosmos3Omni(Qwen3VL):
    """As Qwen3-VL."""

    title = "Cosmos 3 Omni"


class Dots3Note(Qwen2VL):
    """A tower with a mixture of experts."""

    title = "dots 3 note"
    part_titles = {"dots3_note_vision_encoder": "dots 3 note", "dots3_note": "dots 3 note"}
    projector = "adapter"


class Glm5Next(Glm4V):
    """As GLM-4V; the decoder keeps several residual streams."""

    title = "GLM-5 Next"
    part_titles = {"glm5_next": "GLM-5 Next"}


class Glmga(Glm46V):
    """As GLM-4.6V."""

    title = "GLM-GA"
    part_titles = {"glmga": "GLM-GA"}


class HunYuanVL(RowByRow):
    """One more token after each row of them; a token before the image and one after it."""

    title = "HunYuan-VL"
    part_titles = {"hunyuan_vl": "HunYuan-VL"}
    placeless = "newline"

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        (rows, cols), m = shapes[0], self._merge
        blocks = patch_blocks(shapes, m).reshape(rows // m, cols // m, -1)
        lines = np.concatenate([blocks, np.full((rows // m, 1, m * m), -1)], axis=1).reshape(-1, m * m)
        around = np.full(((tokens - len(lines)) // 2, m * m), -1)
        return TokenSources(np.concatenate([around, lines, around]))


class HYV4VL(HunYuanVL):
    """As HunYuan-VL, without tokens before and after the image; the decoder keeps several residual streams."""

    title = "HunYuan V4-VL"
    part_titles = {"hy_v4_vl": "HunYuan V4-VL", "hy_v4": "HunYuan V4"}


class Lfm3VL(Qwen2VL):
    """Blocks of patches merged by the projector; a hybrid decoder of convolutions and attention."""

    title = "LFM3-VL"
    part_titles = {"lfm3_vl": "LFM3-VL", "lfm3": "LFM3"}


class Qwen4Exp(Qwen2VL):
    """A hybrid decoder that keeps several residual streams."""

    title = "Qwen4 (experimental)"
    part_titles = {"qwen4_exp": "Qwen4"}


class VideoLlama3(Qwen2VL):
    """One token a patch of an image; only those of videos are merged."""

    title = "Video-LLaMA 3"
    part_titles = {"video_llama_3": "Video-LLaMA 3"}
    projector = "MLP"

    @property
    def _merge(self) -> int:
        return 1


class Qwen25Omni(Qwen2_5VL):
    """The tower of Qwen2.5-VL; the part for sound is not read."""

    title = "Qwen2.5-Omni"
    part_titles = {"qwen2_5_omni": "Qwen2.5-Omni"}


class Qwen3OmniMoe(Qwen3VL):
    """The tower of Qwen3-VL; the part for sound is not read."""

    title = "Qwen3-Omni-MoE"
    part_titles = {"qwen3_omni_moe": "Qwen3-Omni-MoE"}
