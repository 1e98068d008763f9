"""Vision encoders: towers without a language model, some of them with a text tower or a classification head."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from vlmtui.models.families.base import Family, Pixels
from vlmtui.results.image_text import NO_TEXT_TOWER

if TYPE_CHECKING:
    from torch import Tensor, nn


class Encoder(Family):
    """One raster of patches, after the class token and registers where the tower has them."""

    projector = ""
    wordless = "it is a vision-only model, without a vocabulary"
    no_text_tower = NO_TEXT_TOWER
    # the approximate way by which single patches are compared with texts, in a few words for reports
    patch_path = ""
    # whether the text tower was trained on lower-case texts of one length, padded at their end and without a mask
    fixed_length_texts = False

    @property
    def vision_config(self) -> Any:
        return getattr(self.config, "vision_config", self.config)

    @property
    def trunk(self) -> nn.Module:
        """The tower without a classification head: the module that returns `last_hidden_state`."""
        from torch import nn

        inner = getattr(self.tower, str(getattr(self.tower, "base_model_prefix", "")), None)
        return inner if isinstance(inner, nn.Module) else self.tower

    def feeds(self) -> str | None:
        return None

    def features(self, pixels: Pixels) -> Any:
        accepted = inspect.signature(self.tower.forward).parameters
        self.tower(**{key: value for key, value in pixels.items() if key in accepted})
        return None

    # -- beside a text tower

    def patch_text_stage(self) -> int:
        """The i of the `vision.i` whose patches `patch_vectors` takes."""
        return len(self.blocks)

    def image_vector(self, pooled: Tensor) -> Tensor:
        """The vector [1, width] of the whole image, from the tower's pooled output [1, hidden]."""
        return pooled

    def patch_vectors(self, states: Tensor) -> Tensor:
        """The vectors [patches, width] of single patches, approximate, from their states [patches, hidden]."""
        raise NotImplementedError
