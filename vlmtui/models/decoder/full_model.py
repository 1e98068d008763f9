"""The full model, with all decoder layers: the first layer's input, the residual stream after each, and its logits.

All are read by hooks in the model's own forward pass, on the inputs that a user of transformers would pass to it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from vlmtui.errors import ModelError
from vlmtui.models.decoder.position_ids import planes_at
from vlmtui.models.decoder.unembedding import (
    Unembedding,
    encoder_of,
    layers_of,
    text_model,
    why_no_stream,
)
from vlmtui.models.families.decoder_structure import changes_embeddings, decoder_of, final_norm
from vlmtui.models.families.registry import family_class
from vlmtui.models.hooks import StopForward
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import Inputs, on_device

_EMBED_AT_ONCE = 2048


class FullModel:
    """The model of a checkpoint that was loaded with `decoder_layers=None`."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._model = loaded.model
        self._text_model = text_model(loaded.model)
        self._image_token = int(loaded.config.image_token_id)
        self._name = loaded.name
        self._device = loaded.device
        # of an encoder–decoder, image tokens enter the encoder
        encoder = encoder_of(loaded.model)
        self._encodes = encoder is not None
        self._reader: Any = encoder if encoder is not None else decoder_of(loaded.model)

    @cached_property
    def head(self) -> Unembedding:
        """Logits from the output of the last layer."""
        return Unembedding(self._model, self._name)

    @cached_property
    def _layers(self) -> nn.ModuleList:
        """The decoder's layers; `ModelError` where there is no residual stream between them to read."""
        if why := self.without_stream:
            raise ModelError(why)
        return layers_of(self._reader, self._name)

    @property
    def without_stream(self) -> str:
        """Why no residual stream can be read between the layers, a sentence, or ""."""
        return why_no_stream(self._model, self._name)

    @torch.no_grad()
    def first_layer_input(self, inputs: Inputs) -> Tensor:
        """The input of the first decoder layer at the image's positions [tokens, hidden]."""
        arguments = self._arguments(inputs)
        with self._capture_first_input() as captured, suppress(StopForward):
            self._model(**arguments)
        return self._single(captured)[0, (arguments["input_ids"][0] == self._image_token).to(self._device)]

    @torch.no_grad()
    def position_ids(self, inputs: Inputs) -> Tensor:
        """The (time, row, column) that the decoder is given for each image token [tokens, 3]."""
        arguments, caught = self._arguments(inputs), []

        def catch(_: nn.Module, __: Any, options: dict[str, Any]) -> None:
            caught.append(options["position_ids"])
            raise StopForward

        hook = self._reader.register_forward_pre_hook(catch, with_kwargs=True)
        try:
            with suppress(StopForward):
                self._model(**arguments)
        finally:
            hook.remove()
        return planes_at(caught[0], arguments["input_ids"][0] == self._image_token)

    @torch.no_grad()
    def embeddings(self) -> Tensor:
        """The input of the first decoder layer for every row of the embedding matrix [rows, hidden]."""
        weight: Tensor = self._model.get_input_embeddings().weight
        matrix = torch.empty_like(weight)
        for start in range(0, len(weight), _EMBED_AT_ONCE):
            ids = torch.arange(start, min(start + _EMBED_AT_ONCE, len(weight)), device=self._device)[None]
            with self._capture_first_input() as captured, suppress(StopForward):
                self._text_model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
            matrix[start : start + ids.shape[1]] = self._single(captured)[0]
        return matrix

    @torch.no_grad()
    def run_layers(self, inputs: Inputs, on_layer: Callable[[int, Tensor], None]) -> None:
        """Run the layers, calling `on_layer` with each, counted from 1, and the residual stream after it.

        The stream is that at the image's positions [tokens, hidden]. An exception from `on_layer` ends the pass.
        """
        layers, arguments = self._layers, self._arguments(inputs)
        positions = (arguments["input_ids"][0] == self._image_token).to(self._device)

        def seen(layer: int, states: Tensor) -> None:
            on_layer(layer, states[0, positions])
            if layer == len(layers):
                raise StopForward

        with self._after_layers(seen), suppress(StopForward):
            self._model(**arguments)

    @torch.no_grad()
    def last_layer_and_logits(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The residual stream after the last layer [positions, hidden], and the model's own logits [positions, rows].

        The library's `hidden_states[-1]` is not the same: it is after the final norm.
        """
        captured: list[Tensor] = []

        def seen(layer: int, states: Tensor) -> None:
            if layer == len(self._layers):
                captured.append(states)

        with self._after_layers(seen):
            logits = self._model(**self._arguments(inputs)).logits
        return self._single(captured)[0], logits[0]

    @contextmanager
    def _after_layers(self, seen: Callable[[int, Tensor], None]) -> Iterator[None]:
        """A context in which `seen` is called with each layer, from 1, and the residual stream after it.

        The stream [1, positions, hidden] is the input of the next layer, or of the final norm after the last: Qwen3-VL
        adds to a layer's output before the next layer.
        """
        following = [*self._layers[1:], final_norm(self._reader, self._name)]

        def capture_after(layer: int) -> Callable[..., None]:
            def capture(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
                seen(layer, self._single([args[0] if args else options["hidden_states"]]))

            return capture

        hooks = [
            module.register_forward_pre_hook(capture_after(layer), with_kwargs=True)
            for layer, module in enumerate(following, 1)
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    @contextmanager
    def _capture_first_input(self) -> Iterator[list[Tensor]]:
        """Capture the input of the first layer, and end the pass there.

        Of a decoder that adds positions to it (OPT), or copies it into several streams, the input before that; of an
        encoder–decoder, the encoder's.
        """
        captured: list[Tensor] = []
        reader = self._reader
        changes_it = changes_embeddings(reader) or self._encodes

        def capture(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            if changes_it:
                found = options.get("inputs_embeds")
                found = reader.get_input_embeddings()(options["input_ids"]) if found is None else found
                if options.get("image_embeds") is not None:  # Kosmos-2: the decoder itself puts them in
                    places = options["image_embeds_position_mask"].bool()
                    found[places] = options["image_embeds"].flatten(0, -2).to(found)
            else:
                found = args[0] if args else options["hidden_states"]
            captured.append(found.clone())
            raise StopForward

        module = reader if changes_it else layers_of(reader, self._name)[0]
        hook = module.register_forward_pre_hook(capture, with_kwargs=True)
        try:
            yield captured
        finally:
            hook.remove()

    def _single(self, captured: list[Tensor]) -> Tensor:
        if len(captured) != 1 or captured[0].ndim != 3:
            raise ModelError(
                f"the decoder of {self._name} is implemented in a way vlmtui does not support: choose another model"
            )
        return captured[0]

    def _arguments(self, inputs: Inputs) -> dict[str, Any]:
        return forward_arguments(self._model, inputs, self._image_token, self._device)


def forward_arguments(model: Any, inputs: Inputs, image_token: int, device: torch.device) -> dict[str, Any]:
    """The arguments that a user of transformers would pass to `model` for an image and a prompt, without a cache."""
    assert inputs.input_ids is not None
    given = on_device(inputs.pixels, device, model.dtype)
    ids = inputs.input_ids.to(device)
    accepted = inspect.signature(model.forward).parameters
    if "mm_token_type_ids" in accepted and "mm_token_type_ids" not in given:
        given["mm_token_type_ids"] = (ids == image_token).long()
    more = family_class(model.config.model_type).of_prompt(ids, model.config)
    return given | more | {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False}
