"""A model with all of its decoder's layers: what the first one receives, what each puts out, its own logits.

All is hooked in the model's own forward pass, on the inputs that a user of transformers would give it.
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
from vlmtui.models.decoder.unembedding import Unembedding, decoder_of, speaker
from vlmtui.models.families.base import final_norm
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import Inputs

_EMBED_AT_ONCE = 2048


class _EnoughError(Exception):
    """What was wanted has been seen: the rest of the pass is not."""


class FullModel:
    """The model of a checkpoint loaded with `decoder_layers=None`."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._model = loaded.model
        self._speaker = speaker(loaded.model)
        self._image_token = int(loaded.config.image_token_id)
        self._name = loaded.name
        self._device = loaded.device
        self._decoder = decoder_of(loaded.model)
        layers: nn.ModuleList | None = getattr(self._decoder, "layers", None)
        if not layers:
            raise ModelError(f"the decoder of {loaded.name} has no layers that vlmtui knows: choose another model")
        self._layers = layers

    @cached_property
    def head(self) -> Unembedding:
        """From what the last layer puts out to logits."""
        return Unembedding(self._model, self._name)

    @torch.no_grad()
    def received(self, inputs: Inputs) -> Tensor:
        """What the first decoder layer receives at the image's positions [tokens, hidden]."""
        arguments = self._arguments(inputs)
        with self._entrance() as caught, suppress(_EnoughError):
            self._model(**arguments)
        return self._one(caught)[0, (arguments["input_ids"][0] == self._image_token).to(self._device)]

    @torch.no_grad()
    def embeddings(self) -> Tensor:
        """What the first decoder layer receives for every row of the embedding matrix [rows, hidden]."""
        weight: Tensor = self._model.get_input_embeddings().weight
        matrix = torch.empty_like(weight)
        for start in range(0, len(weight), _EMBED_AT_ONCE):
            ids = torch.arange(start, min(start + _EMBED_AT_ONCE, len(weight)), device=self._device)[None]
            with self._entrance() as caught, suppress(_EnoughError):
                self._speaker(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
            matrix[start : start + ids.shape[1]] = self._one(caught)[0]
        return matrix

    @torch.no_grad()
    def stream(self, inputs: Inputs, on_layer: Callable[[int, Tensor], None]) -> None:
        """Runs the layers, and hands on the residual stream after each at the image's positions [tokens, hidden].

        `on_layer` is given the layer, counted from 1; what it raises ends the pass.
        """
        arguments = self._arguments(inputs)
        places = (arguments["input_ids"][0] == self._image_token).to(self._device)

        def seen(layer: int, states: Tensor) -> None:
            on_layer(layer, states[0, places])
            if layer == len(self._layers):
                raise _EnoughError

        with self._after_layers(seen), suppress(_EnoughError):
            self._model(**arguments)

    @torch.no_grad()
    def spoken(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The residual stream after the last layer [positions, hidden], and the model's own logits [positions, rows].

        The library's `hidden_states[-1]` will not do: it has been through the final norm.
        """
        caught: list[Tensor] = []

        def seen(layer: int, states: Tensor) -> None:
            if layer == len(self._layers):
                caught.append(states)

        with self._after_layers(seen):
            logits = self._model(**self._arguments(inputs)).logits
        return self._one(caught)[0], logits[0]

    @contextmanager
    def _after_layers(self, seen: Callable[[int, Tensor], None]) -> Iterator[None]:
        """`seen` is given the residual stream after every layer [1, positions, hidden], and the layer, from 1.

        It is what the next layer is given, and after the last what the final norm is: Qwen3-VL adds to what a layer
        put out before it hands it on.
        """
        following = [*self._layers[1:], final_norm(self._decoder, self._name)]

        def catcher(layer: int) -> Callable[..., None]:
            def catch(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
                seen(layer, self._one([args[0] if args else options["hidden_states"]]))

            return catch

        hooks = [
            module.register_forward_pre_hook(catcher(layer), with_kwargs=True)
            for layer, module in enumerate(following, 1)
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    @contextmanager
    def _entrance(self) -> Iterator[list[Tensor]]:
        """Catches what enters the first layer, and goes no further. OPT: before it adds its positions."""
        caught: list[Tensor] = []
        adds_positions = hasattr(self._decoder, "embed_positions")

        def catch(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            if adds_positions:
                found = options.get("inputs_embeds")
                found = self._decoder.embed_tokens(options["input_ids"]) if found is None else found
            else:
                found = args[0] if args else options["hidden_states"]
            caught.append(found.clone())
            raise _EnoughError

        module = self._decoder if adds_positions else self._layers[0]
        hook = module.register_forward_pre_hook(catch, with_kwargs=True)
        try:
            yield caught
        finally:
            hook.remove()

    def _one(self, caught: list[Tensor]) -> Tensor:
        if len(caught) != 1 or caught[0].ndim != 3:
            raise ModelError(
                f"the decoder of {self._name} is built in a way vlmtui does not know: choose another model"
            )
        return caught[0]

    def _arguments(self, inputs: Inputs) -> dict[str, Any]:
        return arguments_of(self._model, inputs, self._image_token, self._device)


def arguments_of(model: Any, inputs: Inputs, image_token: int, device: torch.device) -> dict[str, Any]:
    """What a user of transformers would hand to `model` for a picture and a prompt, without a cache."""
    assert inputs.input_ids is not None
    given = {key: value.to(device) for key, value in inputs.pixels.items()}
    given["pixel_values"] = given["pixel_values"].to(model.dtype)
    ids = inputs.input_ids.to(device)
    accepted = inspect.signature(model.forward).parameters
    if "mm_token_type_ids" in accepted and "mm_token_type_ids" not in given:
        given["mm_token_type_ids"] = (ids == image_token).long()
    return given | {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False}
