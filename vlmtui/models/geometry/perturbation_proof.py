"""Perturbation proof of a layout: change patches, and compare which tokens change.

With every attention output of the tower set to zero, a token depends only on the patches that it is made of. Changing a
set of patches must then change exactly the tokens that the layout predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Shape = tuple[int, int]
_RANDOM_SETS = 4
# how the classes of modules that mix patches are called: attention, and the short convolutions of LFM
_MIXES_PATCHES = ("Attention", "ShortConv")


def sources_hold(
    sources: NDArray[np.int64],
    shapes: list[Shape],
    pixels: Tensor,
    patch: Shape,
    tower: nn.Module,
    tokens_of: Callable[[Tensor], Tensor],
) -> bool:
    """Whether the tokens are made of exactly the patches in `sources` [tokens, patches per token], -1 for none.

    `pixels` [..., 3, height, width] are the tiles, `shapes` their (rows, columns) of patches, `patch` the (height,
    width) of a patch. `tokens_of` runs the model on such pixels and returns tokens [tokens, hidden].
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
    """Sets of patches, bool [total], that distinguish any two patches, and a few random ones.

    For each bit of the patch number, one set has the patches with that bit set, another those without.
    """
    numbers = torch.arange(total)
    for bit in range(max(1, (total - 1).bit_length())):
        yield (numbers >> bit) & 1 == 1
        yield (numbers >> bit) & 1 == 0
    for _ in range(_RANDOM_SETS):
        yield torch.rand(total, generator=generator) < 4 / total


def _mask(chosen: Tensor, shapes: list[Shape], pixels: Tensor, patch: Shape) -> Tensor:
    """The pixels in the chosen patches: bool, in the shape of `pixels`."""
    tall, wide = patch
    mask = torch.zeros(len(shapes), 1, *pixels.shape[-2:], dtype=torch.bool)
    first = 0
    for tile, (rows, cols) in enumerate(shapes):
        part = chosen[first : first + rows * cols].view(rows, cols)
        mask[tile, 0, : rows * tall, : cols * wide] = part.repeat_interleave(tall, 0).repeat_interleave(wide, 1)
        first += rows * cols
    return mask.expand(-1, 3, -1, -1).reshape(pixels.shape).to(pixels.device)


@contextmanager
def without_attention(tower: nn.Module, others: Sequence[nn.Module] = ()) -> Iterator[None]:
    """Set the outputs of the tower's attention modules, and of `others` that mix patches, to zero.

    The weights are not changed.
    """

    def nothing(_: nn.Module, __: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (torch.zeros_like(output[0]), *output[1:])
        return torch.zeros_like(output)

    attentions = [module for module in tower.modules() if type(module).__name__.endswith(_MIXES_PATCHES)]
    hooks = [module.register_forward_hook(nothing) for module in (*attentions, *others)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
