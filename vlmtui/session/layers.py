"""Questions about the language model's layers: norms and words of what they put out at an image's positions.

What one pass put out is kept where the budget allows; where it does not, every question runs the layers once more and
keeps only what it asks about.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from vlmtui.lenses.arrays import array
from vlmtui.lenses.logit_lens.kernel import LogitLens, logit_lens, settled
from vlmtui.models.model import VisionLanguageModel
from vlmtui.reading import Layers, TokenLayerWords, TokenWords
from vlmtui.session.lexicon import Lexicon
from vlmtui.session.readings import Kept, Readings

Progress = Callable[..., None]
ShouldStop = Callable[[], bool]


class LayersOf:
    """The layers of a model that holds them all, asked about one reading that is kept."""

    def __init__(
        self, model: VisionLanguageModel, lexicon: Lexicon, readings: Readings, reading: str, progress: Progress
    ) -> None:
        self._model, self._lexicon, self._readings = model, lexicon, readings
        self._reading, self._progress = reading, progress
        self._kept: Kept = readings[reading]

    def layers(self) -> Layers:
        """Norms at every layer, and how long the prompt is."""
        if self._kept.norms is None:
            self._run(range(0), None)
        assert self._kept.norms is not None
        assert self._kept.inputs.input_ids is not None
        return Layers(
            reading=self._reading, norms=array(self._kept.norms), positions=int(self._kept.inputs.input_ids.shape[1])
        )

    def words(self, layer: int, tokens: np.ndarray, k: int, all_tokens: bool, should_stop: ShouldStop) -> TokenWords:
        """The words of these tokens (int64 [n]) after one layer."""
        started = time.perf_counter()
        (states,) = self._states([layer], torch.from_numpy(tokens))
        candidates, found = self.lens(states, k, all_tokens, should_stop)
        ids = array(found.ids)
        named = self._lexicon.names(ids)
        return TokenWords(
            metric="logit",
            k=ids.shape[1],
            all_tokens=all_tokens,
            tokens=tokens,
            ids=ids,
            scores=array(found.scores),
            pieces=named.pieces,
            texts=named.texts,
            special=named.special,
            candidates=len(candidates),
            left_out=self._model.head.rows - len(candidates),
            seconds=time.perf_counter() - started,
        )

    def layer_words(self, token: int, k: int, all_tokens: bool, should_stop: ShouldStop) -> TokenLayerWords:
        """The words of one token after every layer."""
        started = time.perf_counter()
        layers = range(1, self._model.info.llm_layers + 1)
        states = torch.cat(self._states(layers, torch.tensor([token])))
        _, found = self.lens(states, k, all_tokens, should_stop)
        ids, scores = array(found.ids), array(found.scores)
        named = self._lexicon.names(ids)
        known = bool(ids.shape[1]) and not np.isnan(scores[-1, 0])
        return TokenLayerWords(
            token=token,
            ids=ids,
            scores=scores,
            pieces=named.pieces,
            texts=named.texts,
            special=named.special,
            entropy=array(found.entropy),
            settled=settled(found.ids[:, 0]) if known else None,
            seconds=time.perf_counter() - started,
        )

    def lens(self, states: Tensor, k: int, all_tokens: bool, should_stop: ShouldStop) -> tuple[Tensor, LogitLens]:
        """The rows that were candidates, and the words of `states` [n, hidden] after any layer."""
        head = self._model.head
        candidates = self._lexicon.candidates(head.rows, all_tokens)
        return candidates, logit_lens(states, head.float32, head.rows, candidates, k, should_stop)

    def states(self, layer: int) -> Tensor:
        """What one layer put out at the image's positions [tokens, hidden]."""
        every = torch.arange(len(self._readings.tokens(self._reading)))
        return self._states([layer], every)[0]

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

        self._model.stream(kept.inputs, on_layer)
        kept.norms = torch.stack(norms)
        if everything:
            self._readings.keep_layers(kept, everything)
            return None
        return asked


def _rows(states: Tensor, rows: Tensor) -> Tensor:
    return states[rows.to(states.device)]
