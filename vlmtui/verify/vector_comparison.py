"""Comparison of vectors, norms, words and weights with others that must be equal."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from vlmtui.lenses.kernels.distances import EmbeddingMatrix, Near
from vlmtui.lenses.kernels.nearest_neighbours import TIE, NearestRows, nearest_rows
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.vlm import EncodedImage, VisionLanguageModel

# largest difference between results of another order of operations, relative to a vector's length
_ROUNDING = {torch.float32: 1e-4, torch.bfloat16: 2e-2, torch.float16: 4e-3}


def rounding(dtype: torch.dtype) -> float:
    """How much a vector of this dtype may differ after another order of operations, relative to its length."""
    return _ROUNDING.get(dtype, 1e-4)


def largest_difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest distance between vectors that should be equal, relative to their length; both [n, width]."""
    if ours.shape != theirs.shape:
        return float("inf")
    difference = torch.linalg.vector_norm(ours.double() - theirs.double(), dim=-1)
    length = torch.linalg.vector_norm(theirs.double(), dim=-1).clamp(min=1e-30)
    worst = (difference / length).max() if len(ours) else torch.zeros(())
    return float(worst.nan_to_num(nan=torch.inf))


def weight_digests(model: nn.Module) -> dict[str, bytes]:
    """A digest of the bytes, dtype and shape of every parameter and buffer; tied ones under each of their names."""
    found = {}
    everything = chain(
        model.named_parameters(remove_duplicate=False),
        model.named_buffers(remove_duplicate=False),
    )
    for name, tensor in everything:
        digest = hashlib.blake2b(f"{tensor.dtype} {tuple(tensor.shape)}".encode(), digest_size=16)
        plain = tensor.detach().contiguous().flatten().view(torch.uint8) if tensor.numel() else tensor.new_zeros(0)
        digest.update(plain.cpu().numpy().data)
        found[name] = digest.digest()
    return found


def differing_weights(part: Mapping[str, bytes], whole: Mapping[str, bytes]) -> list[str]:
    """The names in `part` that are missing in `whole`, or have other contents there."""
    return sorted(name for name, digest in part.items() if whole.get(name) != digest)


def not_found_first(model: VisionLanguageModel, vocabulary: EmbeddingMatrix, ids: Tensor, metric: Near) -> list[int]:
    """The ids (int64) whose own vector is not the first result of a search among all rows.

    An equal row, or one that counts as a tie, may come first.
    """
    assert model.embeddings is not None
    vectors = model.embed(ids.tolist())
    found = nearest_rows(vectors, vocabulary, torch.arange(len(model.embeddings)), metric, 1)
    own = torch.stack([_score(vectors[i], model.embeddings[int(row)], metric) for i, row in enumerate(ids)])
    same = found.ids[:, 0] == ids
    tied = found.scores[:, 0] - own <= TIE * found.scores[:, 0].abs()
    return [int(row) for row in ids[~(same | tied)]]


def _score(vector: Tensor, row: Tensor, metric: Near) -> Tensor:
    x, e = vector.cpu().double(), row.cpu().double()
    if metric == "l2":
        distance: Tensor = torch.linalg.vector_norm(e - x)
        return 0.0 - distance
    lengths = torch.linalg.vector_norm(x) * torch.linalg.vector_norm(e)
    cosine: Tensor = (x @ e) / lengths.clamp(min=1e-300)
    return cosine


def count_same_words(ours: NearestRows, theirs: NearestRows) -> int:
    """How many tokens have the same words and scores, bit for bit."""
    if ours.ids.shape != theirs.ids.shape:
        return 0
    alike = (ours.ids == theirs.ids).all(dim=1) & (ours.scores == theirs.scores).all(dim=1)
    return int(alike.sum())


@torch.no_grad()
def library_norms(model: VisionLanguageModel, inputs: Inputs) -> list[Tensor] | None:
    """The norms of every vision stage and patch, from the tower's own `output_hidden_states`; None where it has none.

    In the form of `encode`: [stages, patches] for each tile, without class tokens and registers; without stage 0 where
    the library does not return it. Where the library puts
    the tower's result, after a norm or a convolution, in the place of its last block's output, that output is taken.
    """
    tower, blocks, caught = model.family.tower, model.family.blocks, []
    if isinstance(tower, nn.Linear):  # of Fuyu, which has no other
        return None
    last: list[Tensor] = []

    def request_states(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return args, options | {"output_hidden_states": True}

    def catch(_: nn.Module, __: Any, output: Any) -> None:
        caught.append(output)

    def catch_last(_: nn.Module, __: Any, output: Any) -> None:
        last.append(output[0] if isinstance(output, tuple) else output)

    hooks = [
        tower.register_forward_pre_hook(request_states, with_kwargs=True),
        tower.register_forward_hook(catch),
        blocks[-1].register_forward_hook(catch_last),
    ]
    try:
        model.encode(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    states = getattr(caught[0], "hidden_states", None) if caught else None
    if states is not None and len(states) > len(blocks) + 1:  # those of earlier stages, in other shapes (Florence-2)
        states = states[-len(blocks) :]
    if states is None or len(states) < len(blocks) or any(state is None for state in states):
        return None
    result = getattr(caught[0], "last_hidden_state", None)
    if result is not None and states[-1] is result and result.data_ptr() != last[0].data_ptr():
        states = (*states[:-1], last[0])  # not its last block's output, but what is made of it
    shapes = model.family.shapes(model.family.frames(inputs.pixels))
    stages = [
        model.family.states(
            torch.linalg.vector_norm(model.family.by_patches(state), dim=-1, dtype=torch.float32), shapes
        )
        for state in states
    ]
    return [torch.stack([patches for patches, _ in tile]) for tile in zip(*stages, strict=True)]


def largest_norm_difference(encoded: EncodedImage, library: list[Tensor]) -> float:
    """The largest relative difference between the norms of `encode` and those of the library."""
    worst = 0.0
    for ours, theirs in zip(encoded.norms, library, strict=True):
        found, expected = ours.patches[-len(theirs) :].double(), theirs.cpu().double()
        if found.shape != expected.shape:
            return math.inf
        apart = torch.where(found == expected, 0.0, (found - expected).abs() / expected.clamp(min=1e-30))
        if apart.numel():
            worst = max(worst, float(apart.nan_to_num(nan=torch.inf).max()))
    return worst
