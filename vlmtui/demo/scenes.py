"""Labelled scenes: ten kinds of drawing, every pixel with its class.

`make_scene(seed)` is all that training, evaluation and the sample pictures use. Training seeds start at 0,
held-out seeds at `HELD_OUT`; no seed is in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.demo import indoors, outdoors
from vlmtui.demo.canvas import BASE_SIDE, Canvas, photograph

HELD_OUT: Final = 1_000_000_000
# Scenes from `HELD_OUT`, and from 100,000, 200,000 and 300,000 on, were looked at while the stages of training were
# decided on; figures are of scenes that had no say in anything.
FIGURES: Final = HELD_OUT + 400_000


@dataclass(frozen=True)
class Scene:
    """`image` RGB `side` × `side`; `labels` `[side, side]` uint8; `glyphs` the characters drawn, if any."""

    kind: str
    image: Image.Image
    labels: NDArray[np.uint8]
    glyphs: str


KINDS: Final[dict[str, tuple[Callable[[Canvas], str], float]]] = {
    "landscape": (outdoors.landscape, 3),
    "seaside": (outdoors.seaside, 2),
    "town": (outdoors.town, 2.5),
    "traffic": (outdoors.traffic, 2),
    "night": (outdoors.night, 1.5),
    "portrait": (indoors.portrait, 2),
    "shapes": (indoors.shapes, 3),
    "patterns": (indoors.patterns, 1.2),
    "text": (indoors.text, 2),
    "surfaces": (indoors.surfaces, 3.5),
}


def make_scene(seed: int, side: int = BASE_SIDE) -> Scene:
    """The scene of a seed; the same seed at another `side` is the same scene drawn finer."""
    canvas = Canvas(seed, side)
    weights = np.array([w for _, w in KINDS.values()])
    kind = tuple(KINDS)[int(canvas.layout.choice(len(KINDS), p=weights / weights.sum()))]
    glyphs = KINDS[kind][0](canvas)
    return Scene(kind, photograph(canvas), canvas.labels, glyphs)
