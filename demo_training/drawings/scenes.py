"""Labelled scenes of many kinds, every pixel with its class.

`make_scene(seed)` is all that training, evaluation and the sample images use. Training seeds start at 0, held-out seeds
at `HELD_OUT`; no seed is in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo_training.drawings.camera import photograph
from demo_training.drawings.canvas import BASE_SIDE, Canvas
from demo_training.drawings.places import indoors, plain, town, wild

HELD_OUT: Final = 1_000_000_000
# Scenes from `HELD_OUT`, and from 100,000, 200,000 and 300,000 after it, were used to decide on the stages of training;
# figures are of scenes that were used for nothing.
FIGURES: Final = HELD_OUT + 400_000


@dataclass(frozen=True)
class Scene:
    """`image` RGB `side` × `side`; `labels` `[side, side]` uint8; `glyphs` the characters drawn, if any."""

    kind: str
    image: Image.Image
    labels: NDArray[np.uint8]
    glyphs: str


KINDS: Final[dict[str, tuple[Callable[[Canvas], str], float]]] = {
    "landscape": (wild.landscape, 2.4),
    "seaside": (wild.seaside, 1.7),
    "river": (wild.river, 1.2),
    "forest": (wild.forest, 1.2),
    "garden": (wild.garden, 1.3),
    "night": (wild.night, 1.4),
    "town": (town.town, 2.2),
    "traffic": (town.traffic, 1.6),
    "city": (town.city, 2),
    "launch": (town.launch, 2),
    "portrait": (indoors.portrait, 2.2),
    "animal": (indoors.animal, 2.4),
    "room": (indoors.room, 2),
    "table": (indoors.laid, 2.6),
    "shapes": (plain.shapes, 2.8),
    "patterns": (plain.patterns, 1.2),
    "text": (plain.text, 2),
    "surfaces": (plain.surfaces, 6),
}


def make_scene(seed: int, side: int = BASE_SIDE) -> Scene:
    """The scene of a seed; the same seed at another `side` is the same scene drawn finer."""
    canvas = Canvas(seed, side)
    weights = np.array([w for _, w in KINDS.values()])
    kind = tuple(KINDS)[int(canvas.layout.choice(len(KINDS), p=weights / weights.sum()))]
    glyphs = KINDS[kind][0](canvas)
    image, labels = photograph(canvas, whole=bool(glyphs))
    return Scene(kind, image, labels, glyphs)
