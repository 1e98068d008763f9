"""Patch embedding: a vision patch before the first block, in reports of single patches at `vision.0`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vlmtui.display.numbers import format_number
from vlmtui.display.text_lines import flow
from vlmtui.results.patch_embedding import PatchEmbeddingResult

CHANNELS = ("red", "green", "blue")
_LABEL = 12


def embedding_lines(embedding: PatchEmbeddingResult) -> Iterator[str]:
    """The components of a patch's state, one line each."""
    yield _fact("given", f"{shape(embedding)} = {embedding.length:,} numbers, flattened")
    levels = embedding.pixels.reshape(-1, 3).mean(axis=0)
    for channel, name in enumerate(CHANNELS):
        low, mean, high = (float(v[channel]) for v in (embedding.lowest, embedding.mean, embedding.highest))
        normalised = f"{format_number(low)} … {format_number(high)}, mean {format_number(mean)}"
        yield _fact(name, f"{normalised}; level {levels[channel]:.0f} of 255")
    if embedding.projected is not None:
        yield _fact("projected", f"norm {format_number(embedding.projected)}, before the position embedding")
    if embedding.position is not None:
        position_note = ", then a norm makes vision.0 of the sum" if embedding.normed else ""
        yield _fact("position", f"norm {format_number(embedding.position)}{position_note}")
    if embedding.note:
        yield from flow([f"{word} " for word in embedding.note.split()], f"  {'note':<{_LABEL - 2}}", indent=_LABEL)


def shape(embedding: PatchEmbeddingResult) -> str:
    """`14 × 14 × 3`, or `2 × 14 × 14 × 3` where the model takes an image for a video."""
    patch_height, patch_width, channels = embedding.pixels.shape
    frames = (embedding.frames,) if embedding.frames > 1 else ()
    return " × ".join(map(str, (*frames, patch_height, patch_width, channels)))


def embedding_object(embedding: PatchEmbeddingResult) -> dict[str, Any]:
    """The JSON object of a patch: `levels` (0–255) are its pixels [height][width][3]."""
    return {
        "length": embedding.length,
        "frames": embedding.frames,
        "levels": embedding.pixels.tolist(),
        "lowest": embedding.lowest.tolist(),
        "mean": embedding.mean.tolist(),
        "highest": embedding.highest.tolist(),
        "projected": embedding.projected,
        "position": embedding.position,
        "normed": embedding.normed,
        "note": embedding.note,
    }


def _fact(label: str, value: str) -> str:
    return f"  {label:<{_LABEL - 2}}{value}"
