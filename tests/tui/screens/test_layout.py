"""Places of image and panels on screens of any size."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vlmtui.display.cell_layout import fit_patches
from vlmtui.tui.screens.layout import CHROME, EDGE, SMALLEST, Bars, ImageCells, ScreenLayout, arrange
from vlmtui.tui.screens.packing import Area, PanelRows

PICTURE = (640, 427)
BARS = Bars()


def grid(rows: int, cols: int) -> ImageCells:
    """The room of an image that is cut into so many patches."""

    def image(room: tuple[int, int]) -> tuple[int, int, int]:
        layout = fit_patches(room, rows, cols, (0.0, 0.0, *map(float, PICTURE)), PICTURE)
        return min(layout.width, room[0]), min(layout.height, room[1]), layout.wide

    return image


def panels(words: int = 10) -> list[PanelRows]:
    return [
        PanelRows("words", lambda cells: words),
        PanelRows("norms", lambda cells: 11, least=lambda cells: 6, grows=True),
        PanelRows("patch", lambda cells: 7, least=lambda cells: 6, columns=56),
    ]


def overlap(one: Area, other: Area) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


@st.composite
def layouts(draw: st.DrawFn) -> tuple[tuple[int, int], list[PanelRows], str, ScreenLayout]:
    size = draw(st.integers(SMALLEST[0], 260)), draw(st.integers(SMALLEST[1], 80))
    rows, cols = draw(st.integers(1, 70)), draw(st.integers(1, 90))
    there = draw(
        st.lists(st.sampled_from(panels(draw(st.integers(3, 80)))), min_size=1, unique_by=lambda one: one.name)
    )
    first = draw(st.sampled_from([one.name for one in there]))
    return size, there, first, arrange(size, there, grid(rows, cols), BARS, first)


@given(layouts())
def test_nothing_overlaps_or_leaves_the_screen_and_the_first_panel_is_seen(
    made: tuple[tuple[int, int], list[PanelRows], str, ScreenLayout],
) -> None:
    (columns, rows), there, first, plan = made
    areas = [plan.image, *plan.panels.values()]
    assert not [pair for pair in itertools.combinations(areas, 2) if overlap(*pair)]
    for area in areas:
        assert area.x >= EDGE
        assert area.y >= 0
        assert area.x + area.width <= columns - EDGE
        assert area.y + area.height <= rows - CHROME - plan.spacious
        assert area.width >= 20
        assert area.height >= 3
    assert first in plan.panels
    assert {*plan.panels, *plan.hidden} == {one.name for one in there}
    assert not plan.panels.keys() & set(plan.hidden)


@given(st.integers(40, 260), st.integers(20, 80), st.integers(1, 40), st.integers(1, 40))
def test_without_panels_or_alone_the_image_has_all_there_is(columns: int, rows: int, down: int, across: int) -> None:
    bare = arrange((columns, rows), [], grid(down, across), BARS)
    alone = arrange((columns, rows), panels(), grid(down, across), BARS, alone=True)
    assert (bare.panels, alone.panels) == ({}, {})
    assert bare.image.width == alone.image.width == columns - 2 * EDGE
    assert alone.image.height == rows - 2
    assert bare.image.height == rows - CHROME - bare.spacious


def test_others_stand_side_by_side_below_the_first_where_one_would_be_hidden() -> None:
    there = [PanelRows("words", lambda cells: 18, main=True), *panels()[1:]]
    plan = arrange((140, 30), there, grid(24, 24), BARS, "words")
    words, norms, patch = (plan.panels[name] for name in ("words", "norms", "patch"))
    assert not plan.hidden
    assert words.height == 18 - 1, "but for the row that it gives"
    assert norms.y == patch.y == words.y + words.height
    assert norms.width + patch.width < words.width
    # and one below the other where there are the rows
    tall = arrange((140, 40), there, grid(24, 24), BARS, "words")
    assert tall.panels["norms"].width == tall.panels["words"].width


def test_the_image_keeps_its_largest_patches_while_a_panel_can_be_read_beside_it() -> None:
    small = arrange((80, 24), panels(), grid(14, 14), BARS, "words")
    assert small.image.width == 42
    assert small.panels["words"].width == 80 - 42 - 2 - 2 * EDGE
    tall = arrange((80, 60), panels(), grid(24, 24), BARS, "words")
    assert all(area.y >= 24 for area in tall.panels.values())
