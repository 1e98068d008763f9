"""BLIP-2 and InstructBLIP: a Q-Former whose queries read all patches, so no token has a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources
from vlmtui.models.families.decoder_structure import decoder_of
from vlmtui.models.hooks import CapturedInput

if TYPE_CHECKING:
    from torch import Tensor


class Blip2(Family):
    """A Q-Former, and a language model (OPT) that adds positions to its inputs."""

    title = "BLIP-2"
    part_titles = {"blip_2": "EVA-CLIP", "opt": "OPT"}
    projector = "Q-Former"
    no_places = "every token is a query of the Q-Former, which reads all patches"

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        return None

    def first_layer(self, ids: Tensor, features: Any) -> Tensor:
        if features is None:  # the forward pass requires an image; without one the embeddings are used as they are
            embedded: Tensor = self.model.get_input_embeddings()(ids)
            return embedded
        captured = CapturedInput(self._reader(), "inputs_embeds")
        with captured:
            self._forward(ids, features)
        return captured.value(ids, self.name)

    def _reader(self) -> Any:
        """The module that the image tokens enter: a decoder, or the language model with an encoder (T5)."""
        if self.config.get_text_config().is_encoder_decoder:
            return self.model.language_model
        return decoder_of(self.model)


class InstructBlip(Blip2):
    """As BLIP-2, with queries that read the prompt too."""

    title = "InstructBLIP"
    part_titles = {"instructblip": "EVA-CLIP"}
