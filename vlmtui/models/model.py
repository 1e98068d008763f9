"""One adapter for vision-language models: prepare a picture, run the tower once, place and embed tokens.

The decoder's layers are not loaded (`num_hidden_layers=0`): what is looked at is the tower, the projector and the
embeddings. Where a family goes its own way, `models.families` says how.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from vlmtui.display.pieces import marks_words
from vlmtui.errors import ImageError, ModelError
from vlmtui.image import Picture
from vlmtui.models import proof
from vlmtui.models.families import family_of
from vlmtui.models.families.base import Sources
from vlmtui.models.geometry.layout import Layout, Raster, lay_out
from vlmtui.models.geometry.plan import check_size
from vlmtui.models.geometry.views import View, views
from vlmtui.models.head import Head
from vlmtui.models.loading import Loaded
from vlmtui.models.processing import DEFAULT_PROMPT, Inputs
from vlmtui.reading import ModelInfo

_SAMPLE = 64  # rows of the embedding matrix that show whether it is handed on as it is
_EMBED_AT_ONCE = 2048
_MEASURED = 256  # sizes of pictures


@dataclass(frozen=True)
class TileNorms:
    """L2 norms of one tile's states, float32: `patches` [stages, patches], `prefix` [stages, prefix tokens]."""

    patches: Tensor
    prefix: Tensor


@dataclass(frozen=True)
class Encoded:
    """What one forward pass left behind, on the model's device.

    `norms` are those of every tile, in the processor's order. `tokens` [tokens, hidden] are in the model's dtype; None
    where the model puts no image tokens into a prompt.
    """

    norms: tuple[TileNorms, ...]
    tokens: Tensor | None


