"""Hidden states of the vision tower, by forward hooks: observed, measured, or replaced by other states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from vlmtui.errors import UsageError

Seen = Callable[[int, Tensor], None]
Form = Callable[[Tensor], Tensor]


@contextmanager
def watch_blocks(blocks: nn.ModuleList, seen: Seen, form: Form = lambda states: states) -> Iterator[None]:
    """Call `seen(i, states)` with the input of the first block (stage 0) and the output of every block i.

    The shape is the tower's own, [tiles, states, hidden] or [states, hidden], or made so by `form`. An exception from
    `seen` ends the pass.
    """

    def before(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        seen(0, form(args[0] if args else options[_states_of(options)]))

    def after(stage: int) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            seen(stage, form(output[0] if isinstance(output, tuple) else output))

        return hook

    hooks = [blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
    hooks += [block.register_forward_hook(after(i)) for i, block in enumerate(blocks, 1)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def stage_norms(
    blocks: nn.ModuleList,
    on_block: Callable[[int, int], None] = lambda done, total: None,
    form: Form = lambda states: states,
) -> Iterator[list[Tensor]]:
    """Collect the L2 norms of the first block's input and of every block's output, each float32 [tiles, states]."""
    norms: list[Tensor] = []

    def seen(stage: int, states: Tensor) -> None:
        on_block(stage, len(blocks))
        norms.append(torch.linalg.vector_norm(states, dim=-1, dtype=torch.float32))

    with watch_blocks(blocks, seen, form):
        yield norms


@contextmanager
def replace_states(blocks: nn.ModuleList, stage: int, states: Callable[[], Tensor]) -> Iterator[None]:
    """Replace the output of block `stage`, or at stage 0 the first block's input, by `states()` of the same shape."""

    def before(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return ((states(), *args[1:]), options) if args else (args, options | {_states_of(options): states()})

    def after(_: nn.Module, __: Any, output: Any) -> Any:
        before, made = output[0] if isinstance(output, tuple) else output, states()
        if made.shape[-1] != before.shape[-1]:
            raise UsageError(
                f"the vectors of this stage are {made.shape[-1]} wide, those that the projector reads "
                f"{before.shape[-1]}: choose another stage"
            )
        return (made, *output[1:]) if isinstance(output, tuple) else made

    if stage:
        # before the hooks by which transformers itself captures hidden states
        hook = blocks[stage - 1].register_forward_hook(after, prepend=True)
    else:
        hook = blocks[0].register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def _states_of(options: dict[str, Any]) -> str:
    """The name by which a block is given its states; Llama 4's is in the singular."""
    return "hidden_states" if "hidden_states" in options else "hidden_state"
