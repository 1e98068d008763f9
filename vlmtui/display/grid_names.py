"""Names of the grids of a reading, and of the tokens that lie in no grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vlmtui.display.numbers import count
from vlmtui.geometry import Grid, Place


def grid_names(grids: Sequence[Grid]) -> dict[int, str]:
    """Names by grid id: `whole view`, `tile 3 of 5`.

    A grid of the whole image without patches of its own, beside tiles, holds tokens resampled from all tiles:
    `tiles resampled`.
    """
    tiles = [grid.id for grid in grids if grid.kind == "tile"]
    names = {id_: f"tile {number} of {len(tiles)}" for number, id_ in enumerate(tiles, 1)}
    for grid in grids:
        if grid.kind == "whole":
            names[grid.id] = "tiles resampled" if tiles and not grid.patch_rows else "whole image"
    return names


def tile_rows(grids: Sequence[Grid]) -> list[list[int]]:
    """The ids of the tiles in rows from the top, each from the left, in the order given."""
    rows: list[list[int]] = []
    before: Grid | None = None
    for grid in grids:
        if grid.kind != "tile":
            continue
        if before is None or grid.box[0] <= before.box[0]:
            rows.append([])
        rows[-1].append(grid.id)
        before = grid
    return rows


def unplaced_name(places: Iterable[Place]) -> str:
    """Count the tokens that lie in no grid by kind: `64 query tokens`, `24 newline tokens`."""
    kinds = [place.kind for place in places if place.grid is None]
    # a token of kind `patch` without a grid is one whose place is unknown
    named = {"query": "query token", "newline": "newline token", "patch": "token without a place"}
    plural = {"patch": "tokens without a place"}
    return ", ".join(count(kinds.count(kind), name, plural.get(kind)) for kind, name in named.items() if kind in kinds)


def unplaced_reason(place: Place, placeless: str) -> str:
    """The sentence why a token has no place in the image; `placeless` is the reading's reason."""
    if place.kind == "newline":
        return (
            "A newline token: a vector of the model's own that ends a row of tokens. It represents no part of the "
            "image."
        )
    return as_sentence(placeless) or "It has no position in the image: the model mixes all patches into it."


def as_sentence(reason: str) -> str:
    """Turn a reason of a model (`wordless`, `placeless`) into a sentence, with a capital and a full stop."""
    return f"{reason[0].upper()}{reason[1:].rstrip('.')}." if reason else ""
