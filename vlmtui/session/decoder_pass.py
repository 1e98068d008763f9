"""The language model's layers, run over a reading: norms and states of what they put out at an image's positions.

What one pass put out is kept where the budget allows; where it does not, every question runs the layers once more and
keeps only what it asks about.
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
    """The layers of a model that holds them all, asked about one reading that is kept."""

    def __init__(self, model: VisionLanguageModel, readings: ActivationCache, reading: str, progress: Progress) -> None:
        self._model, self._readings = model, readings
        self._reading, self._progress = reading, progress
        self._kept: CachedReading = readings[reading]

    def layers(self) -> LayerNorms:
        """Norms at every layer, and how long the prompt is."""
        if self._kept.norms is None:
            self._run(range(0), None)
        assert self._kept.norms is not None
        assert self._kept.inputs.input_ids is not None
        return LayerNorms(
            reading=self._reading, norms=array(self._kept.norms), positions=int(self._kept.inputs.input_ids.shape[1])
        )

    def states(self, layer: int) -> Tensor:
        """What one layer put out at the image's positions [tokens, hidden]."""
        every = torch.arange(len(self._readings.tokens(self._reading)))
        return self._states([layer], every)[0]

    def after_every_layer(self, tokens: Sequence[int]) -> list[Tensor]:
        """What each layer put out for some image tokens, each [tokens, hidden]."""
        layers = range(1, self._model.info.llm_layers + 1)
        return self._states(layers, torch.tensor(tokens, dtype=torch.int64))

    def _states(self, layers: Sequence[int], tokens: Tensor) -> list[Tensor]:
        """What these layers, counted from 1, put out for these tokens, each [n, hidden]."""
        if self._kept.layers is None:
            found = self._run(layers, tokens)
            if found is not None:
                return found
        assert self._kept.layers is not None
        return [_rows(self._kept.layers[layer - 1], tokens) for layer in layers]

    def _run(self, layers: Sequence[int], tokens: Tensor | None) -> list[Tensor] | None:
        """Run the layers, and keep what they put out; where that is too much, what was asked for is answered."""
        kept, total = self._kept, self._model.info.llm_layers
        self._progress("running the language model", 0, total)
        # its prompt is the reading's from now on
        kept.inputs = self._model.prompted(kept.inputs, len(self._readings.tokens(self._reading)), kept.prompt)
        everything: list[Tensor] = []
        asked: list[Tensor] = []
        norms: list[Tensor] = []

        def on_layer(layer: int, states: Tensor) -> None:
            norms.append(torch.linalg.vector_norm(states, dim=-1, dtype=torch.float32))
            if states.numel() * states.element_size() * total <= self._readings.layers_room(kept):
                everything.append(states)
            elif tokens is not None and layer in layers:
                asked.append(_rows(states, tokens))
            self._progress("running the language model", layer, total)

        self._model.run_layers(kept.inputs, on_layer)
        kept.norms = torch.stack(norms)
        if everything:
            self._readings.keep_layers(kept, everything)
            return None
        return asked


def _rows(states: Tensor, rows: Tensor) -> Tensor:
    return states[rows.to(states.device)]
