"""The built-in lenses by their own names and types: thin wrappers over `Compute`, for whoever calls them in code."""

from vlmtui.session.typed.answers import ablation, attention, gradient, mask, occlusion
from vlmtui.session.typed.base import Typed, looked, named, vectors
from vlmtui.session.typed.words import agreement, layer_words, layers, null, words

__all__ = [
    "Typed",
    "ablation",
    "agreement",
    "attention",
    "gradient",
    "layer_words",
    "layers",
    "looked",
    "mask",
    "named",
    "null",
    "occlusion",
    "vectors",
    "words",
]
