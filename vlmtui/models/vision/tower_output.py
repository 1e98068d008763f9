"""What a vision tower puts out at its end, beside its blocks' states: caught in the pass that reads a picture."""

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
    """Of one picture: `states` [1, states, hidden] after the tower's last norm where it has one, in the tower's order.

    `pooled` [1, hidden] is what the tower makes of them all, None where it leaves that to others.
    """

    states: Tensor
    pooled: Tensor | None

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(t.numel() * t.element_size() for t in (self.states, self.pooled) if t is not None)


@contextmanager
def capture_outputs(family: Family) -> Iterator[list[TowerOutput]]:
    """Collect the `TowerOutput` of every pass made meanwhile through a tower alone; nothing of other models."""
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
    """The states of the picture's patches [patches, hidden], row by row, without CLS, registers and padding."""
    numbers = torch.arange(final.states.shape[1]).unsqueeze(0)
    ((patches, _),) = family.states(numbers, family.shapes(family.frames(inputs.pixels)))
    return final.states[0, patches.to(final.states.device)]
