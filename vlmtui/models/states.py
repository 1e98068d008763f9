"""The tower's hidden states as they pass: looked at in hooks, never kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def stage_norms(
    blocks: nn.ModuleList, on_block: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[list[Tensor]]:
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
