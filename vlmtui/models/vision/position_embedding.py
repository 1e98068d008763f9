"""The learned position embedding of a vision tower, as the model lays it out on the grid of a picture.

It is taken from the model's own forward pass, in which the projection of the pixels is put to zero: what reaches the
blocks at a patch is then what tells the patch's place, interpolated where the model interpolates it, gated where it
gates it, together with whatever else a tower adds to its patches before the first block (Mllama's tile embedding).
Positions that work within attention (rotary) leave nothing there.
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
    """What is added to each patch, or why that is nothing.

    `rows` [patches, hidden] are in the order of `layout`'s patches, before a norm that may lie between them and
    `vision.0`, which `normed` tells of (CLIP's); None where there is none, and `why` says so.
    """

    rows: Tensor | None
    normed: bool
    why: str = ""


class _Enough(Exception):  # noqa: N818
    """What was wanted has been seen: the rest of the forward pass is not."""


@torch.no_grad()
def position_embedding(family: Family, pixels: Pixels) -> PositionEmbedding:
    """Those of the picture in `pixels`, which are on the model's device."""
    projection = projection_of(family)
    shapes = family.shapes(family.frames(pixels))
    if projection is None or not shapes:
        return PositionEmbedding(None, False, f"how {family.name} projects its patches is not known")
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
        return PositionEmbedding(None, before is not None, f"the states of {family.name}'s tower cannot be told apart")
    rows = summed.reshape(-1, summed.shape[-1])[torch.cat(tiles)]
    if not rows.any():
        return PositionEmbedding(None, before is not None, _without(family))
    return PositionEmbedding(rows, before is not None)


def _without(family: Family) -> str:
    """Why nothing is added to patches."""
    names = (name for module in family.tower.modules() for name in (type(module).__name__.lower(),))
    if any("rotary" in name or "rope" in name for name in names):
        return f"the tower of {family.name} has no learned position embedding: positions turn within its attention"
    return f"the tower of {family.name} adds no position embedding to its patches"


@contextmanager
def _silent(projection: nn.Module) -> Iterator[None]:
    """The projection puts out zeros, whatever it is given."""

    def after(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        return torch.zeros_like(output)

    hook = projection.register_forward_hook(after)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _norms(family: Family) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """What norms outside the blocks were given and have put out, in the order that they were run."""
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
    """What went into the norm that put out the states which entered the blocks; None where there was none."""
    if not normed:
        return None
    given, put_out = normed[-1]
    first = put_out.reshape(-1, put_out.shape[-1])[0]
    return given if torch.equal(first, states.reshape(-1, states.shape[-1])[0]) else None
