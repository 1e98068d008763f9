"""Tower output: the final states and the pooled vector of an encoder, captured in the pass that reads an image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vlmtui.models.families.base import Family
from vlmtui.models.families.encoder import Encoder
from vlmtui.models.loading.processor import Inputs


@dataclass(frozen=True)
class TowerOutput:
    """A vision tower's output for one image.

    `states` [1, states, hidden] are in the tower's own order, after its final norm if it has one. `pooled` [1, hidden]
    is its pooled output, None where it does not pool.
    """

    states: Tensor
    pooled: Tensor | None

    @property
    def size(self) -> int:
        """The size in bytes."""
        return sum(t.numel() * t.element_size() for t in (self.states, self.pooled) if t is not None)


@contextmanager
def capture_outputs(family: Family) -> Iterator[list[TowerOutput]]:
    """Collect the `TowerOutput` of every pass of an encoder in this context; nothing for other models."""
    found: list[TowerOutput] = []
    if not isinstance(family, Encoder):
        yield found
        return

    def after(_: nn.Module, __: Any, output: Any) -> None:
        found.append(TowerOutput(output.last_hidden_state, getattr(output, "pooler_output", None)))

    hook = family.trunk.register_forward_hook(after)
    try:
        yield found
    finally:
        hook.remove()


def patch_states(family: Family, inputs: Inputs, final: TowerOutput) -> Tensor:
    """The states of the image's patches [patches, hidden], row by row, without CLS, registers and padding."""
    numbers = torch.arange(final.states.shape[1]).unsqueeze(0)
    ((patches, _),) = family.states(numbers, family.shapes(family.frames(inputs.pixels)))
    return final.states[0, patches.to(final.states.device)]
