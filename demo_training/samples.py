"""Sample images that are drawn: held-out scenes at a larger size. `python -m demo_training.samples`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from demo_training.drawings.scenes import HELD_OUT, make_scene

# File name: (seed, side). The seeds come after those that the card's figures are computed on.
SAMPLES: Final[dict[str, tuple[int, int]]] = {
    "scene-town.png": (HELD_OUT + 5018, 432),
    "scene-landscape.png": (HELD_OUT + 5042, 384),
    "scene-shapes.png": (HELD_OUT + 5013, 448),
}


def write_samples(folder: Path) -> None:
    """Draw the sample images into a folder."""
    for name, (seed, side) in SAMPLES.items():
        make_scene(seed, side).image.save(folder / name, optimize=True)


if __name__ == "__main__":
    write_samples(Path(__file__).parents[1] / "sample_images")
