"""One adapter for vision-language models: prepare a picture, run the tower once, place and embed tokens.

The decoder's layers are not loaded (`num_hidden_layers=0`): what is looked at is the tower, the projector and the
embeddings. What the first decoder layer would receive is read at the input of the final norm, through the model's own
forward pass; so scaling that a family applies to its embeddings counts, and a family put together in another way is
noticed instead of shown wrong.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from vlmtui.display.pieces import marks_words
from vlmtui.errors import ModelError
from vlmtui.image import Picture
from vlmtui.models import geometry
from vlmtui.models.loading import Loaded
from vlmtui.models.processing import DEFAULT_PROMPT, Inputs
from vlmtui.reading import ModelInfo

_SAMPLE = 64  # rows of the embedding matrix that show whether it is handed on as it is
_EMBED_AT_ONCE = 2048


@dataclass(frozen=True)
class Encoded:
    """What one forward pass left behind, on the model's device.

    `patch_norms` and `prefix_norms` are float32 [tiles, stages, patches] and [tiles, stages, prefix tokens];
    `tokens` [tokens, hidden] in the model's dtype.
    """

    patch_norms: Tensor
    prefix_norms: Tensor
    tokens: Tensor


class VisionLanguageModel:
    """A model that is held: its tower, projector and embeddings, on one device."""

    def __init__(self, loaded: Loaded) -> None:
        self._model = loaded.model
        self._config = loaded.config
        self._processing = loaded.processing
        self.name = loaded.name
        self.device = loaded.device
        self.tokenizer = loaded.processing.tokenizer
        self._base: Any = getattr(loaded.model, "model", loaded.model)
        self._tower: nn.Module = loaded.model.get_encoder(modality="image")
        self._decoder: nn.Module = loaded.model.get_decoder()
        self._blocks = _longest_list(self._tower, self.name)
        self._final_norm = _final_norm(self._decoder, self.name)
        self._image_token = int(self._config.image_token_id)
        self._accepts = frozenset(inspect.signature(self._base.get_image_features).parameters)
        # "full" hands the class token on to the projector, where the tower has one
        whole = getattr(self._config, "vision_feature_select_strategy", "full") == "full"
        self._leading = int(whole and _has_class_token(self._tower))
        self.embeddings = self._embedding_matrix()
        self.info = self._describe(loaded)

    def prepare(self, picture: Picture, prompt: str | None, name: str = "the picture") -> Inputs:
        """The processor's inputs for one picture, as tensors on the CPU."""
        geometry.check_size(self._processing.image_processor, picture.width, picture.height, name)
        return self._processing.prepare(Image.fromarray(picture.rgb), DEFAULT_PROMPT if prompt is None else prompt)

    def layout(self, picture: Picture, inputs: Inputs, tokens: int) -> geometry.Layout:
        """Where so many image tokens and the vision patches lie in the picture."""
        size = (int(inputs.pixels["pixel_values"].shape[-2]), int(inputs.pixels["pixel_values"].shape[-1]))
        view = geometry.view(self._processing.image_processor, picture.width, picture.height, size)
        if view is None:
            raise ModelError(
                f"{self.name} prepares its pictures in a way whose geometry vlmtui cannot tell: choose another model"
            )
        leading = self._leading
        layout = geometry.raster(view, self._patch_size(), (picture.width, picture.height), leading)
        if len(layout.places) != tokens:
            raise ModelError(
                f"{self.name} makes {tokens} image tokens of {len(layout.patch_places)} patches: vlmtui cannot "
                "place them"
            )
        return layout

    @torch.no_grad()
    def encode(self, inputs: Inputs, on_block: Callable[[int, int], None] = lambda done, total: None) -> Encoded:
        """One forward pass of the tower: norms of every stage, and the image tokens as the decoder receives them.

        `on_block` hears how many of the tower's blocks are done; what it raises ends the pass.
        """
        pixels = {key: value.to(self.device) for key, value in inputs.pixels.items() if key in self._accepts}
        pixels["pixel_values"] = pixels["pixel_values"].to(self._model.dtype)
        with _stage_norms(self._blocks, on_block) as stages:
            features = self._base.get_image_features(**pixels, return_dict=True)
        flat = self._flat(features.pooler_output)
        norms = torch.stack(stages, dim=1)
        ids = inputs.input_ids
        positions = None if ids is None else int((ids == self._image_token).sum())
        if ids is None or positions != len(flat):
            if positions is not None and positions != 0:
                raise ModelError(
                    f"{self.name} makes {len(flat)} image tokens where its processor leaves {positions} places: its "
                    "processor's files do not belong to its weights, name the right ones with --processor"
                )
            ids = torch.full((1, len(flat)), self._image_token)
        received = self._at_first_layer(ids, mm_encoder_outputs={"image": features})
        tokens = received[0, (ids[0] == self._image_token).to(received.device)]
        if tokens.shape != flat.shape:
            raise ModelError(f"{self.name} does not put its image tokens where vlmtui looks for them: choose another")
        height, width = self._patch_size()
        patches = (pixels["pixel_values"].shape[-2] // height) * (pixels["pixel_values"].shape[-1] // width)
        prefix = norms.shape[-1] - patches
        if norms.ndim != 3 or prefix < 0:
            raise ModelError(
                f"{self.name} keeps {norms.shape[-1]} states for {patches} patches: vlmtui cannot tell why"
            )
        return Encoded(norms[..., prefix:], norms[..., :prefix], tokens)

    @torch.no_grad()
    def embed(self, ids: Sequence[int]) -> Tensor:
        """What the first decoder layer receives for text ids [n, hidden], scaling included."""
        return self._at_first_layer(torch.tensor([list(ids)]))[0]

    def _at_first_layer(self, input_ids: Tensor, **options: Any) -> Tensor:
        """The decoder's residual stream before its first layer [1, positions, hidden], by the model's own forward."""
        caught: list[Tensor] = []
        hook = self._final_norm.register_forward_pre_hook(lambda _, args: caught.append(args[0]))
        ids = input_ids.to(self.device)
        try:
            self._base(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **options)
        finally:
            hook.remove()
        if len(caught) != 1 or caught[0].shape[:2] != ids.shape:
            raise ModelError(f"the decoder of {self.name} is built in a way vlmtui does not know: choose another model")
        return caught[0]

    @torch.no_grad()
    def _embedding_matrix(self) -> Tensor:
        """What the first decoder layer receives for every row of the embedding matrix [rows, hidden].

        The weight itself where a sample shows that it is handed on as it is, a matrix of its own where a family
        scales it.
        """
        weight: Tensor = self._model.get_input_embeddings().weight
        sample = list(range(0, len(weight), max(1, len(weight) // _SAMPLE)))
        if torch.equal(self.embed(sample), weight[sample]):
            return weight.detach()
        matrix = torch.empty_like(weight)
        for start in range(0, len(weight), _EMBED_AT_ONCE):
            end = min(start + _EMBED_AT_ONCE, len(weight))
            matrix[start:end] = self.embed(range(start, end))
        return matrix

    def _flat(self, features: Any) -> Tensor:
        parts = list(features) if not isinstance(features, Tensor) else [features]
        flat = torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
        if flat.shape[1] != self._config.get_text_config().hidden_size:
            raise ModelError(
                f"the image tokens of {self.name} are {flat.shape[1]} wide: vlmtui does not know its family"
            )
        return flat

    def _patch_size(self) -> tuple[int, int]:
        patch = self._config.vision_config.patch_size
        return (int(patch), int(patch)) if isinstance(patch, int) else (int(patch[0]), int(patch[1]))

    def _describe(self, loaded: Loaded) -> ModelInfo:
        config = self._config
        layer = getattr(config, "vision_feature_layer", None)
        feeds = None
        if isinstance(layer, int):
            feeds = f"vision.{layer if layer >= 0 else len(self._blocks) + 1 + layer}"
        vision, text = config.vision_config, config.get_text_config()
        patch, size = self._patch_size()[0], getattr(vision, "image_size", "?")
        return ModelInfo(
            name=self.name,
            family=config.model_type,
            revision=loaded.revision,
            dtype=str(self._model.dtype).removeprefix("torch."),
            device=str(self.device),
            processor=type(self._processing.image_processor).__name__,
            parts=f"{_title(vision.model_type)} {patch}/{size} → MLP → {_title(text.model_type)}",
            vision_layers=len(self._blocks),
            llm_layers=loaded.llm_layers,
            feeds=feeds,
            embeddings=(int(self.embeddings.shape[0]), int(self.embeddings.shape[1])),
            vision_hidden=int(vision.hidden_size),
            marks_words=marks_words(self.tokenizer.get_vocab()),
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


def _longest_list(tower: nn.Module, name: str) -> nn.ModuleList:
    """The tower's blocks."""
    lists = [module for module in tower.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise ModelError(f"the vision tower of {name} has no list of blocks: vlmtui does not know its family")
    return max(lists, key=len)


def _has_class_token(tower: nn.Module) -> bool:
    return any(name.endswith(("class_embedding", "cls_token")) for name, _ in tower.named_parameters())


def _final_norm(decoder: nn.Module, name: str) -> nn.Module:
    for attribute in ("norm", "final_layernorm", "final_layer_norm"):
        module = getattr(decoder, attribute, None)
        if isinstance(module, nn.Module):
            return module
    raise ModelError(f"the decoder of {name} has no final norm that vlmtui knows: choose another model")


_TITLES = {"clip": "CLIP", "siglip": "SigLIP", "siglip2": "SigLIP2", "vit": "ViT", "dinov2": "DINOv2"}


def _title(model_type: str) -> str:
    """A part's name for the screen."""
    for suffix in ("_vision_model", "_text_model", "_vision", "_text"):
        model_type = model_type.removesuffix(suffix)
    return _TITLES.get(model_type, model_type[:1].upper() + model_type[1:])
