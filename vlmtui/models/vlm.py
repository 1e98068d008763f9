"""Vision-language model: one adapter for all families, to prepare an image, run the tower, and place and embed tokens.

The decoder's layers need not be loaded (`num_hidden_layers=0`): tower, projector and embeddings are enough for most
methods. `models.families` has what differs between families.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from vlmtui.errors import ModelError, VlmtuiError, lacks_memory
from vlmtui.images.decoding import RgbImage
from vlmtui.models.decoder.full_model import FullModel
from vlmtui.models.decoder.generation import Generator
from vlmtui.models.decoder.position_ids import image_position_ids
from vlmtui.models.decoder.prompts import expanded, prompt_ids
from vlmtui.models.decoder.unembedding import Unembedding
from vlmtui.models.families.base import Pixels, Shape
from vlmtui.models.families.registry import family_class
from vlmtui.models.geometry.layout import Layout
from vlmtui.models.geometry.placement import Placement
from vlmtui.models.geometry.processor_plan import check_size
from vlmtui.models.hooks import forward_pass
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import DEFAULT_PROMPT, Inputs, on_device
from vlmtui.models.model_info import describe
from vlmtui.models.vision.batching import stack_inputs
from vlmtui.models.vision.classifier import Classifier
from vlmtui.models.vision.dual_encoder import DualEncoder, why_no_text_tower
from vlmtui.models.vision.early_exit import early_exit_features
from vlmtui.models.vision.hidden_states import stage_norms, watch_blocks
from vlmtui.models.vision.patch_embedding import PatchEmbedding
from vlmtui.reading import ImageInfo

_SAMPLE = 64  # rows of the embedding matrix that show whether it reaches the decoder unchanged
_EMBED_AT_ONCE = 2048
LARGE = 16_000_000  # pixels beyond which an image is not copied for its processor


@dataclass(frozen=True)
class TileNorms:
    """L2 norms of one tile's states, float32: `patches` [stages, patches], `prefix` [stages, prefix tokens]."""

    patches: Tensor
    prefix: Tensor


@dataclass(frozen=True)
class EncodedImage:
    """The results of one forward pass for an image.

    `norms` are those of every tile, in the processor's order, on the CPU. `tokens` [tokens, hidden] are in the
    model's dtype on its device; None where the model puts no image tokens into a prompt.
    """

    norms: tuple[TileNorms, ...]
    tokens: Tensor | None


