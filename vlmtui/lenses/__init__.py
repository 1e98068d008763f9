"""Ways of looking at what a model makes of an image, one folder each, and what a lens of one's own is made with.

    from vlmtui.lenses import Context, Scalars, lens

    @lens
    def sharpness(context: Context, power: float = 2.0) -> Scalars:
        \"\"\"How peaked a patch's vector is.\"\"\"
        return Scalars(context.states().float().abs().pow(power).mean(-1))

A lens is a function of a `Context`, which the session implements. Its name is the function's, its options are the other
parameters, the kind of its result is the return annotation, and the first line of its docstring is its help. The eight
kinds of result are drawn by every front end. Nothing here imports torch: front ends read what a built-in lens is from
its folder's `__init__`, and the session imports its `compute` when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlmtui.lenses.base import Lens, lens

if TYPE_CHECKING:
    from vlmtui.lenses.context import Cancelled, Context, Generation, NotHere, Place, Vocabulary
    from vlmtui.lenses.kinds import Colours, Facts, LayerWords, Matrix, Scalars, Scores, TokenMaps, Words

__all__ = [
    "Cancelled",
    "Colours",
    "Context",
    "Facts",
    "Generation",
    "LayerWords",
    "Lens",
    "Matrix",
    "NotHere",
    "Place",
    "Scalars",
    "Scores",
    "TokenMaps",
    "Vocabulary",
    "Words",
    "lens",
]

_OF_CONTEXT = ("Cancelled", "Context", "Generation", "NotHere", "Place", "Vocabulary")


def __getattr__(name: str) -> Any:
    """Kinds and context are imported when they are first asked for: they need NumPy, and a list of lenses does not."""
    if name in __all__:
        from vlmtui.lenses import context, kinds

        return getattr(context if name in _OF_CONTEXT else kinds, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
