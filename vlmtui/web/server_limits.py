"""Limits of the server: sizes, times, requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerLimits:
    """Limits of one image: bytes, pixels, seconds; of one client: requests a minute; of all: images in the queue."""

    bytes: int = 20 << 20
    pixels: int = 50_000_000
    seconds: float = 120.0
    rate: int = 60
    places: int = 32
