"""Construction materials: brick, wood, plaster, tiles, asphalt, and floors in perspective."""

from __future__ import annotations

import numpy as np

from demo_training.drawings.light import relief
from demo_training.drawings.noise import Field, Rng, laid, plane, sample, warped
from demo_training.drawings.palette import Colours, among, grid, lit, log_uniform, mix, plain, table, vivid

PLASTER = "e4dcc8 d8d4cc c8b898 b0b8bc d8a888 9cb0a0 8494a8 c8c4c0 a86858 f0ece4 e8c890 d89878 b8b0a4 c0a0a0"


def brick(rng: Rng, h: int, w: int, unit: float) -> Colours:
    y, x = grid(h, w, unit)
    height = log_uniform(rng, 4, 26)
    width, gap = height * rng.uniform(1.9, 3.2), height * rng.uniform(0.09, 0.17)
    wander = sample(rng, "smooth", h, w, unit) * 0.06 * height
    down = (y + wander + rng.uniform(0, 20)) / height
    row = np.floor(down)
    along = (x + 0.5 * wander + rng.uniform(0, 20)) / width + 0.5 * (row % 2)
    to_edge = np.minimum(
        np.minimum(down - row, 1 - (down - row)) * height, np.minimum(along % 1, 1 - along % 1) * width
    )
    body = np.clip((to_edge - gap / 2) / max(0.8, 0.1 * height) + 0.5, 0, 1).astype(np.float32)
    at = row.astype(np.int64) * 131 + np.floor(along).astype(np.int64) * 17
    base = among(rng, "a44a34 b85c40 8c3c30 c07050 9a5844 7a3a2c b08060 c49a80 6a3428 c8886c d8d0c4")
    rough = sample(rng, "pink", h, w, unit)
    out = lit(plain(base, h, w), table(rng, float(rng.uniform(0.05, 0.18)), at) + 0.1 * rough)
    out[..., 0] += (12 * table(rng, 1, at + 7)).astype(np.float32)
    mortar = among(rng, "d0c8bc b0a89c 8a8480 e0dcd4 989088 6a6460")
    out = mix(lit(np.broadcast_to(mortar, (h, w, 3)), rough, 0.08), out, body)
    out = lit(out, relief(rng, 1.5 * body + 0.12 * rough), float(rng.uniform(0.04, 0.14)))
    return lit(out, sample(rng, "smooth", h, w, unit), float(rng.uniform(0.02, 0.1)))


