"""Putting a layout to the proof: change patches, and look at which tokens change.

With every attention of the tower put out, a token hangs on the patches that it was made of and on no other; so sets
of patches, changed together, must change just the tokens that the layout says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Shape = tuple[int, int]
_RANDOM_SETS = 4


def sources_hold(
    sources: NDArray[np.int64],
    shapes: list[Shape],
    pixels: Tensor,
    patch: Shape,
    tower: nn.Module,
    tokens_of: Callable[[Tensor], Tensor],
) -> bool:
    """Whether the tokens are made of the patches that `sources` [tokens, patches a token] says.

    `pixels` [..., 3, height, width] are the tiles, `tokens_of` runs the model on such to tokens [tokens, hidden].
    """
    if pixels.ndim < 4 or pixels.shape[-3] != 3 or pixels.shape[:-3].numel() != len(shapes):
        return False
    total = sum(rows * cols for rows, cols in shapes)
    made_of = torch.zeros(len(sources), total + 1, dtype=torch.bool)
    made_of.scatter_(1, torch.from_numpy(np.where(sources < 0, total, sources)), True)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(pixels.shape, generator=generator).to(pixels)
    with without_attention(tower):
        before = tokens_of(pixels)
        if len(before) != len(sources):
            return False
        for chosen in _sets(total, generator):
            after = tokens_of(torch.where(_mask(chosen, shapes, pixels, patch), pixels + noise, pixels))
            moved = (after - before).float().norm(dim=-1) > 1e-4 * before.float().norm(dim=-1)
            if not torch.equal(moved.cpu(), (made_of[:, :total] & chosen).any(dim=1)):
                return False
    return True


def _sets(total: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Sets of patches that tell any two apart: those with a bit of their number set, and unset; and some by chance."""
    numbers = torch.arange(total)
    for bit in range(max(1, (total - 1).bit_length())):
        yield (numbers >> bit) & 1 == 1
        yield (numbers >> bit) & 1 == 0
    for _ in range(_RANDOM_SETS):
        yield torch.rand(total, generator=generator) < 4 / total


def _mask(chosen: Tensor, shapes: list[Shape], pixels: Tensor, patch: Shape) -> Tensor:
    """Which pixels lie in the chosen patches: bool, of the shape of `pixels`."""
    tall, wide = patch
    mask = torch.zeros(len(shapes), 1, *pixels.shape[-2:], dtype=torch.bool)
    first = 0
    for tile, (rows, cols) in enumerate(shapes):
        part = chosen[first : first + rows * cols].view(rows, cols)
        mask[tile, 0, : rows * tall, : cols * wide] = part.repeat_interleave(tall, 0).repeat_interleave(wide, 1)
        first += rows * cols
    return mask.expand(-1, 3, -1, -1).reshape(pixels.shape).to(pixels.device)


@contextmanager
def without_attention(tower: nn.Module) -> Iterator[None]:
    """The tower with what its attentions put out set to zero; its weights stay as they are."""

    def nothing(_: nn.Module, __: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (torch.zeros_like(output[0]), *output[1:])
        return torch.zeros_like(output)

    attentions = [module for module in tower.modules() if type(module).__name__.endswith("Attention")]
    hooks = [module.register_forward_hook(nothing) for module in attentions]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