class VisionLanguageModel:
    """A loaded model: its tower, projector and embeddings, on one device."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._model = loaded.model
        self._config = loaded.config
        self._processing = loaded.processing
        self.name = loaded.name
        self.whole = loaded.whole
        self.device = loaded.device
        self.tokenizer = loaded.processing.tokenizer
        self.family = family_class(loaded.config.model_type)(loaded.model, loaded.config, loaded.name)
        self._placement = Placement(self.family, loaded.processing)
        # the first decoder layer's input for every row of the embedding matrix [rows, hidden]; None without vocabulary
        self.embeddings: Tensor | None = None if self.family.wordless else self._embedding_matrix()
        self._loaded = loaded
        self._head: Unembedding | None = None
        self._full_model: FullModel | None = None
        self._generator: Generator | None = None
        self.info = describe(loaded, self.family, self.embeddings is not None)

    @property
    def network(self) -> torch.nn.Module:
        """The model as a torch module."""
        network: torch.nn.Module = self._model
        return network

    @property
    def itemsize(self) -> int:
        """The size in bytes of an element of the model's dtype."""
        return int(self._model.dtype.itemsize)

    def prepare(self, picture: RgbImage | Image.Image, prompt: str | None, name: str = "the image") -> Inputs:
        """Run the processor on one upright RGB image, to tensors on the CPU. `ImageError` for an image that it refuses.

        `ModelError` for a processor that fails with every image. The processor is given a large `RgbImage` as an array,
        of which it makes the same tensors and one copy fewer; another is copied.
        """
        check_size(self._processing.image_processor, picture.width, picture.height, name)
        sentence = DEFAULT_PROMPT if prompt is None else prompt
        try:
            if isinstance(picture, Image.Image):
                return self._processing.prepare(picture, sentence)
            large = picture.width * picture.height > LARGE
            return self._processing.prepare(picture.rgb if large else Image.fromarray(picture.rgb), sentence)
        except Exception as error:
            if isinstance(error, VlmtuiError) or lacks_memory(error):
                raise
            raise self._processing.refusal(
                error, f"{name} is {picture.width}×{picture.height} pixels", self.name
            ) from error

    def measure(self, picture: RgbImage | ImageInfo, inputs: Inputs) -> None:
        """Measure in advance what `layout` must know about images of this size; it may take as long as `prepare`."""
        self._placement.measure((picture.width, picture.height), inputs)

    @torch.no_grad()
    def layout(self, picture: RgbImage | ImageInfo, inputs: Inputs, encoded: EncodedImage) -> Layout:
        """The places of the image tokens and the vision patches in the image."""
        tokens = 0 if encoded.tokens is None else len(encoded.tokens)
        size = picture.width, picture.height
        return self._placement.layout(size, inputs, self._on_device(inputs), tokens, bool(encoded.norms))

    @torch.no_grad()
    def encode(self, inputs: Inputs, on_block: Callable[[int, int], None] = lambda done, total: None) -> EncodedImage:
        """Run the tower once: norms of every stage, and the image tokens as the decoder receives them.

        `on_block` receives the number of the tower's blocks that are done and their total; it may raise to end it.
        """
        return self.encode_together([inputs], on_block)[0]

    @torch.no_grad()
    def encode_together(
        self, several: Sequence[Inputs], on_block: Callable[[int, int], None] = lambda done, total: None
    ) -> list[EncodedImage]:
        """Encode images with an equal `batching.batch_key` in one pass; their order is kept."""
        with stage_norms(self.family.blocks, on_block, self.family.by_patches) as stages, forward_pass(self.name):
            features = self.family.features(self._placed(stack_inputs(several)))
        shapes = self.family.shapes(self.family.frames(several[0].pixels))
        norms = self._norms(torch.stack(stages).cpu(), len(several), shapes)
        if features is None:
            return [EncodedImage(one, None) for one in norms]
        tokens = self._received(several, features)
        return [EncodedImage(one, part) for one, part in zip(norms, tokens, strict=True)]

    def _norms(self, stages: Tensor, pictures: int, shapes: list[Shape]) -> list[tuple[TileNorms, ...]]:
        """Split the norms of all states, usually [stages, images × tiles, states], by image and tile."""
        if stages.shape[1] % pictures:
            raise ModelError(f"the hidden states of several images cannot be distinguished in {self.name}")
        first = stages[0, : stages.shape[1] // pictures]
        tiles = self.family.states(torch.arange(first.numel()).view(first.shape), shapes)
        each = stages.view(len(stages), pictures, -1).unbind(1)
        return [tuple(TileNorms(own[:, patches], own[:, prefix]) for patches, prefix in tiles) for own in each]

    @torch.no_grad()
    def tower_states(
        self,
        inputs: Inputs,
        wanted: Callable[[int, Tensor], bool],
        on_block: Callable[[int, int], None] = lambda done, total: None,
    ) -> dict[int, Tensor]:
        """Run the tower again for the patches' states [patches, hidden] at the stages that are `wanted`.

        They are in the order of the layout's patches: tile by tile, row by row. `wanted` receives the stage and the
        states in the tower's own shape. The result is empty if the tower's states cannot be assigned to tiles.
        """
        shapes = self.family.shapes(self.family.frames(inputs.pixels))
        found: dict[int, Tensor] = {}

        def seen(stage: int, states: Tensor) -> None:
            on_block(stage, len(self.family.blocks))
            if wanted(stage, states):
                numbers = torch.arange(states[..., 0].numel(), device=states.device).view(states.shape[:-1])
                tiles = [patches for patches, _ in self.family.states(numbers, shapes)]
                if tiles:
                    found[stage] = states.reshape(-1, states.shape[-1])[torch.cat(tiles)]

        with watch_blocks(self.family.blocks, seen, self.family.by_patches), forward_pass(self.name):
            self.family.features(self._on_device(inputs))
        return found

    @torch.no_grad()
    def early_exit(
        self, inputs: Inputs, stage: int, on_block: Callable[[int, int], None] = lambda done, total: None
    ) -> Tensor:
        """The image tokens [tokens, hidden] that the projector makes of `vision.<stage>`: an early exit.

        The stage replaces the one that feeds the projector, and everything between there and the first decoder layer is
        applied (see `vision.early_exit`). The projector was trained on its own stage only. `UsageError` where it reads
        several stages, or the model has no vocabulary.
        """
        with forward_pass(self.name):
            features = early_exit_features(self.family, self._on_device(inputs), stage, on_block)
        return self._received([inputs], features)[0]

    def _received(self, several: Sequence[Inputs], features: Any) -> tuple[Tensor, ...]:
        """The image tokens of every image as the first decoder layer receives them, each [tokens, hidden].

        `several` have an equal `batching.batch_key`, and `features` are theirs; the prompt is repeated for each image.
        """
        flat = self.family.flat(features)
        made, rest = divmod(len(flat), len(several))
        if rest:
            raise ModelError(f"the tokens of several images cannot be distinguished in {self.name}")
        image_token = int(self._config.image_token_id)
        ids = several[0].input_ids
        positions = 0 if ids is None else int((ids == image_token).sum())
        if ids is None or positions == 0 or _is_placeholder(positions, made):
            ids = torch.full((1, made), image_token)
        else:
            self._check_positions(positions, made)
        rows = ids.repeat(len(several), 1)
        if image_token < 0:  # on a GPU such an index would end the process
            raise self._no_row(image_token)
        try:
            received = self.family.first_layer(rows.to(self.device), features)
        except IndexError as error:
            raise self._no_row(image_token) from error
        tokens = received[(rows == image_token).to(received.device)]
        if tokens.shape != flat.shape:
            raise ModelError(
                f"{self.name} does not put its image tokens where vlmtui expects them: choose another model"
            )
        return tuple(torch.split(tokens, made)) if made else (tokens,) * len(several)

    def _no_row(self, image_token: int) -> ModelError:
        rows = len(self._model.get_input_embeddings().weight)
        return self._wrong_image_token(image_token, f"its embedding matrix has {rows} rows", "the tokenizer's")

    def _wrong_image_token(self, image_token: int, contradicted: str, right: str) -> ModelError:
        says = f"has {image_token} for the image token"
        if not self._loaded.names_image_token:
            says = f"names no image token, for which transformers takes {image_token}"
        return ModelError(
            f"the config.json of {self.name} {says}, and {contradicted}: set {self._loaded.image_token_key} to {right} "
            "there"
        )

    @torch.no_grad()
    def embed(self, ids: Sequence[int]) -> Tensor:
        """The first decoder layer's inputs for token ids [n, hidden], scaling included."""
        with forward_pass(self.name):
            received = self.family.first_layer(torch.tensor([list(ids)], device=self.device), None)
        return received[0]

    def position_ids(self, inputs: Inputs, tokens: int) -> Tensor | None:
        """The `image_position_ids` of `tokens` image tokens; None where they have one position id each, or no place."""
        if not tokens or not hasattr(self.family.base, "get_rope_index"):
            return None
        ids, image_token = self.prompted(inputs, tokens, None).input_ids, int(self._config.image_token_id)
        return None if ids is None else image_position_ids(self.family.base, ids, image_token, inputs.pixels)

    def prompted(self, inputs: Inputs, tokens: int, prompt: str | None) -> Inputs:
        """The inputs with a prompt that has all `tokens` of the image; where the processor made none, one without it.

        `ModelError` where config and processor disagree about the image's tokens.
        """
        image_token = int(self._config.image_token_id)
        made = self._processing.tokenizers_image_token
        if inputs.input_ids is None:
            self._check_image_token(made)
            picture = self.family.image_ids(self.tokenizer, inputs.pixels, tokens)
            sentence = DEFAULT_PROMPT if prompt is None else prompt
            ids = prompt_ids(
                self.tokenizer,
                image_token,
                picture,
                inputs.prompt,
                lambda: self.family.prompt_ids(self.tokenizer, picture, sentence),
            )
            inputs = replace(inputs, input_ids=ids)
        assert inputs.input_ids is not None
        if not (positions := int((inputs.input_ids == image_token).sum())):
            self._check_image_token(made)
        if _is_placeholder(positions, tokens):
            picture = self.family.image_ids(self.tokenizer, inputs.pixels, tokens)
            inputs = replace(inputs, input_ids=expanded(list(inputs.input_ids[0].tolist()), image_token, picture))
            positions = tokens
        if tokens:
            self._check_positions(positions, tokens)
        return inputs

    def _check_positions(self, positions: int, tokens: int) -> None:
        if positions != tokens:
            raise ModelError(
                f"{self.name} makes {tokens} image tokens where its processor leaves {positions} positions: its "
                "processor's files do not belong to its weights; name the right ones with --processor"
            )

    def _check_image_token(self, by_tokenizer: int | None) -> None:
        expected = int(self._config.image_token_id)
        if by_tokenizer is not None and by_tokenizer != expected:
            piece = self.tokenizer.convert_ids_to_tokens(by_tokenizer)
            has = f"its tokenizer has {by_tokenizer} ({piece})"
            raise self._wrong_image_token(expected, has, str(by_tokenizer))

    def run_layers(self, inputs: Inputs, on_layer: Callable[[int, Tensor], None]) -> None:
        """Run all decoder layers, which must be loaded, as `FullModel.run_layers` does."""
        self._check_full()
        if self._full_model is None:
            self._full_model = FullModel(self._loaded)
        self._full_model.run_layers(inputs, on_layer)

    @property
    def generator(self) -> Generator:
        """The generator of answers. `ModelError` unless all decoder layers are loaded."""
        self._check_full()
        if self._generator is None:
            self._generator = Generator(self._loaded)
        return self._generator

    def _check_full(self) -> None:
        if not self.whole:
            raise ModelError(f"the language model's layers of {self.name} are not loaded: load the full model")

    @property
    def head(self) -> Unembedding:
        """The unembedding, from the residual stream to logits. `ModelError` unless all decoder layers are loaded."""
        self._check_full()
        if self._head is None:
            self._head = Unembedding(self._model, self.name)
        return self._head

    @property
    def tied(self) -> bool:
        """Whether the embedding matrix is also the weight of the output head."""
        return self._loaded.tied

    @cached_property
    def embedding_scale(self) -> float | None:
        """The factor applied to the embedding matrix before the first decoder layer; None where it is no factor."""
        weight: Tensor = self._model.get_input_embeddings().weight
        if self.embeddings is None or self.embeddings.shape != weight.shape:
            return None
        sample = self._sample(weight)
        stored, received = weight[sample].double(), self.embeddings[sample].double()
        if torch.equal(stored, received):
            return 1.0
        factor = float((stored * received).sum() / (stored * stored).sum())
        return factor if torch.allclose(received, factor * stored, rtol=1e-2) else None

    @cached_property
    def dual_encoder(self) -> DualEncoder:
        """The dual encoder of images and texts, its text tower loaded. `UsageError` for another model."""
        if not why_no_text_tower(self.family) and not self.whole:
            raise ModelError(f"the text tower of {self.name} is not loaded: load it with the model")
        return DualEncoder(self._loaded, self.family)

    @cached_property
    def patch_embedding(self) -> PatchEmbedding:
        """The patch embedding, before the tower's first block."""
        return PatchEmbedding(self._loaded, self.family)

    @cached_property
    def classifier(self) -> Classifier:
        """The classification head; `UsageError` for a model without one."""
        return Classifier(self._loaded, self.family)

    @torch.no_grad()
    def _embedding_matrix(self) -> Tensor:
        """The first decoder layer's input for every row of the embedding matrix [rows, hidden].

        It is the weight itself where a sample shows that the rows are used unchanged, and a new matrix where a family
        scales them.
        """
        weight: Tensor = self._model.get_input_embeddings().weight
        sample = self._sample(weight)
        if torch.equal(self.embed(sample), weight[sample]):
            return weight.detach()
        matrix = torch.empty_like(weight)
        for start in range(0, len(weight), _EMBED_AT_ONCE):
            end = min(start + _EMBED_AT_ONCE, len(weight))
            matrix[start:end] = self.embed(range(start, end))
        return matrix

    def _sample(self, weight: Tensor) -> list[int]:
        """Evenly spaced rows of the embedding matrix, without that of the image token."""
        rows = range(0, len(weight), max(1, len(weight) // _SAMPLE))
        return [row for row in rows if row != int(self._config.image_token_id)]

    def _on_device(self, inputs: Inputs) -> Pixels:
        return self._placed(inputs.pixels)

    def _placed(self, tensors: Pixels) -> Pixels:
        return on_device(tensors, self.device, self._model.dtype)


def _is_placeholder(positions: int, tokens: int) -> bool:
    """Whether a prompt's only image token stands for all that the image has: its processor writes it as it is."""
    return positions == 1 < tokens
