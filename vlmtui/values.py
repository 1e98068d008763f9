"""Lenses that give every entry of a stage a number or a colour: what is asked of them, and what they found. Pure data.

The names of the lenses are the same in the explorer, in reports and in the Python API.
"""

from __future__ import annotations

import msgspec

from vlmtui.reading import Floats


class Similarity(msgspec.Struct, frozen=True, tag="similarity"):
    """The cosine of every entry with some of them, `to`; with several, with the mean of their unit vectors."""

    to: tuple[int, ...]


class Components(msgspec.Struct, frozen=True, tag="pca"):
    """The first three principal components of the stage's entries, centred, as colours."""


class Find(msgspec.Struct, frozen=True, tag="find"):
    """How near every entry is to a word: the cosine with its vectors, and in the language model's layers its logit.

    At a vision stage that of the token which the projector makes of the patch there: an early exit. For a model of two
    towers (CLIP, SigLIP) it is any text, and the approximate cosine of each patch with it, at the last vision stage.
    """

    text: str


class Evidence(msgspec.Struct, frozen=True, tag="evidence"):
    """What every patch says for a class of the model's classification head, by its label or number (from 0).

    At the last vision stage: the patch's share of the logit where the head reads the patches' mean, else, approximate,
    the logit that the head gives the patch.
    """

    label: str


class Position(msgspec.Struct, frozen=True, tag="position"):
    """The L2 norm of the learned position embedding at every patch, interpolated where the model does it.

    At `vision.0`, where it is added; a tower whose positions turn within its attention (rotary) has none.
    """


POSITION_STAGE = "vision.0"

Lens = Similarity | Components | Find | Evidence | Position


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """What a lens made of a stage's entries, in the order of `Reading.places_at(stage)`.

    `numbers` is [entries], or [entries, 3] for components, each as a multiple of what its largest ones reach (the 98th
    percentile of their sizes), so that -1 … 1 is nearly all of it. `explained` is the share (0–1) of the variance in
    each component.
    `pieces` are the word-pieces that were looked for. `note` says what a person must know to read it, or "".
    """

    lens: Lens
    stage: str
    numbers: Floats
    explained: tuple[float, ...] = ()
    pieces: tuple[str, ...] = ()
    note: str = ""
    seconds: float = 0.0


def name_of(lens: Lens) -> str:
    """The lens's name, as `--lens` takes it."""
    return str(lens.__struct_config__.tag)
