"""The generic model family: what most vision-language models of transformers have in common, and their traits.

A family that differs in one matter overrides that one method or attribute, in a file of its own beside this one. This
module and those of the families import torch inside the methods that compute: their attributes are read by front ends.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from vlmtui.errors import ModelError
from vlmtui.models.families.decoder_structure import changes_embeddings, decoder_layers, find_final_norm
from vlmtui.models.families.token_sources import Shape as Shape
from vlmtui.models.families.token_sources import TokenSources as TokenSources
from vlmtui.models.families.token_sources import block_side, patch_blocks
from vlmtui.models.hooks import CapturedInput, LastInput
from vlmtui.results.classification import HeadInput
from vlmtui.results.image_text import WITHOUT_ITS_OWN

if TYPE_CHECKING:
    from torch import Tensor, nn

Pixels: TypeAlias = "dict[str, Tensor]"


class Family:
    """The generic vision-language model of transformers: one raster of patches a tile, one token a block of them."""

    # the family's name for people
    title = ""
    # names of towers and language models by their `model_type` without its suffix, where capitalising will not do
    part_titles: Mapping[str, str] = {}
    projector = "MLP"
    # what a token is that was made of no patch
    placeless: Literal["newline", "query"] = "query"
    # why no token of the family has a place, or ""
    no_places = ""
    # why the boxes of its patches cannot be checked by changing pixels, or ""
    mixed_patches = ""
    # why the family has no words, or ""
    wordless = ""
    # why no model of the family has a text tower, or "" where it may have one
    no_text_tower = WITHOUT_ITS_OWN
    # what its classification head reads, None where no model of the family has one
    classifier_reads: HeadInput | None = None
    # whether its tower has a class token before the patches
    class_token = False
    # whether its image processor can be replaced by ViT's
    processes_as_vit = False
    # whether transformers' processor of the family works without torchvision, where it can be built at all
    has_own_processor = True
    # whether that processor places the image in a prompt itself
    processor_places_image = False
    # modules of the base model that no image passes through on its way to the language model
    unread_parts: tuple[str, ...] = ()
    # the text between image and sentence in a prompt, in a family without a chat template
    prompt_separator = "\n"
    # whether tests hold the layout below to be the family's own; that of an unknown family is proved for each image
    known = True
    # whether the tower takes several images whose tensors have the same shapes, one after the other
    stackable = True

    def __init__(self, model: Any, config: Any, name: str) -> None:
        self.model, self.config, self.name = model, config, name
        self.base: Any = getattr(model, "model", model)
        self.tower: nn.Module = self._checked_tower()
        self.blocks = self._blocks()
        if self.wordless:
            return
        if not hasattr(self.base, "get_image_features"):
            raise self._unread("whose images reach its language model in a way vlmtui does not support")
        if not isinstance(getattr(config, "image_token_id", None), int):
            raise self._unread("whose config.json names no image token")

    def _checked_tower(self) -> nn.Module:
        """The tower, which must be a part of the model of its own, not the model or its language model."""
        from torch import nn

        tower = self._tower()
        if isinstance(tower, nn.Module) and (self.wordless or tower not in (self.model, self.base)):
            return tower
        raise self._unread("which has no vision tower of its own that vlmtui recognises")

    def _unread(self, why: str) -> ModelError:
        return ModelError(f"{self.name} is a {self.config.model_type} model, {why}: choose another model")

    @classmethod
    def image_options(cls, config: Any) -> dict[str, Any]:
        """The settings that the family's processor passes to its image processor beside those in its file."""
        return {}

    @classmethod
    def completed(cls, config: Any) -> Any:
        """The config with an `image_token_id`, also in a family that marks its image's positions in another way."""
        return config

    @classmethod
    def tidied(cls, made: Pixels, config: Any) -> Pixels:
        """What the processor or the image processor made, by the names and in the forms that are used here.

        The pixels are `pixel_values`, and the image's positions in `input_ids` are `image_token_id`.
        """
        return made

    @classmethod
    def of_prompt(cls, ids: Tensor, config: Any) -> Pixels:
        """What the whole model's forward pass needs beside the pixels and the prompt's `ids` [1, positions]."""
        return {}

    @classmethod
    def complete(cls, model: Any) -> None:
        """Supply what transformers' own code of the family needs and leaves out, in a model that was just loaded."""

    # -- the parts

    def _blocks(self) -> nn.ModuleList:
        return _longest_list(self.tower, self.name)

    def _tower(self) -> nn.Module:
        tower: nn.Module = self.model.get_encoder(modality="image")
        return tower

    @property
    def vision_config(self) -> Any:
        """The settings of the vision tower."""
        return self.config.vision_config

    @property
    def patch_size(self) -> Shape:
        """The (height, width) of a vision patch in pixels of the tower's input."""
        patch = self.vision_config.patch_size
        return (int(patch), int(patch)) if isinstance(patch, int) else (int(patch[0]), int(patch[1]))

    def mixers(self) -> list[nn.Module]:
        """Modules beside the tower's attention that bring other patches into a token, for checks of its place."""
        return []

    def feeds(self) -> str | None:
        """The vision stage that the projector reads, such as "vision.4"; None where it reads several."""
        layer = getattr(self.config, "vision_feature_layer", -1)
        if not isinstance(layer, int):
            return None
        return f"vision.{layer if layer >= 0 else len(self.blocks) + 1 + layer}"

    # -- the image

    def frames(self, pixels: Pixels) -> list[Tensor]:
        """The tiles that the tower receives, each [3, height, width], in the processor's own order.

        No tiles where the form of the processor's tensors is not known.
        """
        values = pixels["pixel_values"]
        while values.ndim > 4:
            values = values.flatten(0, 1)
        return list(values) if values.ndim == 4 and values.shape[1] == 3 else []

    def repeated(self, pixels: Pixels, values: Tensor) -> Tensor:
        """Complete `values`, new `pixel_values` of which only the numbers that `frames` returns have been set."""
        return values

    def shapes(self, frames: list[Tensor]) -> list[Shape]:
        """The (rows, columns) of vision patches of every tile."""
        tall, wide = self.patch_size
        return [(frame.shape[1] // tall, frame.shape[2] // wide) for frame in frames]

    # -- the forward pass

    def features(self, pixels: Pixels) -> Any:
        """The output of the model's own `get_image_features`; its `pooler_output` are the image tokens."""
        run = self.base.get_image_features
        accepted = {*inspect.signature(run).parameters, *inspect.signature(self.tower.forward).parameters}
        given = {key: value for key, value in pixels.items() if key in accepted}
        return run(**given, return_dict=True)

    def flat(self, features: Any) -> Tensor:
        """The image tokens in `features`, one after the other [tokens, hidden]."""
        import torch

        pooled = features.pooler_output
        parts = [pooled] if isinstance(pooled, torch.Tensor) else list(pooled)
        flat = torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
        if flat.shape[1] != self.config.get_text_config().hidden_size:
            raise ModelError(
                f"the image tokens of {self.name} are {flat.shape[1]} wide, not as expected: vlmtui does not "
                "support its family"
            )
        return flat

    def by_patches(self, states: Tensor) -> Tensor:
        """A block's output with the width of the states last, [tiles, states, width] or [states, width]."""
        return states

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        """Split `values` into those of each tile's patches, row by row, and of the tokens before (CLS, registers).

        `values` has one number a state, in the order of a block's output: [tiles, states] or [states]. No tiles where
        the states of an unknown family cannot be assigned.
        """
        import torch

        if not shapes:
            return []
        counts = [rows * cols for rows, cols in shapes]
        if values.ndim == 2 and len(values) == len(shapes) and len(set(counts)) == 1:
            prefix = values.shape[1] - counts[0]
            if prefix >= 0:
                return [(row[prefix:], row[:prefix]) for row in values]
        if values.numel() == sum(counts):
            return [(part, part[:0]) for part in torch.split(values.flatten(), counts)]
        if not self.known:
            return []
        raise ModelError(
            f"{self.name} returns hidden states {tuple(values.shape)} for {sum(counts)} patches: vlmtui does not "
            "support its family"
        )

    def first_layer(self, ids: Tensor, features: Any) -> Tensor:
        """The input of the first decoder layer for `ids` [1, positions] → [1, positions, hidden].

        It is captured in the model's own forward pass, so a family's scaling of its embeddings is included. Of a
        decoder without layers it is the input of the final norm, or of whatever comes last; of one that adds positions
        or has several residual streams, what it is given before that. `features` fill the positions of the image
        tokens.
        """
        decoder = self.model.get_decoder()
        layers = decoder_layers(decoder)
        first = layers[0] if layers else find_final_norm(decoder)
        captured: CapturedInput | LastInput
        if changes_embeddings(decoder):
            captured = CapturedInput(decoder, "inputs_embeds")
        else:
            captured = LastInput(decoder) if first is None else CapturedInput(first, "hidden_states")
        with captured:
            self._forward(ids, features)
        return captured.value(ids, self.name)

    def _forward(self, ids: Tensor, features: Any) -> None:
        import torch

        required = {
            key: None
            for key, parameter in inspect.signature(self.base.forward).parameters.items()
            if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        }
        options = {} if features is None else {"mm_encoder_outputs": {"image": features}}
        self.base(**required | {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False} | options)

    def image_ids(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        """The token ids of an image in a prompt, where the family's processor cannot be built to write them.

        They are `tokens` image tokens, and the marks that the processor sets around and between them (without those
        that SmolVLM's sets between tiles).
        """
        return [int(self.config.image_token_id)] * tokens

    def prompt_ids(self, tokenizer: Any, image: list[int], sentence: str) -> list[int]:
        """The ids of a prompt that neither processor nor template makes: BOS, `image`, newline, sentence."""
        start = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
        return [*start, *image, *tokenizer(f"\n{sentence}", add_special_tokens=False)["input_ids"]]

    # -- the layout

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        """The patches that each of so many tokens was made of; None where the number of tokens does not tell."""
        side = block_side(shapes, tokens)
        return None if side is None else TokenSources(patch_blocks(shapes, side))


def pixtral_ids(image: int, shape: Shape, tokenizer: Any) -> list[int]:
    """The image's ids as Pixtral's processor writes them: `[IMG_BREAK]` after each row, `[IMG_END]` after the last."""
    rows, cols = shape
    marks = marks_of(tokenizer, "[IMG_BREAK]", "[IMG_END]")
    return [*([*[image] * cols, marks[0]] * rows)[:-1], marks[1]] if marks else [image] * (rows * cols)


def marks_of(tokenizer: Any, *pieces: str | None) -> list[int]:
    """The ids of these word-pieces where the tokenizer has them all, else none."""
    vocabulary = tokenizer.get_vocab()
    return [vocabulary[piece] for piece in pieces] if all(piece in vocabulary for piece in pieces) else []


def _longest_list(tower: nn.Module, name: str) -> nn.ModuleList:
    """The tower's blocks: its longest list of modules."""
    from torch import nn

    lists = [module for module in tower.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise ModelError(f"the vision tower of {name} has no list of blocks: vlmtui does not support its family")
    return max(lists, key=len)
