"""The built-in lenses by their own names and types: thin wrappers over `Compute`, for whoever calls them in code."""

from vlmtui.session.typed.base import Typed, looked, named, vectors
from vlmtui.session.typed.words import agreement, layer_words, layers, null, words

__all__ = ["Typed", "agreement", "layer_words", "layers", "looked", "named", "null", "vectors", "words"]
