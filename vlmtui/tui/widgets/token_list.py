"""List of the tokens that lie in no grid: index, top-1, norm; in columns where there is the width."""

from __future__ import annotations

import numpy as np
from textual import events
from textual.strip import Strip

from vlmtui.display.numbers import format_number
from vlmtui.display.pieces import fit, isolate, visible
from vlmtui.tui.state.lens_values import overlay_scores
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, TOKENS
from vlmtui.tui.widgets.image_view import PatchPointed
from vlmtui.tui.widgets.lines import Lines, Part, line

WHEEL_LINES = 3
LEAST_CELLS, GAP = 27, 2
"""The cells that a column has at least where there are several, and those between two."""


class TokenList(Lines):
    """A list with the cursor on one line; scrolls with the cursor and with the wheel."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._first = 0
        self._at: tuple[int | None, int] | None = None

    def show(self, results: Results | None, selection: Selection) -> None:
        """Show the list, scrolled so that the cursor is seen where it has moved."""
        moved = self._at != (selection.grid, selection.row)
        self._at = selection.grid, selection.row
        if moved:
            room = max(1, self.size.height - 1) * _columns(self.size.width)
            self._first = min(max(self._first, selection.row - room + 1), selection.row)
        super().show(results, selection)

    def on_resize(self) -> None:
        self._at = None
        self.show(self._results, self._selection)
        super().on_resize()

    def build(self, cells: int, rows: int) -> list[Strip]:
        """A header and as many tokens as fit."""
        r = self.roles
        results, selection = self._results, self._selection
        page = results.page(selection) if results else None
        if results is None or results.reading is None or page is None or page.grid is not None:
            return []
        reading, numbers, number = results.reading, *_numbers(results, selection)
        # what an answer looked at are the tokens as they were given to the language model
        table = (
            results.words_at(TOKENS, selection.metric) if selection.stage == ANSWER else results.word_table(selection)
        )
        columns, down = _columns(cells), max(1, rows - 1)
        room = columns * down
        self._first = min(max(self._first, 0), max(0, page.rows - room))
        last = min(self._first + room, page.rows)
        seen = f"{self._first + 1}–{last} of {page.rows}" if page.rows > room else ""
        digits = max(5, len(str(reading.places[page.entries[page.rows - 1, 0]].index)))
        across = (cells + GAP) // columns - GAP
        gap = Strip.blank(GAP, r.style())
        head: list[Part] = [(" token".rjust(digits + 1), r.style("dim")), ("  top-1", r.style("dim"))]
        lines = []
        for y in range(-1, min(down, last - self._first)):
            strips = []
            for column in range(columns):
                row = self._first + column * down + y
                if y < 0 and row + 1 < last:
                    said = seen if seen and column == columns - 1 else number
                    strips.append(line(across, r.style(), head, [(f"{said} ", r.style("dim"))]))
                elif y >= 0 and row < last:
                    entry = page.entries[row, 0]
                    found = table.rows.get(entry) if table else None
                    word = visible(found[0].piece, found[0].text, joins=reading.model.marks_words) if found else "…"
                    value = format_number(float(numbers[entry])) if numbers is not None else ""
                    index = str(reading.places[entry].index).rjust(digits)
                    strips.append(self._entry(across, index, word, value, row == selection.row))
                else:
                    strips.append(Strip.blank(across, r.style()))
                strips.append(gap)
            lines.append(Strip.join(strips[:-1]).simplify())
        return lines

    def _entry(self, cells: int, index: str, word: str, value: str, here: bool) -> Strip:
        """A token in so many cells."""
        r = self.roles
        ground = "raised" if here else "ground"
        parts: list[Part] = [
            ("▌" if here else " ", r.style("accent", ground)),
            (index, r.style("dim", ground)),
            ("  ", r.style(on=ground)),
            (isolate(fit(word, max(4, cells - len(index) - 14))), r.style("strong" if here else "text", ground, here)),
        ]
        return line(cells, r.style(on=ground), parts, [(f"{value} ", r.style("text" if here else "dim", ground))])

    def on_click(self, event: events.Click) -> None:
        if event.y > 0 and event.button == 1:
            columns = _columns(self.size.width)
            pitch = (self.size.width + GAP) // columns
            column = min(event.x // pitch, columns - 1)
            row = self._first + column * max(1, self.size.height - 1) + event.y - 1
            page = self._results.page(self._selection) if self._results else None
            if page is not None and row < page.rows:
                self.post_message(PatchPointed(row, 0))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._first += WHEEL_LINES
        self.rebuild()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._first -= WHEEL_LINES
        self.rebuild()


def _columns(cells: int) -> int:
    return max(1, (cells + GAP) // (LEAST_CELLS + GAP))


def _numbers(results: Results, selection: Selection) -> tuple[np.ndarray | None, str]:
    """The number beside each token, and its name: the norm, at an answer what is looked at of it."""
    if selection.stage == ANSWER:
        return overlay_scores(selection, results), selection.of_answer.attribution
    norms = results.norms_at(selection.stage)
    return (norms.values if norms else None), "norm"
