"""Materials of the classes that fill a ground, a wall or the whole view."""

from __future__ import annotations

from typing import Final

from demo_training.drawings.canvas import Canvas
from demo_training.drawings.palette import Material
from demo_training.drawings.textures import air, construction, fabrics, foods, hides, land, plants, reflective

# Material and how often it is chosen where anything may lie.
MATERIALS: Final[dict[str, tuple[Material, float]]] = {
    "sky": (air.sky, 0.3), "cloud": (air.cloud, 0.3), "smoke": (air.smoke, 0.8), "fire": (air.fire, 1.2),
    "sea": (land.sea, 0.6), "water": (land.water, 2), "sand": (land.sand, 1), "soil": (land.soil, 1.6),
    "grass": (land.grass, 1), "mountain": (land.mountain, 0.6), "snow": (land.snow, 0.6), "stone": (land.stone, 2.2),
    "tree": (plants.foliage, 1.2), "bark": (plants.bark, 1.8), "leaf": (plants.leaves, 2),
    "flower": (plants.blossom, 2), "road": (construction.asphalt, 0.8), "brick": (construction.brick, 1.2),
    "wood": (construction.wood, 1.8), "roof": (construction.tiles, 0.8), "window": (reflective.pane, 0.3),
    "wall": (construction.plaster, 1), "floor": (construction.floor, 1.4), "skin": (hides.skin, 2.2),
    "hair": (hides.hair, 1.2), "fur": (hides.fur, 2.8), "bird": (hides.feathers, 1.2), "cloth": (fabrics.cloth, 2),
    "curtain": (fabrics.curtain, 1.2), "carpet": (fabrics.carpet, 1.6), "wool": (fabrics.wool, 2.6),
    "leather": (fabrics.leather, 2.4), "basket": (fabrics.basket, 1.4), "metal": (reflective.metal, 2.2),
    "paper": (construction.paper, 1), "coffee": (foods.coffee, 0.8), "fruit": (foods.fruits, 1.6),
    "vegetable": (foods.vegetables, 2.2), "bread": (foods.bread, 1.8), "meat": (foods.meat, 2.6),
}  # fmt: skip


def one_of(c: Canvas, names: str) -> tuple[str, Material]:
    """Choose one of the named classes at even odds, with its material."""
    listed = names.split()
    name = listed[int(c.layout.integers(len(listed)))]
    return name, MATERIALS[name][0]


def any_of(c: Canvas) -> tuple[str, Material]:
    """Any stuff, as often as the table says."""
    names = tuple(MATERIALS)
    odds = [MATERIALS[n][1] for n in names]
    name = names[int(c.layout.choice(len(names), p=[o / sum(odds) for o in odds]))]
    return name, MATERIALS[name][0]
