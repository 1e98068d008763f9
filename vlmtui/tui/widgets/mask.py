"""Attention mask of a layer as a square: a row for each position, a column for each that it may attend to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from textual.strip import Strip

from vlmtui.display.numbers import count
from vlmtui.display.pieces import plain, width
from vlmtui.results.answers import IMAGE, SAID, AttentionMask
from vlmtui.tui.state.answer_values import mask_key
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.blocks import lines as half_blocks
from vlmtui.tui.widgets.lines import Lines, fitting, line, wrapped

EDGE = 2
"""Pixels of the edges that say what stands there."""


class MaskView(Lines):
    """Stands in the place of the image."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """Half-blocks, and beneath them what the colours are."""
        r = self.roles
        blank, dim = r.style(), r.style("dim")
        found = mask_of(self._results, self._selection) if self._results else None
        if found is None or self._results is None:
            why = waiting(self._results, self._selection) if self._results else ""
            return [line(cells, blank, [(part, dim)]) for part in wrapped(why, cells)]
        token = self._results.token(self._selection)
        pixels = square(found, min(cells, 2 * (rows - 1)), r, token)
        drawn = half_blocks(pixels, [0, pixels.shape[1]], {})[0]
        kinds = [("image", r.style("measured")), ("  text", blank)]
        if (found.kinds == SAID).any():
            kinds.append(("  answer", r.style("alive")))
        room = cells - sum(width(part) for part, _ in kinds) - 3
        said = fitting(room, "a row attends to its coloured columns", "rows attend to coloured columns")
        below = line(cells, blank, [*kinds, (f"   {said}", dim)])
        ground = Strip.blank(cells - pixels.shape[1], blank)
        return [*(Strip.join([strip, ground]) for strip in drawn), below]


def mask_of(results: Results, selection: Selection) -> AttentionMask | None:
    """The mask to draw, as far as it has come."""
    key = mask_key(results, selection)
    found = results.found.get(key) if key else None
    return found if isinstance(found, AttentionMask) else None


def waiting(results: Results, selection: Selection) -> str:
    """Why no mask is seen."""
    key = mask_key(results, selection)
    refused = results.refused.get(key) if key else None
    return plain(refused) if refused else "the attention mask: ..."


def legend(results: Results, selection: Selection) -> str:
    """`mask, layer 3 of 24: causal · 1,024 positions, 576 image tokens`."""
    found = mask_of(results, selection)
    if found is None:
        return waiting(results, selection)
    layers = results.model.llm_layers if results.model else found.layer
    images = int((found.kinds == IMAGE).sum())
    positions = count(len(found.kinds), "position")
    return f"mask, layer {found.layer} of {layers}: {found.pattern} · {positions}, {images:,} image tokens"


def square(mask: AttentionMask, side: int, roles: Roles, token: int | None = None) -> NDArray[np.uint8]:
    """uint8 [even, side, 3]: the mask downsampled, a pixel the share of it that is open; edges by kind.

    The position of image token `token` is marked at the edges.
    """
    positions = len(mask.kinds)
    room = max(1, side - EDGE)
    # whole pixels a position where there is room, else several positions a pixel
    size = positions * (room // positions) if room >= positions else room
    of_pixel = np.arange(size) * positions // size
    open_ = _shares(mask.allowed, of_pixel, size, positions)
    colours = np.array([_rgb(roles.text), _rgb(roles.measured), _rgb(roles.alive)], np.float64)
    ground, shut = np.array(_rgb(roles.ground)), np.array(_rgb(roles.band), np.float64)
    # where several share a pixel, an answer's few must not be lost
    kinds = colours[np.maximum.reduceat(mask.kinds, of_pixel) if size < positions else mask.kinds[of_pixel]]
    made = np.empty((size + EDGE, size + EDGE, 3))
    made[:] = ground
    made[EDGE:, EDGE:] = shut + (kinds[None, :, :] - shut) * open_[..., None] * 0.85
    made[: EDGE - 1, EDGE:] = kinds[None]
    made[EDGE:, : EDGE - 1] = kinds[:, None]
    image = np.flatnonzero(mask.kinds == IMAGE)
    if token is not None and token < len(image):
        at = np.flatnonzero(of_pixel == of_pixel[np.searchsorted(of_pixel, image[token], side="right") - 1]) + EDGE
        made[: EDGE - 1, at] = made[at, : EDGE - 1] = _rgb(roles.accent)
    if len(made) % 2:
        made = np.concatenate([made, np.broadcast_to(ground, (1, *made.shape[1:]))])
    return made.astype(np.uint8)


def _shares(allowed: NDArray[np.bool_], of_pixel: NDArray[np.intp], size: int, positions: int) -> NDArray[np.float64]:
    """The mask on `size` × `size` pixels: of each the share that is open."""
    if size >= positions:
        return allowed[np.ix_(of_pixel, of_pixel)].astype(np.float64)
    ends = np.append(of_pixel[1:], positions)
    counts = (ends - of_pixel).astype(np.float64)
    down = np.add.reduceat(allowed, of_pixel, axis=0, dtype=np.float64)
    return np.asarray(np.add.reduceat(down, of_pixel, axis=1) / (counts[:, None] * counts[None, :]))


def _rgb(colour: str) -> tuple[int, int, int]:
    triplet = Color.parse(colour).triplet
    assert triplet is not None
    return triplet.red, triplet.green, triplet.blue
