"""The training script's recipe in small: every kind of stage, of a step or two."""

from __future__ import annotations

from demo_training.training.models import Size, Sizes
from demo_training.training.recipes import LANGUAGE, PROJECTOR, TOWER, WORDS, Recipe, Stage

COUNT = 6
SMALL = Sizes(vision=Size(2, 32, 2, 64), text=Size(2, 24, 2, 48), language=Size(2, 48, 2, 64))
RECIPE = Recipe(
    scenes=COUNT,
    sizes=SMALL,
    stages={
        "siglip": (
            Stage("pairs", 2, 3, 1e-3, 0.3, match=1, kept=0.5),
            Stage("whole", 1, 3, 1e-3, 0.3, match=1),
        ),
        "language": (Stage("text", 2, 3, 1e-3, 0.3, talk=1, pictures=False),),
        "captioned": (Stage("projector", 2, 2, 1e-3, 0.3, talk=1, talkers=2, frozen=(TOWER, LANGUAGE)),),
        "demo": (
            Stage("both", 2, 2, 1e-3, 0.3, patch=1, talk=0.6, talkers=1, balance=0.3, objects=2, span=2),
            Stage("answers", 1, 2, 1e-3, 0.3, talk=1, talkers=2, frozen=(TOWER, PROJECTOR, WORDS)),
        ),
        "vit": (Stage("kinds", 1, 2, 1e-3, 0.3, kind=1),),
    },
)
