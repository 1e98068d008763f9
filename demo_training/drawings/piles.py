"""Piles of small things, one over the other ("dead leaves": Lee, Mumford and Huang 2001), to take windows from.

Leaves, pebbles, petals or crumbs in photographs occlude each other at all sizes. Each pile is a periodic map of slopes
down and across, tone (which of the things) and gap (how deep between them), made once a process from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from demo_training.drawings.light import direction
from demo_training.drawings.noise import BANK_SEED, SIDE, Field, Rng, corner, resized

PileKind = Literal["leaves", "blades", "rounds", "florets", "chips", "cells", "crystals"]
# Mask, and slopes along u and v, of a thing of radius 1 around 0.
_Form = Callable[[Field, Field, Rng], tuple[NDArray[np.bool_], Field, Field]]


def _leaf(u: Field, v: Field, rng: Rng) -> tuple[NDArray[np.bool_], Field, Field]:
    wide = 0.42 * np.maximum(0, 1 - u**2) ** 0.8 * (1 - 0.25 * u)
    side, veins = np.where(v > 0, 1, -1), np.cos((u - 0.8 * np.abs(v)) * 22)
    rib = np.clip(1 - np.abs(v) * 22, 0, 1)
    return np.abs(v) < wide, 0.2 * veins + 0 * v, 0.5 * side * (1 - rib) - 1.2 * v + rng.normal(0, 0.3) + 0 * u


def _blade(u: Field, v: Field, rng: Rng) -> tuple[NDArray[np.bool_], Field, Field]:
    bent = v - 0.25 * u**2
    return np.abs(bent) < 0.085 * (1.05 - np.abs(u)), 0.4 * u, bent * 9 + rng.normal(0, 0.3)


def _round(u: Field, v: Field, rng: Rng) -> tuple[NDArray[np.bool_], Field, Field]:
    return u**2 + (v / 0.78) ** 2 < 1, u + 0 * v, v / 0.78 + 0 * u


def _floret(u: Field, v: Field, rng: Rng) -> tuple[NDArray[np.bool_], Field, Field]:
    a, d = np.arctan2(v, u), np.hypot(u, v)
    swing = np.sin(5 * a) * 0.6
    return d < 0.62 + 0.38 * np.abs(np.cos(2.5 * a)), -0.5 * u - swing * np.sin(a), -0.5 * v + swing * np.cos(a)


def _chip(u: Field, v: Field, rng: Rng) -> tuple[NDArray[np.bool_], Field, Field]:
    inside = np.maximum(np.abs(u) + 0.15 * v, np.abs(v) / 0.6 - 0.2 * u) < 0.75
    tilt = rng.normal(0, 0.5, 2)
    return inside, tilt[0] + 0.3 * u + 0 * v, tilt[1] + 0.3 * v + 0 * u


_FORMS: Final[dict[PileKind, tuple[_Form, float, float, float]]] = {  # form, least and largest radius, how many layers
    "leaves": (_leaf, 9, 34, 4),
    "blades": (_blade, 26, 80, 14),
    "rounds": (_round, 8, 26, 3),
    "florets": (_floret, 9, 28, 2.4),
    "chips": (_chip, 6, 26, 3),
}


@cache
def pile(kind: PileKind) -> NDArray[np.float32]:
    """Make a pile: slopes down and across (-1..1), tone and gap (0..1), `[4, 2 * SIDE, 2 * SIDE]`."""
    rng = np.random.default_rng([BANK_SEED, 99, len(kind), ord(kind[0])])
    maps = _cells(rng, kind == "crystals") if kind in ("cells", "crystals") else _thrown(rng, *_FORMS[kind])
    twice = np.tile(maps, (1, 2, 2))
    twice.setflags(write=False)
    return twice


def _thrown(rng: Rng, form: _Form, least: float, largest: float, layers: float) -> NDArray[np.float32]:
    """Throw things of many sizes at random, later ones over earlier ones."""
    maps = np.zeros((4, SIDE, SIDE), np.float32)
    maps[2], maps[3] = 0.5, 1
    count = int(layers * SIDE**2 / (0.7 * least * largest))
    for i in range(count):
        r = float(least * (largest / least) ** rng.random() ** 1.6)
        reach, turn = int(r) + 2, float(rng.uniform(0, 6.28))
        y, x = rng.uniform(0, SIDE, 2)
        rows, columns = np.arange(int(y) - reach, int(y) + reach + 1), np.arange(int(x) - reach, int(x) + reach + 1)
        dy, dx = (rows[:, None] - y) / r, (columns[None, :] - x) / r
        c, s = np.cos(turn), np.sin(turn)
        u, v = dx * c + dy * s, dy * c - dx * s
        inside, du, dv = form(u.astype(np.float32), v.astype(np.float32), rng)
        at = np.ix_(rows % SIDE, columns % SIDE)
        tone, level = rng.random(), i / count
        near = np.clip(1.25 - np.hypot(dy - 0.15, dx - 0.08), 0, 0.25)
        maps[0][at] = np.where(inside, du * s + dv * c, maps[0][at])
        maps[1][at] = np.where(inside, du * c - dv * s, maps[1][at])
        maps[2][at] = np.where(inside, tone, maps[2][at])
        # Lower things are darker, and in the shadow of those above.
        maps[3][at] = np.where(inside, 0.8 * (1 - level), np.minimum(1, maps[3][at] + near))
    return np.clip(maps, -1, 1)


def _cells(rng: Rng, faceted: bool) -> NDArray[np.float32]:
    """Voronoi cells of uneven size: cobbles (rounded), or facets of broken rock (each a tilted plane)."""
    count, half = 420, SIDE // 2
    y, x = rng.uniform(0, half, count).astype(np.float32), rng.uniform(0, half, count).astype(np.float32)
    weight = (rng.random(count) ** 2 * 5).astype(np.float32)
    slope = rng.normal(0, 0.5, (2, count)).astype(np.float32)
    near = np.full((2, half, half), 1e9, np.float32)
    owner = np.zeros((half, half), np.int32)
    gy, gx = np.mgrid[0:half, 0:half].astype(np.float32)
    dys, dxs = np.zeros_like(gy), np.zeros_like(gx)
    for i in range(count):
        dy, dx = (gy - y[i] + half / 2) % half - half / 2, (gx - x[i] + half / 2) % half - half / 2
        d = np.sqrt(dy**2 + dx**2) - weight[i]
        first = d < near[0]
        near[1] = np.where(first, near[0], np.minimum(near[1], d))
        near[0] = np.where(first, d, near[0])
        owner[first] = i
        dys, dxs = np.where(first, dy, dys), np.where(first, dx, dxs)
    joint = np.clip((near[1] - near[0]) / 3.5, 0, 1)
    steep = 0.25 if faceted else 0.1 + 0.9 * (1 - joint)
    length = np.hypot(dys, dxs) + 1
    down, across = dys / length * steep, dxs / length * steep
    if faceted:
        down, across = down + slope[0][owner], across + slope[1][owner]
    tone = rng.random(count).astype(np.float32)[owner]
    maps = np.stack([down, across, tone, (1 - joint) * (0.35 if faceted else 1)])
    return np.stack([resized(np.clip(m, -1, 1).astype(np.float32), SIDE, SIDE) for m in maps])


@dataclass(frozen=True)
class Cut:
    """A part of a pile, fields `[h, w]`: `light` -1..1 on each thing, `shine` 0..1 where it glints, `tone`, `gap`."""

    light: Field
    shine: Field
    tone: Field
    gap: Field


def cut(rng: Rng, kind: PileKind, h: int, w: int, zoom: float = 1.0) -> Cut:
    """A random window of a pile under light from one side; zoom > 1 brings it nearer."""
    y, x = corner(rng)
    hh, ww = max(2, min(SIDE, round(h / zoom))), max(2, min(SIDE, round(w / zoom)))
    down, across, tone, gap = pile(kind)[:, y : y + hh, x : x + ww]
    ly, lx = direction(rng)
    light = down * ly + across * lx
    shine = np.clip(1 - ((down - 0.45 * ly) ** 2 + (across - 0.45 * lx) ** 2) * 9, 0, 1) * (1 - gap)
    return Cut(resized(light, h, w), resized(shine, h, w), resized(tone, h, w), resized(gap, h, w))
