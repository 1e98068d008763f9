"""Screen grid: the cells of a terminal, as characters and styles, and how text changes them."""

from __future__ import annotations

from rich.cells import split_graphemes

TAIL = ""
"""The character of the second cell of a wide character."""


class ScreenGrid:
    """Cells of a terminal of `width` × `height`; a style is the parameters of an SGR sequence, "" the terminal's own.

    A cell whose character is None has never been painted. Text that goes beyond the right edge is cut, as in a terminal
    that does not wrap.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.characters: list[list[str | None]] = [[None] * width for _ in range(height)]
        self.styles: list[list[str]] = [[""] * width for _ in range(height)]
        self.touched: set[int] = set()
        """Rows that may have changed since they were last compared."""
        self.row = self.column = 0
        """Where the next text goes."""

    def copy(self) -> ScreenGrid:
        """Another grid with the same cells."""
        other = ScreenGrid(0, 0)
        other.width, other.height = self.width, self.height
        other.characters = [row[:] for row in self.characters]
        other.styles = [row[:] for row in self.styles]
        other.touched, other.row, other.column = set(self.touched), self.row, self.column
        return other

    def put(self, text: str, style: str) -> None:
        """Write text without control characters at the cursor, and move the cursor behind it."""
        if not 0 <= self.row < self.height or not 0 <= self.column <= self.width:
            return
        cells = list(text) if text.isascii() else self._cells(text)
        start, end = self.column, min(self.column + len(cells), self.width)
        characters, styles = self.characters[self.row], self.styles[self.row]
        if len(cells) > end - start:
            del cells[end - start :]
            if cells and _is_cut(text, len(cells)):
                cells[-1] = " "
        if not cells:
            return
        # half of a wide character cannot stay: a terminal clears the other half
        if characters[start] == TAIL and start:
            characters[start - 1] = " "
        if end < self.width and characters[end] == TAIL:
            characters[end] = " "
        characters[start:end] = cells
        styles[start:end] = [style] * (end - start)
        self.touched.add(self.row)
        self.column = end

    def _cells(self, text: str) -> list[str | None]:
        cells: list[str | None] = []
        for start, end, width in split_graphemes(text)[0]:
            if width:
                cells.append(text[start:end])
                cells.extend([TAIL] * (width - 1))
            else:
                # what has no width of its own belongs to the character before it
                self._combine(text[start:end])
        return cells

    def _combine(self, mark: str) -> None:
        """Add a mark to the character left of the cursor."""
        characters, at = self.characters[self.row], self.column - 1
        if at > 0 and characters[at] == TAIL:
            at -= 1
        if at >= 0 and (character := characters[at]):
            characters[at] = character + mark
            self.touched.add(self.row)


def _is_cut(text: str, cells: int) -> bool:
    """Whether an edge after so many cells of a text goes through a wide character."""
    at = 0
    for _, _, width in split_graphemes(text)[0]:
        if at < cells < at + width:
            return True
        at += width
    return False
