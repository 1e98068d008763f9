"""Replacements of ablated image tokens. Plain names, no NumPy."""

from __future__ import annotations

from typing import Literal

Replacement = Literal["mean", "zero", "blur"]
REPLACEMENTS: tuple[Replacement, ...] = ("mean", "zero", "blur")
"""The mean image token, zeros, or the tokens of the image with the patches' pixels blurred."""
