"""Idefics2, BLIP-2 and InstructBLIP: a fixed number of queries reads all patches, so no token has a place."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from vlmtui.models.families.base import Caught, Family, Pixels, Shape, TokenSources


class Idefics2(Family):
    """A Perceiver between tower and language model."""

    projector = "Perceiver"
    no_places = "every token is a query of the Perceiver, which reads all patches"

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        return None


class Blip2(Idefics2):
    """A Q-Former, and a language model (OPT) that adds positions to what it is given."""

    projector = "Q-Former"
    no_places = "every token is a query of the Q-Former, which reads all patches"

    def first_layer(self, ids: Tensor, features: Any) -> Tensor:
        if features is None:  # its forward pass wants a picture; without one the embeddings are handed on as they are
            embedded: Tensor = self.model.get_input_embeddings()(ids)
            return embedded
        hook = Caught(self._decoder(), "inputs_embeds")
        with hook:
            self._forward(ids, features)
        return hook.value(ids, self.name)

    def _decoder(self) -> Any:
        decoder = self.model.get_decoder()
        while hasattr(decoder, "get_decoder") and decoder.get_decoder() is not decoder:
            decoder = decoder.get_decoder()
        return decoder


class InstructBlip(Blip2):
    """Its queries read the prompt too."""
