"""Patch embedding: a vision patch before the first block, in reports of single patches at `vision.0`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vlmtui.display.numbers import format_number
from vlmtui.display.text_lines import flow
from vlmtui.results.patch_embedding import PatchEmbeddingResult

CHANNELS = ("red", "green", "blue")
_LABEL = 12


def embedding_lines(anatomy: PatchEmbeddingResult) -> Iterator[str]:
    """The components of a patch's state, one line each."""
    yield _fact("given", f"{shape(anatomy)} = {anatomy.length:,} numbers, flattened")
    levels = anatomy.pixels.reshape(-1, 3).mean(axis=0)
    for channel, name in enumerate(CHANNELS):
        low, mean, high = (float(v[channel]) for v in (anatomy.lowest, anatomy.mean, anatomy.highest))
        normalised = f"{format_number(low)} … {format_number(high)}, mean {format_number(mean)}"
        yield _fact(name, f"{normalised}; level {levels[channel]:.0f} of 255")
    if anatomy.projected is not None:
        yield _fact("projected", f"norm {format_number(anatomy.projected)}, before a position is added")
    if anatomy.position is not None:
        then = ", then a norm makes vision.0 of the sum" if anatomy.normed else ""
        yield _fact("position", f"norm {format_number(anatomy.position)}{then}")
    if anatomy.note:
        yield from flow([f"{word} " for word in anatomy.note.split()], f"  {'note':<{_LABEL - 2}}", indent=_LABEL)


def shape(anatomy: PatchEmbeddingResult) -> str:
    """`14 × 14 × 3`, or `2 × 14 × 14 × 3` where the model takes an image for a video."""
    tall, wide, channels = anatomy.pixels.shape
    film = (anatomy.frames,) if anatomy.frames > 1 else ()
    return " × ".join(map(str, (*film, tall, wide, channels)))


def embedding_object(anatomy: PatchEmbeddingResult) -> dict[str, Any]:
    """The JSON object of a patch: `levels` (0–255) are its pixels [height][width][3]."""
    return {
        "length": anatomy.length,
        "frames": anatomy.frames,
        "levels": anatomy.pixels.tolist(),
        "lowest": anatomy.lowest.tolist(),
        "mean": anatomy.mean.tolist(),
        "highest": anatomy.highest.tolist(),
        "projected": anatomy.projected,
        "position": anatomy.position,
        "normed": anatomy.normed,
        "note": anatomy.note,
    }


def _fact(label: str, said: str) -> str:
    return f"  {label:<{_LABEL - 2}}{said}"
