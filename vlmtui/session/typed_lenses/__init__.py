"""Typed questions to built-in lenses: thin wrappers over `Compute`, with arguments and results of their own types."""

from vlmtui.session.typed_lenses.answers import ablation, attention, gradient, mask, occlusion
from vlmtui.session.typed_lenses.base import TypedQuestion, compute, look, vectors
from vlmtui.session.typed_lenses.words import agreement, layer_words, layers, local_words, null, words

__all__ = [
    "TypedQuestion",
    "ablation",
    "agreement",
    "attention",
    "compute",
    "gradient",
    "layer_words",
    "layers",
    "local_words",
    "look",
    "mask",
    "null",
    "occlusion",
    "vectors",
    "words",
]
