"""Places of the parts of the numbers panel: every part once, none wider than there is room for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vlmtui.tui.panels.number_places import (
    GAP,
    LEAST_VECTORS,
    PIXELS,
    POSITIONS,
    VECTORS,
    PartSizes,
    possible_places,
)

PARTS = PIXELS, VECTORS, POSITIONS


@given(
    st.integers(1, 240),
    st.integers(20, 60),
    st.sampled_from([0, *range(14, 25)]),
    st.tuples(st.integers(1, 14), st.integers(1, 12), st.integers(1, 15)),
)
def test_every_part_has_one_place(cells: int, pixels: int, positions: int, rows: tuple[int, int, int]) -> None:
    sizes = PartSizes(pixels, positions, dict(zip(PARTS, rows, strict=True)))
    found = list(possible_places(cells, sizes))
    there = PARTS if positions else (PIXELS, VECTORS)
    assert found[0].above == there, "one below the other wherever nothing else fits"
    for one in found:
        assert sorted([*one.above, *(part for _, parts in one.columns for part in parts)]) == sorted(there)
        if one.columns:
            assert sum(across for across, _ in one.columns) + GAP * (len(one.columns) - 1) == cells
        least = {PIXELS: pixels, VECTORS: LEAST_VECTORS, POSITIONS: positions}
        assert all(across >= least[part] for across, parts in one.columns for part in parts)
        tallest = max((sum(sizes.rows[part] for part in parts) for _, parts in one.columns), default=0)
        assert one.rows == sum(sizes.rows[part] for part in one.above) + tallest
