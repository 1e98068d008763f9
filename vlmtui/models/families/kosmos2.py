"""Kosmos-2: queries that read all patches, at positions of the prompt that a mask tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources

if TYPE_CHECKING:
    from torch import Tensor

_MASK = "image_embeds_position_mask"


class Kosmos2(Family):
    """The ids at the image's positions are never read, and no text has the end-of-sequence id: it takes their place.

    Its decoder multiplies all that it is given by one factor, and adds positions; both come after what is read here.
    """

    title = "Kosmos-2"
    part_titles = {"kosmos_2": "Kosmos-2"}
    projector = "latent queries"
    no_places = "every token is a latent query, which reads all patches"
    processor_places_image = True

    @classmethod
    def completed(cls, config: Any) -> Any:
        end = config.get_text_config().eos_token_id
        config.image_token_id = end[0] if isinstance(end, list) else end
        return config

    @classmethod
    def tidied(cls, made: Pixels, config: Any) -> Pixels:
        tidy = dict(made)
        if (mask := tidy.pop(_MASK, None)) is not None:
            tidy["input_ids"] = made["input_ids"].masked_fill(mask.bool(), int(config.image_token_id))
        return tidy

    @classmethod
    def of_prompt(cls, ids: Tensor, config: Any) -> Pixels:
        return {_MASK: ids == int(config.image_token_id)}

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        return None

    def feeds(self) -> str | None:
        return f"vision.{len(self.blocks)}"

    def image_ids(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        start, end = (tokenizer.get_vocab().get(piece) for piece in ("<image>", "</image>"))
        ids = [int(self.config.image_token_id)] * tokens
        return ids if start is None or end is None else [start, *ids, end]

    def prompt_ids(self, tokenizer: Any, image: list[int], sentence: str) -> list[int]:
        said = tokenizer(sentence, add_special_tokens=False)["input_ids"]
        return [int(tokenizer.bos_token_id), *image, *said]

    def first_layer(self, ids: Tensor, features: Any) -> Tensor:
        embedded: Tensor = self.model.get_input_embeddings()(ids)
        if features is not None:
            embedded[ids == int(self.config.image_token_id)] = self.flat(features).to(embedded)
        return embedded
