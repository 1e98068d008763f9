"""Lenses: ways to inspect what a model makes of an image, one folder each, and the names a new lens is written with.

    from vlmtui.lenses import Context, Scalars, lens

    @lens
    def sharpness(context: Context, power: float = 2.0) -> Scalars:
        \"\"\"How peaked a patch's vector is.\"\"\"
        return Scalars(context.states().float().abs().pow(power).mean(-1))

A lens is a function of a `Context`, which the session implements. The function's name is the lens's name, its other
parameters are the options, its return annotation is the kind of result, and the first line of its docstring is the help
line. Every client can draw each of the eight kinds of result. Nothing here imports torch: clients read the
specification of a built-in lens from its folder's `__init__`, and the session imports its `compute` module when the
lens is first used.
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
    """Import kinds and context on first use: they need NumPy, which listing the lenses does not."""
    if name in __all__:
        from vlmtui.lenses import context, kinds

        return getattr(context if name in _OF_CONTEXT else kinds, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
