"""The built-in lenses by their own names and types: thin wrappers over `Compute`, for whoever calls them in code."""

from vlmtui.session.typed.answers import ablation, attention, gradient, mask, occlusion
from vlmtui.session.typed.base import Typed, looked, named, vectors

__all__ = ["Typed", "ablation", "attention", "gradient", "looked", "mask", "named", "occlusion", "vectors"]
