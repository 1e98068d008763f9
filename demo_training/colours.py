"""Colour words from pixels: the nearest anchor in CIE Lab, for 11 base names and 20 finer ones."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Several anchors for each base name: people call a dark olive "green" and a pale pink "pink", which a single pure
# anchor each would name black and white.
_BASE: Final[dict[str, tuple[str, ...]]] = {
    "black": ("000000", "1c1c1c", "14161f", "1f1a17"),
    "white": ("ffffff", "f0f0ee", "e9eef4", "f5f0e6"),
    "gray": ("808080", "a9a9a9", "5a5a5a", "c6c6c6", "8a8f96", "3e4043", "938d86"),
    "red": ("ff0000", "c81e1e", "8e1616", "e8432e", "a93535"),
    "orange": ("ff8c00", "f07818", "e8962e", "ffae5c"),
    "yellow": ("ffff00", "f0d020", "fff08a", "d8c23a"),
    "green": ("008000", "33b033", "5c7a2e", "23431c", "8ccf6e", "2f6b4a", "93a85a"),
    "blue": ("0000ff", "2060c8", "6aa6e6", "1b2f66", "a8cdf0", "4682b4", "3aa6c4", "10183c"),
    "purple": ("800080", "6a3fa0", "a374c8", "3d1f52", "b89adb"),
    "pink": ("ff69b4", "ffb6c1", "e88aa6", "f7ccd6", "d9668f"),
    "brown": ("8b4513", "5e3a1e", "a87848", "3a2416", "c2a07a", "7d5f46"),
}
_FINE: Final[dict[str, str]] = {
    "navy": "14204f", "azure": "5aa0e8", "teal": "0f7a7a", "cyan": "28d2e0", "turquoise": "52c8b8",
    "olive": "6b6b26", "lime": "96e02a", "emerald": "1f8a4c", "maroon": "701c26", "crimson": "c8143c",
    "beige": "dfd2b2", "tan": "c8a47a", "cream": "fbf3d4", "gold": "e0b020", "violet": "8246c8",
    "magenta": "d62ab8", "lavender": "bfaee6", "peach": "f8bf98", "silver": "bcc2c8", "charcoal": "34383c",
}  # fmt: skip
BASE: Final[tuple[str, ...]] = tuple(_BASE)
FINE: Final[tuple[str, ...]] = tuple(_FINE)


def lab(rgb: NDArray[np.floating]) -> NDArray[np.float32]:
    """Convert sRGB values 0..255 to CIE Lab (D65), `[..., 3]` to `[..., 3]`."""
    c = np.asarray(rgb, dtype=np.float32) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
    xyz = linear @ matrix.T / np.array([0.9505, 1.0, 1.089], np.float32)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def _rgb(code: str) -> tuple[int, int, int]:
    return int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)


def _nearest(points: NDArray[np.float32], anchors: list[str]) -> NDArray[np.intp]:
    target = lab(np.array([_rgb(a) for a in anchors], np.float32))
    return np.asarray(((points[:, None] - target[None]) ** 2).sum(-1).argmin(1))


@cache
def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """Index in BASE, index in FINE and lightness L of each of 32³ colours."""
    axis = np.arange(32, dtype=np.float32) * 8 + 4
    points = lab(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3))
    owner = np.array([i for i, codes in enumerate(_BASE.values()) for _ in codes])
    base = owner[_nearest(points, [a for codes in _BASE.values() for a in codes])]
    fine = _nearest(points, list(_FINE.values()))
    return base.astype(np.uint8), fine.astype(np.uint8), points[:, 0].copy()


@cache
def _on(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    base, fine, light = (torch.from_numpy(table).to(device) for table in _tables())
    return base, fine, light


def name_pixels(rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Index in BASE, index in FINE (uint8) and lightness L (0..100) of uint8 pixels `[..., 3]`."""
    q = (rgb >> 3).int()
    at = (q[..., 0] << 10) | (q[..., 1] << 5) | q[..., 2]
    base, fine, light = _on(rgb.device)
    return base[at], fine[at], light[at]
