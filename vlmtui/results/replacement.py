"""What chosen patches are replaced by. Plain names, no NumPy."""

from __future__ import annotations

from typing import Literal

Replacement = Literal["mean", "zero", "blur"]
REPLACEMENTS: tuple[Replacement, ...] = ("mean", "zero", "blur")
"""The mean image token, zero, or what the model makes of the patches' pixels blurred."""
