"""Fuyu: patches of an image of any shape go straight through a linear layer into the decoder, without a tower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlmtui.models.families.base import Family, Pixels, marks_of

if TYPE_CHECKING:
    from torch import Tensor, nn

_NEWLINE, _ANSWER = "|NEWLINE|", "<0x04>"


class Fuyu(Family):
    """Its only block is the linear layer: `vision.0` are the values of a patch, `vision.1` is what the layer makes.

    `pixel_values` are [rows, columns, height · width · 3 of a patch]. Transformers' own processor fails with the image
    processor that needs no torchvision, so its prompt is written here: image, BOS, sentence, and the mark of an answer.
    """

    title = "Fuyu"
    part_titles = {"fuyu": "patches"}
    projector = "linear layer"
    has_own_processor = False

    def _tower(self) -> nn.Module:
        tower: nn.Module = self.base.vision_embed_tokens
        return tower

    def _blocks(self) -> nn.ModuleList:
        from torch import nn

        return nn.ModuleList([self.tower])

    @property
    def vision_config(self) -> Any:
        return self.config

    def feeds(self) -> str | None:
        return "vision.1"

    @classmethod
    def tidied(cls, made: Pixels, config: Any) -> Pixels:
        # the image lies at the top left of a canvas; what reaches the model are the patches that it touches
        canvas, side = made["images"].flatten(0, -4)[0], int(config.patch_size)
        sizes = (made[f"image_unpadded_{axis}"].flatten()[0] for axis in ("heights", "widths"))
        rows, cols = (
            min(-(-int(size) // side), most // side) for size, most in zip(sizes, canvas.shape[1:], strict=True)
        )
        patches = canvas[:, : rows * side, : cols * side].reshape(3, rows, side, cols, side)
        return {"pixel_values": patches.permute(1, 3, 2, 4, 0).reshape(rows, cols, -1)}

    def frames(self, pixels: Pixels) -> list[Tensor]:
        values, (tall, wide) = pixels["pixel_values"], self.patch_size
        rows, cols = values.shape[:2]
        return [values.view(rows, cols, tall, wide, 3).permute(4, 0, 2, 1, 3).reshape(3, rows * tall, cols * wide)]

    def by_patches(self, states: Tensor) -> Tensor:
        return states.flatten(0, -2)

    def features(self, pixels: Pixels) -> Any:
        found = super().features(pixels)
        found.pooler_output = found.last_hidden_state
        return found

    def image_ids(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        rows, cols = pixels["pixel_values"].shape[:2]
        return [*[int(self.config.image_token_id)] * cols, *marks_of(tokenizer, _NEWLINE)] * rows

    def prompt_ids(self, tokenizer: Any, image: list[int], sentence: str) -> list[int]:
        said = tokenizer(sentence, add_special_tokens=False)["input_ids"]
        return [*image, int(tokenizer.bos_token_id), *said, *marks_of(tokenizer, _ANSWER)]
