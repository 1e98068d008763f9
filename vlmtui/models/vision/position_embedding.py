"""Position embedding of a vision tower: the learned vectors that it adds to the patches of an image.

They are taken from the model's own forward pass with the output of the patch projection set to zero: what then reaches
the blocks is the position embedding, interpolated or gated as the model does it, plus anything else that the tower adds
to its patches before the first block (Mllama's tile embedding). Rotary embeddings, which act within attention, leave
nothing there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vlmtui.models.families.base import Family, Pixels
from vlmtui.models.vision.hidden_states import watch_blocks
from vlmtui.models.vision.patch_projection import projection_of


@dataclass(frozen=True)
class PositionEmbedding:
    """The vectors added to each patch, `rows` [patches, hidden] in the order of the layout's patches.

    `normed`: a norm lies between them and `vision.0`, as in CLIP. `rows` is None where nothing is added, and `why`
    gives the reason.
    """

    rows: Tensor | None
    normed: bool
    why: str = ""


class _Enough(Exception):  # noqa: N818
    """Raised in a hook to end a forward pass whose remaining blocks are not needed."""


@torch.no_grad()
def position_embedding(family: Family, pixels: Pixels) -> PositionEmbedding:
    """The position embedding for the image in `pixels`, which are on the model's device."""
    projection = projection_of(family)
    shapes = family.shapes(family.frames(pixels))
    if projection is None or not shapes:
        return PositionEmbedding(None, False, f"how {family.name} projects its patches is unknown")
    entered: list[Tensor] = []

    def seen(stage: int, states: Tensor) -> None:
        entered.append(states)
        raise _Enough

    with ExitStack() as hooks:
        hooks.enter_context(_silent(projection))
        normed = hooks.enter_context(_norms(family))
        hooks.enter_context(watch_blocks(family.blocks, seen))
        with suppress(_Enough):
            family.features(pixels)
    states = entered[0]
    before = _before_a_norm(normed, states)
    summed = states if before is None else before
    numbers = torch.arange(summed[..., 0].numel(), device=summed.device).view(summed.shape[:-1])
    tiles = [patches for patches, _ in family.states(numbers, shapes)]
    if not tiles:
        return PositionEmbedding(
            None, before is not None, f"the hidden states of {family.name}'s tower cannot be distinguished"
        )
    rows = summed.reshape(-1, summed.shape[-1])[torch.cat(tiles)]
    if not rows.any():
        return PositionEmbedding(None, before is not None, _without(family))
    return PositionEmbedding(rows, before is not None)


def _without(family: Family) -> str:
    """The reason why nothing is added to patches, as a message."""
    names = (name for module in family.tower.modules() for name in (type(module).__name__.lower(),))
    if any("rotary" in name or "rope" in name for name in names):
        return (
            f"the tower of {family.name} has no learned position embedding: positions are rotated within its attention"
        )
    return f"the tower of {family.name} adds no position embedding to its patches"


@contextmanager
def _silent(projection: nn.Module) -> Iterator[None]:
    """Set the projection's output to zero."""

    def after(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        return torch.zeros_like(output)

    hook = projection.register_forward_hook(after)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _norms(family: Family) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Collect (input, output) of the norms outside the blocks, in the order in which they run."""
    inside = set(family.blocks.modules())
    found: list[tuple[Tensor, Tensor]] = []

    def after(_: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if args and isinstance(args[0], Tensor) and isinstance(output, Tensor):
            found.append((args[0], output))

    norms = [m for m in family.tower.modules() if m not in inside and type(m).__name__.endswith("Norm")]
    hooks = [module.register_forward_hook(after) for module in norms]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _before_a_norm(normed: list[tuple[Tensor, Tensor]], states: Tensor) -> Tensor | None:
    """The input of the norm whose output entered the blocks as `states`; None where there is no such norm."""
    if not normed:
        return None
    given, put_out = normed[-1]
    first = put_out.reshape(-1, put_out.shape[-1])[0]
    return given if torch.equal(first, states.reshape(-1, states.shape[-1])[0]) else None