class VisionLanguageModel:
    """A model that is held: its tower, projector and embeddings, on one device."""

    def __init__(self, loaded: Loaded) -> None:
        self._model = loaded.model
        self._config = loaded.config
        self._processing = loaded.processing
        self.name = loaded.name
        self.device = loaded.device
        self.tokenizer = loaded.processing.tokenizer
        self.family = family_of(loaded.model, loaded.config, loaded.name)
        self._measured: dict[tuple[tuple[int, int], tuple[tuple[int, int], ...]], list[View] | None] = {}
        # what the decoder is given for every row of the vocabulary [rows, hidden], where there are words
        self.embeddings: Tensor | None = None if self.family.wordless else self._embedding_matrix()
        self._head: Head | None = None
        self.info = self._describe(loaded)

    def prepare(self, picture: Picture, prompt: str | None, name: str = "the picture") -> Inputs:
        """The processor's inputs for one picture, as tensors on the CPU."""
        check_size(self._processing.image_processor, picture.width, picture.height, name)
        sentence = DEFAULT_PROMPT if prompt is None else prompt
        try:
            return self._processing.prepare(Image.fromarray(picture.rgb), sentence)
        except ValueError as error:
            why = " ".join(str(error).split())
            raise ImageError(
                f"{name} is {picture.width}×{picture.height} pixels, and the processor of {self.name} refuses it "
                f"({why}): crop or enlarge it"
            ) from error

    @torch.no_grad()
    def layout(self, picture: Picture, inputs: Inputs, encoded: Encoded) -> Layout:
        """Where the image tokens and the vision patches lie in the picture."""
        tokens = 0 if encoded.tokens is None else len(encoded.tokens)
        size = picture.width, picture.height
        frames = self.family.frames(inputs.pixels)
        shapes = self.family.shapes(frames)
        if not encoded.norms or not self._patches_in_order(inputs, shapes):
            why = f"how the family {self._config.model_type} cuts a picture into patches is not known"
            return lay_out([], size, None, tokens, placeless=why)
        seen = self._views(size, tuple((frame.shape[1], frame.shape[2]) for frame in frames))
        if seen is None:
            why = "where its processor takes their pixels from could not be measured for a picture of this shape"
            return lay_out([], size, None, tokens, placeless=why)
        rasters = [Raster(view, shape, self.family.patch_size) for view, shape in zip(seen, shapes, strict=True)]
        sources = None
        why = self.family.no_places
        if tokens and not why:
            sources = self._sources(inputs, shapes, tokens)
            why = "" if sources else f"how the family {self._config.model_type} orders its tokens could not be proved"
        return lay_out(
            rasters,
            size,
            None if sources is None else sources.patches,
            tokens,
            again=None if sources is None else sources.again,
            without=self.family.placeless,
            placeless=why,
        )

    def _views(self, size: tuple[int, int], tiles: tuple[tuple[int, int], ...]) -> list[View] | None:
        """What the tiles show of a picture of a (width, height), measured once for many pictures of that size."""
        key = (size, tiles)
        if key not in self._measured:
            if len(self._measured) >= _MEASURED:
                self._measured.clear()
            self._measured[key] = views(self._see, self._processing.image_processor, *size, list(tiles))
        return self._measured[key]

    def _sources(self, inputs: Inputs, shapes: list[tuple[int, int]], tokens: int) -> Sources | None:
        sources = self.family.sources(shapes, inputs.pixels, tokens)
        if sources is None or self.family.known:
            return sources
        features = self.family.features
        return sources if self._proved(inputs, shapes, sources.patches, lambda p: self._flat(features(p))) else None

    def _patches_in_order(self, inputs: Inputs, shapes: list[tuple[int, int]]) -> bool:
        """Whether what is taken for the patches' states, row by row, is theirs."""

        def states(pixels: dict[str, Tensor]) -> Tensor:
            with _stage_norms(self.family.blocks, lambda done, total: None) as stages:
                self.family.features(pixels)
            return torch.cat([patches for patches, _ in self.family.states(stages[-1], shapes)])[:, None]

        total = sum(rows * cols for rows, cols in shapes)
        return self.family.known or self._proved(inputs, shapes, np.arange(total)[:, None], states)

    def _proved(
        self,
        inputs: Inputs,
        shapes: list[tuple[int, int]],
        sources: NDArray[np.int64],
        run: Callable[[dict[str, Tensor]], Tensor],
    ) -> bool:
        pixels = self._on_device(inputs)
        return proof.holds(
            sources,
            shapes,
            pixels["pixel_values"],
            self.family.patch_size,
            self.family.tower,
            lambda values: run(pixels | {"pixel_values": values}),
        )

    def _see(self, image: Image.Image) -> list[NDArray[np.float32]]:
        """The tiles that the model gets of a picture, normalised."""
        return [np.asarray(frame.float().numpy()) for frame in self.family.frames(self._processing.pixels(image))]

    @torch.no_grad()
    def encode(self, inputs: Inputs, on_block: Callable[[int, int], None] = lambda done, total: None) -> Encoded:
        """One forward pass of the tower: norms of every stage, and the image tokens as the decoder receives them.

        `on_block` hears how many of the tower's blocks are done; what it raises ends the pass.
        """
        pixels = self._on_device(inputs)
        with _stage_norms(self.family.blocks, on_block) as stages:
            features = self.family.features(pixels)
        shapes = self.family.shapes(self.family.frames(inputs.pixels))
        tiles = zip(*(self.family.states(values, shapes) for values in stages), strict=True)
        norms = tuple(
            TileNorms(torch.stack([patches for patches, _ in tile]), torch.stack([prefix for _, prefix in tile]))
            for tile in tiles
        )
        return Encoded(norms, None if features is None else self._received(inputs, features))

    def _received(self, inputs: Inputs, features: Any) -> Tensor:
        """The image tokens as the first decoder layer receives them [tokens, hidden]."""
        flat = self._flat(features)
        image_token = int(self._config.image_token_id)
        ids = inputs.input_ids
        positions = None if ids is None else int((ids == image_token).sum())
        if ids is None or positions != len(flat):
            if positions:
                raise ModelError(
                    f"{self.name} makes {len(flat)} image tokens where its processor leaves {positions} places: its "
                    "processor's files do not belong to its weights, name the right ones with --processor"
                )
            ids = torch.full((1, len(flat)), image_token)
        received = self.family.first_layer(ids.to(self.device), features)
        tokens = received[0, (ids[0] == image_token).to(received.device)]
        if tokens.shape != flat.shape:
            raise ModelError(f"{self.name} does not put its image tokens where vlmtui looks for them: choose another")
        return tokens

    @torch.no_grad()
    def embed(self, ids: Sequence[int]) -> Tensor:
        """What the first decoder layer receives for text ids [n, hidden], scaling included."""
        return self.family.first_layer(torch.tensor([list(ids)], device=self.device), None)[0]

    def unembed(self, states: Tensor) -> Tensor:
        """The model's own logits [..., rows] of the residual stream after a decoder layer [..., hidden].

        The final norm is applied here, once: not for the library's `hidden_states[-1]`, which has been through it.
        """
        if self._head is None:
            self._head = Head(self._model, self.name)
        return self._head(states)

    @torch.no_grad()
    def _embedding_matrix(self) -> Tensor:
        """What the first decoder layer receives for every row of the embedding matrix [rows, hidden].

        The weight itself where a sample shows that it is handed on as it is, a matrix of its own where a family
        scales it.
        """
        weight: Tensor = self._model.get_input_embeddings().weight
        image_token = int(self._config.image_token_id)
        sample = [row for row in range(0, len(weight), max(1, len(weight) // _SAMPLE)) if row != image_token]
        if torch.equal(self.embed(sample), weight[sample]):
            return weight.detach()
        matrix = torch.empty_like(weight)
        for start in range(0, len(weight), _EMBED_AT_ONCE):
            end = min(start + _EMBED_AT_ONCE, len(weight))
            matrix[start:end] = self.embed(range(start, end))
        return matrix

    def _on_device(self, inputs: Inputs) -> dict[str, Tensor]:
        pixels = {key: value.to(self.device) for key, value in inputs.pixels.items()}
        pixels["pixel_values"] = pixels["pixel_values"].to(self._model.dtype)
        return pixels

    def _flat(self, features: Any) -> Tensor:
        made = features.pooler_output
        parts = [made] if isinstance(made, Tensor) else list(made)
        flat = torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
        if flat.shape[1] != self._config.get_text_config().hidden_size:
            raise ModelError(
                f"the image tokens of {self.name} are {flat.shape[1]} wide: vlmtui does not know its family"
            )
        return flat

    def _describe(self, loaded: Loaded) -> ModelInfo:
        config, family = self._config, self.family
        vision = family.vision_config
        size = getattr(vision, "image_size", None)
        tower = f"{_title(vision.model_type)} {family.patch_size[0]}" + (f"/{size}" if isinstance(size, int) else "")
        embeddings = None
        parts = [tower]
        if family.projector:
            weight = self._model.get_input_embeddings().weight
            embeddings = (int(weight.shape[0]), int(weight.shape[1]))
            parts += [family.projector, _title(config.get_text_config().model_type)]
        return ModelInfo(
            name=self.name,
            family=config.model_type,
            revision=loaded.revision,
            dtype=str(self._model.dtype).removeprefix("torch."),
            device=str(self.device),
            processor=type(self._processing.image_processor).__name__,
            parts=" → ".join(parts),
            vision_layers=len(family.blocks),
            llm_layers=loaded.llm_layers,
            feeds=family.feeds(),
            embeddings=embeddings,
            vision_hidden=_width(family.blocks),
            marks_words=self.embeddings is not None and marks_words(self.tokenizer.get_vocab()),
            wordless=family.wordless,
            note=loaded.note,
        )


@contextmanager
def _stage_norms(blocks: nn.ModuleList, on_block: Callable[[int, int], None]) -> Iterator[list[Tensor]]:
    """L2 norms of what enters the first block and of what every block puts out, each float32 [tiles, states]."""
    norms: list[Tensor] = []

    def before(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        keep(args[0] if args else options["hidden_states"])

    def after(_: nn.Module, __: Any, output: Any) -> None:
        keep(output[0] if isinstance(output, tuple) else output)

    def keep(states: Tensor) -> None:
        on_block(len(norms), len(blocks))
        norms.append(torch.linalg.vector_norm(states, dim=-1, dtype=torch.float32))

    hooks = [blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
    hooks += [block.register_forward_hook(after) for block in blocks]
    try:
        yield norms
    finally:
        for hook in hooks:
            hook.remove()


def _width(blocks: nn.ModuleList) -> int:
    """The width of the tower's states: that of the norm before a block's attention."""
    return next(len(p) for name, p in blocks[0].named_parameters() if "norm" in name and p.ndim == 1)


_TITLES = {
    "clip": "CLIP",
    "siglip": "SigLIP",
    "siglip2": "SigLIP2",
    "vit": "ViT",
    "opt": "OPT",
    "dinov2": "DINOv2",
    "dinov2_with_registers": "DINOv2 with registers",
    "dinov3_vit": "DINOv3",
    "internvl": "InternViT",
    "qwen2_vl": "Qwen2-VL",
    "qwen2_5_vl": "Qwen2.5-VL",
    "qwen3_vl": "Qwen3-VL",
    "smolvlm": "SmolVLM",
    "blip_2": "EVA-CLIP",
    "instructblip": "EVA-CLIP",
}


def _title(model_type: str) -> str:
    """A part's name for the screen."""
    for suffix in ("_vision_model", "_text_model", "_vision", "_text"):
        model_type = model_type.removesuffix(suffix)
    return _TITLES.get(model_type, model_type[:1].upper() + model_type[1:])
