"""Attention of each answer token to the image tokens, and the attention sinks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.lenses import Context, TokenMaps
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.answers import Attention, AttentionSink, check_number

from .kernel import SINK_TIMES, attention_sinks

RULE = f"up to the end of the image, or special: more than {SINK_TIMES:g} times the median position's share"


def attention_maps(context: Context, layer: int | None, head: int | None) -> TokenMaps:
    """Attention maps of a layer (from 1) or the mean of all, and of a head of it (from 0) or the mean of all."""
    capture = AnswerAttention.of(context)
    check_number(layer, 1, capture.layers, f"layer {layer}")
    if layer is not None:
        capture.check_layer(layer)
    means = capture.means()
    check_number(head, 0, capture.answered.among - 1, f"head {head}")
    if head is None:
        weights = means.mean(0) if layer is None else means[capture.attended.index(layer)]
    elif layer is None:
        raise UsageError("heads are numbered within a layer: choose a layer too")
    else:
        weights = capture.of_heads(layer)[head]
    return capture.found(weights, layer, head)


@dataclass(frozen=True)
class AnswerAttention:
    """Attention of an answer, captured in one teacher-forced pass over prompt and answer and cached with it.

    `generator` is the model with the cached activations of the reading, `answered` the answer, `forced` the pass, and
    `layers` the number of layers. `progress(layer, layers)` reports each of them.
    """

    generator: Any
    answered: Any
    forced: Any
    layers: int
    progress: Callable[[int, int], None]

    @classmethod
    def of(cls, context: Context) -> AnswerAttention:
        """For the answer that the context is about."""
        model = context.model
        generator = model.generator()
        answered = generator.answered(model.answer)

        def progress(layer: int, layers: int) -> None:
            model.progress("computing attention", layer, layers)

        return cls(generator, answered, answered.retold(generator.model), generator.model.info.llm_layers, progress)

    @property
    def attended(self) -> tuple[int, ...]:
        """The layers, from 1, that have attention weights: of a hybrid decoder not all."""
        layers: tuple[int, ...] = self.forced.attention_layers
        return layers

    def check_layer(self, layer: int) -> None:
        """Raise `UsageError` for a layer of a hybrid decoder that has no attention."""
        if layer not in self.attended:
            have = ", ".join(map(str, self.attended)) or "none"
            raise UsageError(f"layer {layer} has no attention weights; layers that have them: {have}")

    def means(self) -> Tensor:
        """The attention of every layer that has it, averaged over heads [layers, answer tokens, positions]."""
        if self.answered.means is None:
            found: list[Tensor] = []

            def seen(layer: int, weights: Tensor) -> None:
                found.append(weights.mean(dim=0, dtype=torch.float32).cpu())
                self.answered.among = len(weights)
                self.progress(layer, self.layers)

            self.forced.attention(seen)
            self.answered.means = torch.stack(found)
        means: Tensor = self.answered.means
        return means

    def of_heads(self, wanted: int) -> Tensor:
        """The attention of one layer [heads, answer tokens, positions]; the last requested layer is cached."""
        if self.answered.heads is None or self.answered.heads[0] != wanted:

            def seen(layer: int, weights: Tensor) -> None:
                if layer == wanted:
                    self.answered.heads = wanted, weights.float().cpu()
                self.progress(layer, self.layers)

            self.forced.attention(seen)
        heads: Tensor = self.answered.heads[1]
        return heads

    def found(self, weights: Tensor, layer: int | None, head: int | None, rollout: bool = False) -> TokenMaps:
        """Maps of weights [answer tokens, positions] at the image tokens; sinks are always those of the attention."""
        prompt = self.forced.answer_positions.start + 1
        shares = self.means().mean(dim=(0, 1))[:prompt]
        places: Tensor = self.forced.places.cpu()
        sunk = attention_sinks(shares) & self._may_sink(places)
        attention = Attention(
            answer=self.answered.id,
            layer=layer,
            head=head,
            rollout=rollout,
            weights=np.zeros((0, 0), np.float32),  # they are the map's
            sinks=array(sunk[places]),
            sunk=self._sunk(places, shares, sunk),
            rule=RULE,
            layers=self.layers,
            heads=self.answered.among,
        )
        return TokenMaps(weights[:, places].float(), own=pack_details(attention))

    def _may_sink(self, places: Tensor) -> Tensor:
        """Which positions of the prompt can be sinks, bool [positions]: not the text after the image, since that is the
        question, which draws attention for its content."""
        ids = torch.tensor(self.answered.prompt)
        special = torch.isin(ids, torch.tensor(sorted(self.generator.namer.special)))
        return special | (torch.arange(len(ids)) <= places.max())

    def _sunk(self, places: Tensor, shares: Tensor, sunk: Tensor) -> tuple[AttentionSink, ...]:
        at = torch.nonzero(sunk).flatten().tolist()
        ids, image = self.answered.prompt, set(places.tolist())
        named = self.generator.namer.names(np.array(ids))
        return tuple(AttentionSink(i, None if i in image else named.pieces[ids[i]], float(shares[i])) for i in at)
