"""Decoder pass: a reading sent through the language model's layers, for states and norms at the image's positions.

The states of one pass are kept where the budget allows; where it does not, every question runs the layers again and
keeps only the states that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vlmtui.lenses.arrays import array
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.reading import LayerNorms
from vlmtui.session.activations import ActivationCache, CachedReading

Progress = Callable[..., None]


class DecoderPass:
    """The layers of a fully loaded model, applied to one reading of the cache."""

    def __init__(self, model: VisionLanguageModel, readings: ActivationCache, reading: str, progress: Progress) -> None:
        self._model, self._readings = model, readings
        self._reading, self._progress = reading, progress
        self._kept: CachedReading = readings[reading]

    def layers(self) -> LayerNorms:
        """The norms after every layer, and the length of the prompt."""
        if self._kept.norms is None:
            self._run(range(0), None)
        assert self._kept.norms is not None
        assert self._kept.inputs.input_ids is not None
        return LayerNorms(
            reading=self._reading, norms=array(self._kept.norms), positions=int(self._kept.inputs.input_ids.shape[1])
        )

    def states(self, layer: int) -> Tensor:
        """The output of one layer at the image's positions [tokens, hidden]."""
        every = torch.arange(len(self._readings.tokens(self._reading)))
        return self._states([layer], every)[0]

    def after_every_layer(self, tokens: Sequence[int]) -> list[Tensor]:
        """The output of every layer for some image tokens, each [tokens, hidden]."""
        layers = range(1, self._model.info.llm_layers + 1)
        return self._states(layers, torch.tensor(tokens, dtype=torch.int64))

    def _states(self, layers: Sequence[int], tokens: Tensor) -> list[Tensor]:
        """The outputs of these layers, counted from 1, for these tokens, each [n, hidden]."""
        if self._kept.layers is None:
            found = self._run(layers, tokens)
            if found is not None:
                return found
        assert self._kept.layers is not None
        return [_rows(self._kept.layers[layer - 1], tokens) for layer in layers]

    def _run(self, layers: Sequence[int], tokens: Tensor | None) -> list[Tensor] | None:
        """Run the layers and keep their outputs; where the budget does not allow, return those that are asked for."""
        kept, total = self._kept, self._model.info.llm_layers
        self._progress("running the language model", 0, total)
        # from now on the inputs are those of the reading's own prompt
        kept.inputs = self._model.prompted(kept.inputs, len(self._readings.tokens(self._reading)), kept.prompt)
        every_layer: list[Tensor] = []
        wanted: list[Tensor] = []
        norms: list[Tensor] = []

        def on_layer(layer: int, states: Tensor) -> None:
            norms.append(torch.linalg.vector_norm(states, dim=-1, dtype=torch.float32))
            if states.numel() * states.element_size() * total <= self._readings.layers_room(kept):
                every_layer.append(states)
            elif tokens is not None and layer in layers:
                wanted.append(_rows(states, tokens))
            self._progress("running the language model", layer, total)

        self._model.run_layers(kept.inputs, on_layer)
        kept.norms = torch.stack(norms)
        if every_layer:
            self._readings.keep_layers(kept, every_layer)
            return None
        return wanted


def _rows(states: Tensor, rows: Tensor) -> Tensor:
    return states[rows.to(states.device)]
