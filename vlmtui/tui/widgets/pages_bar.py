"""Bar of the pages: the whole image, the tiles as they lie, the tokens in no grid."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from vlmtui.display.entry_grids import EntryGrid
from vlmtui.display.grid_names import tile_rows
from vlmtui.display.pieces import width
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.widgets.lines import Lines, Part, line

_Add = Callable[[str, Style, "EntryGrid | None"], None]
HINT = "t T  step "
UNIT = " tokens"
"""What a page without a grid is counted in; left out where there is no room."""
CLOSER = "  z  zoom "


class PageClicked(Message):
    """A page was clicked."""

    def __init__(self, page: EntryGrid) -> None:
        super().__init__()
        self.page = page


class PagesBar(Lines):
    """Every page, the one that is walked lit; rows of tiles are set apart."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._pages: tuple[EntryGrid, ...] = ()
        self._here: EntryGrid | None = None
        self._targets: list[tuple[int, int, EntryGrid]] = []

    def show(self, results: Results | None, selection: Selection) -> None:
        """Name the pages of the stage."""
        pages = results.pages(selection.stage) if results else ()
        here = results.page(selection) if results else None
        if (pages, here) != (self._pages, self._here):
            self._pages, self._here = pages, here
            super().show(results, selection)

    def build(self, cells: int, rows: int) -> list[Strip]:
        """`whole selection  tiles 1 2 3 │ 4 5 6  24 newline tokens`; numbers give way to one where they do not fit."""
        parts = self._parts(every_tile=True)
        for unit in UNIT, "":
            if _wide(parts) > cells:
                parts = self._parts(every_tile=False, unit=unit)
        kinds = [page.grid.kind for page in self._pages if page.grid]
        hint = HINT + (CLOSER if len(kinds) > 1 and "whole" in kinds else "")
        hint = hint if _wide(parts) + width(hint) < cells else ""
        return [line(cells, self.roles.style(), parts, [(hint, self.roles.style("rule"))])]

    def _parts(self, every_tile: bool, unit: str = UNIT) -> list[Part]:
        r = self.roles
        lit, dim, rule = r.style("on_accent", on="accent", bold=True), r.style("dim"), r.style("rule")
        parts: list[Part] = []
        self._targets = []
        at = 0

        def add(text: str, style: Style, page: EntryGrid | None) -> None:
            nonlocal at
            parts.append((text, style))
            if page:
                self._targets.append((at, at + width(text), page))
            at += width(text)

        tiles = {page.id: page for page in self._pages if page.grid and page.grid.kind == "tile"}
        here = self._here
        for page in self._pages:
            if page.id in tiles:
                continue
            if page.grid is None and tiles:
                self._add_tiles(add, tiles, every_tile)
                tiles = {}
            name = page.name if page.grid else page.name.removesuffix(UNIT) + unit
            add(f" {name} ", lit if page is here else dim, page)
            add(" ", rule, None)
        if tiles:
            self._add_tiles(add, tiles, every_tile)
        return parts

    def _add_tiles(self, add: _Add, tiles: dict[int | None, EntryGrid], every_tile: bool) -> None:
        r = self.roles
        lit, dim, rule = r.style("on_accent", on="accent", bold=True), r.style("dim"), r.style("rule")
        here = self._here
        if not every_tile:
            name = here.name if here and here.id in tiles else f"{len(tiles)} tiles"
            page = here if here and here.id in tiles else next(iter(tiles.values()))
            add(f" {name} ", lit if page is here else dim, page)
            add(" ", rule, None)
            return
        add(" tiles ", dim, None)
        number = 0
        for i, row in enumerate(tile_rows([page.grid for page in tiles.values() if page.grid])):
            if i:
                add(" │ ", rule, None)
            for id_ in row:
                number += 1
                page = tiles[id_]
                add(f" {number} ", lit if page is here else dim, page)
        add("  ", rule, None)

    def on_click(self, event: events.Click) -> None:
        for start, end, page in self._targets:
            if start <= event.x < end:
                self.post_message(PageClicked(page))


def _wide(parts: list[Part]) -> int:
    return sum(width(text) for text, _ in parts)
