"""What families of vision-language models do in different ways, with the answers that fit most of them.

A family that differs in one matter overrides that one method, in a file of its own beside this one.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vlmtui.errors import ModelError

Shape = tuple[int, int]
Pixels = dict[str, Tensor]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class TokenSources:
    """Which vision patches each image token was made of.

    `patches` int64 [tokens, patches a token] are indices that run through the patches of all tiles, tile by tile, row
    by row; -1 for none, and one may occur twice. Where tokens were resampled across tiles, `again` is the first of
    them and their (rows, columns) on the whole picture.
    """

    patches: Indices
    again: tuple[int, Shape] | None = None


class Family:
    """The generic vision-language model of transformers: one raster of patches a tile, one token a block of them."""

    projector = "MLP"
    # what a token is that was made of no patch
    placeless: Literal["newline", "query"] = "query"
    # why no token of the family has a place, or ""
    no_places = ""
    # why the family has no words, or ""
    wordless = ""
    # what comes between the picture and the sentence of a prompt, in a family without a chat template
    between = "\n"
    # whether tests hold that the layout below is the family's own; an unknown family's is put to the proof each time
    known = True
    # whether the tower takes several pictures whose tensors have the same shapes, one after the other
    stackable = True

    def __init__(self, model: Any, config: Any, name: str) -> None:
        self.model, self.config, self.name = model, config, name
        self.base: Any = getattr(model, "model", model)
        self.tower: nn.Module = self._tower()
        self.blocks = _longest_list(self.tower, name)
        if not self.wordless and not hasattr(self.base, "get_image_features"):
            raise ModelError(
                f"{name} is a {config.model_type} model, whose pictures reach its language model in a way vlmtui does "
                "not know: choose another model"
            )

    @classmethod
    def image_options(cls, config: Any) -> dict[str, Any]:
        """What the family's processor asks of its image processor beside the settings in its file."""
        return {}

    # -- the parts

    def _tower(self) -> nn.Module:
        tower: nn.Module = self.model.get_encoder(modality="image")
        return tower

    @property
    def vision_config(self) -> Any:
        """The settings of the vision tower."""
        return self.config.vision_config

    @property
    def patch_size(self) -> Shape:
        """The (height, width) of a vision patch in the pixels that the model gets."""
        patch = self.vision_config.patch_size
        return (int(patch), int(patch)) if isinstance(patch, int) else (int(patch[0]), int(patch[1]))

    def feeds(self) -> str | None:
        """The vision stage that the projector reads."""
        layer = getattr(self.config, "vision_feature_layer", -1)
        if not isinstance(layer, int):
            return None
        return f"vision.{layer if layer >= 0 else len(self.blocks) + 1 + layer}"

    # -- the picture

    def frames(self, pixels: Pixels) -> list[Tensor]:
        """The tiles that the tower sees, each [3, height, width], in the processor's own order.

        None where the processor hands pictures over in a form that is not known.
        """
        values = pixels["pixel_values"]
        while values.ndim > 4:
            values = values.flatten(0, 1)
        return list(values) if values.ndim == 4 and values.shape[1] == 3 else []

    def repeated(self, pixels: Pixels, values: Tensor) -> Tensor:
        """`values`, of which only what `frames` shows is right, in the place of `pixel_values`."""
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
        taken = {key: value for key, value in pixels.items() if key in accepted}
        return run(**taken, return_dict=True)

    def flat(self, features: Any) -> Tensor:
        """The image tokens in `features`, one after the other [tokens, hidden]."""
        made = features.pooler_output
        parts = [made] if isinstance(made, Tensor) else list(made)
        flat = torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
        if flat.shape[1] != self.config.get_text_config().hidden_size:
            raise ModelError(
                f"the image tokens of {self.name} are {flat.shape[1]} wide: vlmtui does not know its family"
            )
        return flat

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        """For every tile what belongs to its patches, row by row, and to the tokens before them (CLS, registers).

        No tiles where a family's states cannot be told apart.
        `values` is one number a state, as a block of the tower puts its states out: [tiles, states] or [states].
        """
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
            f"{self.name} keeps {tuple(values.shape)} states for {sum(counts)} patches: vlmtui cannot tell why"
        )

    def first_layer(self, ids: Tensor, features: Any) -> Tensor:
        """What the first decoder layer receives for `ids` [1, positions] → [1, positions, hidden].

        Read through the model's own forward pass, which goes no further; so scaling that a family applies to its
        embeddings counts. Of a decoder without layers it is the input of the final norm. `features` fill the places
        of the image tokens.
        """
        decoder = self.model.get_decoder()
        layers = getattr(decoder, "layers", None)
        hook = Caught(layers[0] if layers else final_norm(decoder, self.name), "hidden_states")
        with hook:
            self._forward(ids, features)
        return hook.value(ids, self.name)

    def _forward(self, ids: Tensor, features: Any) -> None:
        required = {
            key: None
            for key, parameter in inspect.signature(self.base.forward).parameters.items()
            if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        }
        options = {} if features is None else {"mm_encoder_outputs": {"image": features}}
        self.base(**required | {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False} | options)

    def spelled(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        """The ids that stand for the picture in a prompt, where the family's processor cannot be built to write them.

        So many image tokens, and the marks that the processor sets around and between them (not those
        that SmolVLM's sets between tiles).
        """
        return [int(self.config.image_token_id)] * tokens

    # -- the layout

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        """Which patches each of so many tokens was made of; None where that cannot be told."""
        side = block_side(shapes, tokens)
        return None if side is None else TokenSources(blocks(shapes, side))


def spelled_in_rows(image: int, shape: Shape, tokenizer: Any) -> list[int]:
    """Image tokens as Pixtral's processor writes them: `[IMG_BREAK]` after each row, after the last `[IMG_END]`."""
    rows, cols = shape
    marks = marks_of(tokenizer, "[IMG_BREAK]", "[IMG_END]")
    return [*([*[image] * cols, marks[0]] * rows)[:-1], marks[1]] if marks else [image] * (rows * cols)


def marks_of(tokenizer: Any, *pieces: str | None) -> list[int]:
    """The ids of these pieces, where the tokenizer has them all; else none."""
    vocabulary = tokenizer.get_vocab()
    return [vocabulary[piece] for piece in pieces] if all(piece in vocabulary for piece in pieces) else []


def block_side(shapes: list[Shape], tokens: int) -> int | None:
    """The k for which k×k patches make one token, None where no k fits."""
    patches = sum(rows * cols for rows, cols in shapes)
    side = math.isqrt(patches // tokens) if tokens else 0
    if side and sum((rows // side) * (cols // side) for rows, cols in shapes) == tokens:
        return side
    return None


def blocks(shapes: list[Shape], side: int) -> Indices:
    """One token a block of side × side patches, tile by tile, row by row [tokens, side²]."""
    parts, first = [], 0
    for rows, cols in shapes:
        index = first + np.arange(rows * cols).reshape(rows, cols)
        down, across = rows // side, cols // side
        within = index[: down * side, : across * side].reshape(down, side, across, side)
        parts.append(within.transpose(0, 2, 1, 3).reshape(down * across, side * side))
        first += rows * cols
    return np.concatenate(parts)


def numbered(shapes: list[Shape]) -> Tensor:
    """The patches' own numbers, to be sent through a model's layout code in the place of features.

    float64 [tiles, patches, 1], for tiles of one shape.
    """
    rows, cols = shapes[0]
    return torch.arange(len(shapes) * rows * cols, dtype=torch.float64).view(len(shapes), rows * cols, 1)


def taken(numbers: Tensor) -> TokenSources:
    """The patches' numbers as they came out of the model's layout code [tokens, patches a token]."""
    return TokenSources(np.asarray(numbers.to(torch.int64).numpy()))


class _Enough(Exception):  # noqa: N818
    """What was wanted has been seen: the rest of the forward pass is not."""


class Caught:
    """Catches what a module is given, as its first argument or by `keyword`, and ends the forward pass there."""

    def __init__(self, module: nn.Module, keyword: str) -> None:
        self._module, self._keyword = module, keyword
        self._seen: Tensor | None = None

    def __enter__(self) -> None:
        self._hook = self._module.register_forward_pre_hook(self._catch, with_kwargs=True)

    def _catch(self, _: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._seen = options[self._keyword] if self._keyword in options else args[0]
        raise _Enough

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._hook.remove()
        return kind is _Enough

    def value(self, ids: Tensor, name: str) -> Tensor:
        """What was caught, when it is there for every position."""
        if self._seen is None or self._seen.shape[:2] != ids.shape:
            raise ModelError(f"the decoder of {name} is built in a way vlmtui does not know: choose another model")
        return self._seen


def _longest_list(tower: nn.Module, name: str) -> nn.ModuleList:
    """The tower's blocks."""
    lists = [module for module in tower.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise ModelError(f"the vision tower of {name} has no list of blocks: vlmtui does not know its family")
    return max(lists, key=len)


def final_norm(decoder: nn.Module, name: str) -> nn.Module:
    """The norm after a decoder's last layer."""
    for attribute in ("norm", "final_layernorm", "final_layer_norm"):
        module = getattr(decoder, attribute, None)
        if isinstance(module, nn.Module):
            return module
    raise ModelError(f"the decoder of {name} has no final norm that vlmtui knows: choose another model")