def wood(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Boards with grain that flows around knots; painted, varnished or grey with weather."""
    base = among(rng, "a06a38 7a4a26 c08c54 5c3a20 b47c48 d0a870 8a6a50 e0c090 9a9088 7c4434 4a3020")
    if rng.random() < 0.12:
        base = vivid(rng)
    down = rng.random() < 0.5
    a, b = (w, h) if down else (h, w)
    y, x = grid(a, b, unit)
    board = log_uniform(rng, 12, 160)
    row = np.floor((y + rng.uniform(0, board)) / board).astype(np.int64)
    zoom = unit * log_uniform(rng, 0.8, 2.5)
    bend = sample(rng, "broad", a, b, zoom) + row * 3.7
    for _ in range(int(rng.integers(0, 3))):
        ky, kx = rng.uniform(0, a / unit), rng.uniform(0, b / unit)
        bend = bend + 2.2 * np.exp(-(((y - ky) / 7) ** 2) - ((x - kx) / 16) ** 2)
    rings = np.sin((y + 9 * bend) * rng.uniform(0.25, 1.1))
    grain: Field = (0.45 * rings + 0.7 * sample(rng, "hairs", a, b, zoom) + 0.3 * bend * 0.3).astype(np.float32)
    at = row + 0 * x.astype(np.int64)
    out = lit(plain(base, a, b), table(rng, 0.12, at) + float(rng.uniform(0.06, 0.17)) * grain)
    out = mix(out, base * np.array((1.1, 0.95, 0.75), np.float32), 0.3 * sample(rng, "broad", a, b, unit))
    edge = np.abs((y + 0 * x) % board - board / 2) > board / 2 - rng.uniform(0.5, 1.3)
    if rng.random() < 0.75:
        out[edge] *= 0.45
    if rng.random() < 0.35:  # varnish
        shine = np.clip(sample(rng, "broad", a, b, unit) - 0.6, 0, 1)
        out = mix(out, np.full(3, 245, np.float32), shine * 0.4)
    return np.ascontiguousarray(out.swapaxes(0, 1)) if down else out


def plaster(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Painted or bare walls: stains, trowel marks, cracks, concrete with its pores."""
    base = among(rng, PLASTER)
    stain = sample(rng, "smooth", h, w, unit * rng.uniform(0.5, 2))
    rough = sample(rng, "pink", h, w, unit * rng.uniform(0.6, 1.6))
    out = mix(plain(base, h, w), among(rng, PLASTER), 0.12 + rng.uniform(0, 0.16) * stain)
    out = lit(out, relief(rng, stain + rng.uniform(0, 0.5) * rough), float(rng.uniform(0.005, 0.08)))
    out = lit(out, rough, float(rng.uniform(0.005, 0.05)))
    if rng.random() < 0.15:
        crack = np.clip(1 - np.abs(warped(rng, "smooth", h, w, unit, 0.5, 0.8)) * 25, 0, 1)
        out = lit(out, crack, -0.5)
    return out


def asphalt(rng: Rng, h: int, w: int, unit: float) -> Colours:
    palette = "5a5a5c 6c6c6e 48484c 84827e 3c3c40 98948c 747880"
    out = mix(among(rng, palette, 6), among(rng, palette, 6), 0.5 + 0.3 * sample(rng, "smooth", h, w, unit))
    u, v, scale = plane(rng, h, w, unit, log_uniform(rng, 1.5, 8))
    out = lit(
        out, laid(rng, "white", u, v, scale) + 0.5 * laid(rng, "pink", u, v, scale), float(rng.uniform(0.03, 0.11))
    )
    how = rng.random()
    if how < 0.3:  # tyre marks, patches
        out = lit(out, laid(rng, "down", u, v * 0.2, scale), 0.06)
    elif how < 0.45:
        crack = np.clip(1 - np.abs(laid(rng, "smooth", u, v, scale)) * 14, 0, 1)
        out = lit(out, crack, -0.35)
    elif how < 0.6:  # wet
        out = mix(out * 0.7, among(rng, "b8c4d0 d8d8d8 e0c8a0"), 0.3 * sample(rng, "down", h, w, unit))
    return out


def tiles(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """A roof: rows of tiles or slates, each casting a shadow on the next; sometimes sheet or thatch."""
    palette = "a04838 8a3c30 5c5a60 7a5040 4a4a54 b46a48 6a7480 c07850 3c4048 8a7050"
    y, x = grid(h, w, unit)
    row_height = log_uniform(rng, 4, 16)
    width = row_height * rng.uniform(0.7, 1.6)
    down = (y + rng.uniform(0, 9)) / row_height + 0 * x
    row = np.floor(down)
    along = x / width + 0.5 * (row % 2) * rng.integers(0, 2)
    curl = np.abs(along % 1 - 0.5) * 2
    at = row.astype(np.int64) * 131 + np.floor(along).astype(np.int64) * 17
    fall = (down - row) - rng.uniform(0, 0.25) * curl**2
    shade = 0.25 * np.clip(fall, 0, 1) - 0.55 * (fall < 0.12) + rng.uniform(0, 0.25) * (0.5 - curl)
    out = lit(plain(among(rng, palette), h, w), table(rng, float(rng.uniform(0.04, 0.16)), at))
    out = lit(out, shade.astype(np.float32))
    return lit(out, sample(rng, "pink", h, w, unit), float(rng.uniform(0.04, 0.1)))


def floor(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Tiles or parquet seen across a room, with the light of windows on them."""
    near = log_uniform(rng, 2, 6)
    u, v, scale = plane(rng, h, w, unit, near)
    size = rng.uniform(16, 40)
    turn = 0.0 if rng.random() < 0.6 else float(rng.uniform(0.2, 0.8))
    a, b = (u * np.cos(turn) + v * np.sin(turn)) / size, (v * np.cos(turn) - u * np.sin(turn)) / size
    how = rng.random()
    if how < 0.45:
        a = a * rng.uniform(3, 6)  # parquet
        b = b * 0.8 + np.floor(a) * 0.37
    at = np.floor(a).astype(np.int64) * 131 + np.floor(b).astype(np.int64) * 17
    if how < 0.45:
        base = among(rng, "b47c48 a06a38 7a4a26 d0a870 c09058 5c3a20")
        out = lit(plain(base, h, w), table(rng, 0.12, at) + 0.1 * laid(rng, "down", u * 2, v * 0.4, scale))
    else:
        base = among(rng, "d8d0c4 b8b0a8 a08878 c0c4c4 e8e4dc 9a6a54 6a6c70")
        out = lit(plain(base, h, w), table(rng, float(rng.uniform(0.01, 0.06)), at))
        if how > 0.8:
            odd = ((np.floor(a) + np.floor(b)) % 2)[..., None]
            out = out * (1 - odd * rng.uniform(0.2, 0.7))
        out = lit(out, laid(rng, "rough", u, v, scale), 0.05)
    thin = np.minimum(np.minimum(a % 1, 1 - a % 1), np.minimum(b % 1, 1 - b % 1))
    joint = np.clip(1 - thin * size * scale * 1.2, 0, 1) * np.minimum(1, scale)
    out = lit(out, joint.astype(np.float32), -float(rng.uniform(0.15, 0.5)))
    sheen = np.clip(sample(rng, "down", h, w, unit * 2) * 0.5 + np.linspace(0.9, -0.6, h)[:, None], 0, 1)
    return mix(out, among(rng, "f8f4ec e0e8f0"), (sheen * rng.uniform(0, 0.6)).astype(np.float32))


def paper(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """White or toned, creased, curling into its own shade; sometimes kraft card."""
    base = among(rng, "f4f2ea ece8dc ffffff e8e0c8 dfe6ec f0dcd0 f8f4e0 c8a878 e8e8e8", 8)
    out = lit(plain(base, h, w), sample(rng, "pink", h, w, unit), 0.012)
    out = lit(out, sample(rng, "broad", h, w, unit), float(rng.uniform(0.01, 0.06)))
    if rng.random() < 0.3:
        crumple = np.abs(sample(rng, "smooth", h, w, unit * rng.uniform(0.8, 2)))
        out = lit(out, relief(rng, crumple, 2), float(rng.uniform(0.02, 0.07)))
    return out
