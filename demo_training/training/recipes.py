"""Recipes of training as data: the models, their stages, and how long each takes.

The order is that of real models: two towers by SigLIP's loss on captions, a language model on text, and the two joined
through a projector as in LLaVA. `demo` is also taught words at its patches, as no real model is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from demo_training.training.models import Size, Sizes

Model = Literal["siglip", "language", "captioned", "demo", "vit"]


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    A batch has `size` images, or texts where `pictures` is false. The learning rate falls from `rate` to `rate * end`
    along a cosine that spans `span` times the steps. The losses are those with a weight: `match` (SigLIP's loss on
    images and captions), `patch` (words at patches), `talk` (LLaVA's loss on answers, for the first `talkers` images),
    `kind` (the kind of scene). The tower sees a share `kept` of its patches. `frozen` are prefixes of the names of
    weights that are not trained. `balance` 0 chooses patches as they occur, 1 every class equally; `objects` multiplies
    the weight that the word of a patch's class has in its target. The names of fields are keys of `training.json`.
    """

    name: str
    steps: int
    size: int
    rate: float
    end: float
    match: float = 0.0
    patch: float = 0.0
    talk: float = 0.0
    kind: float = 0.0
    pictures: bool = True
    talkers: int = 0
    kept: float = 1.0
    frozen: tuple[str, ...] = ()
    balance: float = 0.0
    objects: float = 1.0
    span: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """Number of scenes to draw, sizes of the models, and the stages of each in the order of training."""

    scenes: int
    sizes: Sizes
    stages: dict[Model, tuple[Stage, ...]]


TOWER, LANGUAGE = "model.vision_tower.", "model.language_model."
PROJECTOR, WORDS = "model.multi_modal_projector.", "model.language_model.embed_tokens."

SIZES: Final = Sizes(vision=Size(5, 192, 3, 768), text=Size(3, 192, 3, 576), language=Size(3, 256, 4, 640))
# The recipe of the weights that ship: hours on two cores.
SHIPPED: Final = Recipe(
    scenes=20_000,
    sizes=SIZES,
    stages={
        "siglip": (
            Stage("pairs", 1000, 96, 1e-3, 0.3, match=1, kept=0.5),
            Stage("pairs, whole images", 150, 96, 3e-4, 0.05, match=1),
        ),
        "language": (Stage("text", 300, 48, 1.5e-3, 0.3, talk=1, pictures=False),),
        "captioned": (
            Stage("projector", 100, 24, 1e-3, 0.3, talk=1, talkers=24, frozen=(TOWER, LANGUAGE)),
            Stage("projector and language", 800, 24, 8e-4, 0.02, talk=1, talkers=24, frozen=(TOWER,)),
        ),
        "demo": (
            Stage("patches", 800, 32, 1e-3, 0.3, patch=1, balance=0.6),
            Stage("patches and answers", 1200, 32, 8e-4, 0.02, patch=1, talk=0.6, talkers=16, balance=0.3),
            Stage(
                "patches and answers, longer", 2000, 32, 9e-4, 0.01, patch=1, talk=0.6, talkers=12, balance=0.3, span=2
            ),
            # Colours are learned before classes, and their words would stay first for good.
            Stage(
                "objects first",
                1900,
                32,
                7e-4,
                0.01,
                patch=1,
                talk=0.6,
                talkers=12,
                balance=0.45,
                objects=2,
                span=45 / 19,
            ),
            Stage("objects first, to the end", 1300, 32, 5e-4, 0.02, patch=1, balance=0.45, objects=1.7),
            # Word vectors and image tokens stay as they are; only answers are trained.
            Stage("answers", 400, 24, 8e-4, 0.02, talk=1, talkers=24, frozen=(TOWER, PROJECTOR, WORDS)),
        ),
        "vit": (
            Stage("kinds", 150, 32, 3e-4, 0.05, kind=1),
            Stage("kinds, longer", 300, 32, 5e-4, 0.02, kind=1),
        ),
    },
)
# The same models in about an hour on two cores.
HOUR: Final = Recipe(
    scenes=10_000,
    sizes=SIZES,
    stages={
        "siglip": (
            Stage("pairs", 600, 96, 1e-3, 0.3, match=1, kept=0.5),
            Stage("pairs, whole images", 60, 96, 3e-4, 0.05, match=1),
        ),
        "language": (Stage("text", 200, 48, 1.5e-3, 0.3, talk=1, pictures=False),),
        "captioned": (
            Stage("projector", 60, 24, 1e-3, 0.3, talk=1, talkers=24, frozen=(TOWER, LANGUAGE)),
            Stage("projector and language", 340, 24, 8e-4, 0.02, talk=1, talkers=24, frozen=(TOWER,)),
        ),
        "demo": (
            Stage("patches", 400, 32, 1e-3, 0.5, patch=1, balance=0.6),
            Stage("objects first", 1100, 32, 8e-4, 0.02, patch=1, talk=0.6, talkers=12, balance=0.45, objects=2),
            Stage("answers", 200, 24, 8e-4, 0.02, talk=1, talkers=24, frozen=(TOWER, PROJECTOR, WORDS)),
        ),
        "vit": (Stage("kinds", 150, 32, 5e-4, 0.02, kind=1),),
    },
)
# Larger models and over four times as many presentations, for a GPU with room for all scenes; not run yet.
LARGE: Final = Recipe(
    scenes=100_000,
    sizes=Sizes(vision=Size(6, 256, 4, 1024), text=Size(4, 256, 4, 768), language=Size(4, 320, 5, 864)),
    stages={
        "siglip": (
            Stage("pairs", 2000, 256, 1e-3, 0.3, match=1, kept=0.5),
            Stage("pairs, whole images", 400, 256, 3e-4, 0.05, match=1),
        ),
        "language": (Stage("text", 400, 128, 1.5e-3, 0.3, talk=1, pictures=False),),
        "captioned": (
            Stage("projector", 250, 128, 1e-3, 0.3, talk=1, talkers=128, frozen=(TOWER, LANGUAGE)),
            Stage("projector and language", 1500, 128, 8e-4, 0.02, talk=1, talkers=128, frozen=(TOWER,)),
        ),
        "demo": (
            Stage("patches", 2000, 128, 1e-3, 0.3, patch=1, balance=0.6),
            Stage("patches and answers", 2500, 128, 8e-4, 0.3, patch=1, talk=0.6, talkers=96, balance=0.3),
            Stage("objects first", 2000, 128, 7e-4, 0.01, patch=1, talk=0.6, talkers=48, balance=0.45, objects=2),
            Stage("answers", 750, 128, 8e-4, 0.02, talk=1, talkers=128, frozen=(TOWER, PROJECTOR, WORDS)),
        ),
        "vit": (Stage("kinds", 400, 128, 3e-4, 0.05, kind=1),),
    },
)
RECIPES: Final[dict[str, Recipe]] = {"hour": HOUR, "shipped": SHIPPED, "large": LARGE}
