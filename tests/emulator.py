"""An emulated terminal: a screen of cells that answers queries as xterm does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyte

_QUERY = re.compile(
    rb"\x1b\[(?P<private>\??)(?P<status>[56])n"
    rb"|\x1b\[(?P<attributes>[>=]?)0?c"
    rb"|\x1b\[\?(?P<mode>\d+)\$p"
    rb"|\x1b\](?P<colour>1[01]);\?(?:\x07|\x1b\\)"
    rb"|(?P<version>\x1b\[>0?q)"
    # of these pyte would take a part as text or as a colour
    rb"|(?P<ignored>\x1b\[[<>=][\d;]*[a-zA-Z]|\x1bP[^\x1b]*\x1b\\)"
)
_BEGUN = re.compile(rb"\x1b(?:\[[\d;<>=?$ ]*|\][^\x07\x1b]*\x1b?|P[^\x1b]*\x1b?)?\Z")
_COLOURS = {b"10": b"ffff/ffff/ffff", b"11": b"0000/0000/0000"}
_KNOWN_MODES = (b"1", b"7", b"25", b"1000", b"1002", b"1003", b"1004", b"1006", b"1049", b"2004")

Cell = pyte.screens.Char
"""Text, colours and attributes of a cell."""


def seen(cell: Cell) -> tuple[object, ...]:
    """What is seen of a cell: of a blank without lines, blinking and exchanged colours, that is its background."""
    lines = cell.underscore or cell.strikethrough or cell.reverse or cell.blink
    return tuple(cell) if cell.data != " " or lines else (" ", cell.bg)


class Emulator:
    """A terminal of `size` (columns, rows)."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._screen = _Screen(*size)
        self._stream = _Stream(self._screen)
        self._begun = b""
        self.queries = 0
        """How many queries have been answered."""

    def feed(self, data: bytes) -> bytes:
        """Show what a program writes; returns the replies to what it asks."""
        data, self._begun = self._begun + data, b""
        if begun := _BEGUN.search(data):
            data, self._begun = data[: begun.start()], begun.group()
        return b"".join(self._replies(data))

    def resize(self, columns: int, rows: int) -> None:
        """Take another size."""
        self._screen.resize(rows, columns)

    @property
    def lines(self) -> list[str]:
        """Text of each row."""
        return list(self._screen.display)

    @property
    def cells(self) -> list[list[Cell]]:
        """All cells by row and column."""
        buffer, columns = self._screen.buffer, range(self._screen.columns)
        return [[buffer[row][column] for column in columns] for row in range(self._screen.lines)]

    @property
    def seen(self) -> list[list[tuple[object, ...]]]:
        """What is seen of all cells, by row and column."""
        return [[seen(cell) for cell in row] for row in self.cells]

    def shows(self, text: str) -> bool:
        """Whether a row has a text in it."""
        return any(text in line for line in self.lines)

    def _replies(self, data: bytes) -> Iterator[bytes]:
        shown = 0
        for query in _QUERY.finditer(data):
            self._stream.feed(data[shown : query.start()])
            shown = query.end()
            if query["ignored"] is None:
                self.queries += 1
                yield self._reply(query)
        self._stream.feed(data[shown:])

    def _reply(self, query: re.Match[bytes]) -> bytes:
        if query["status"] == b"5":
            return b"\x1b[0n"
        if query["status"]:
            cursor = self._screen.cursor
            # after a write into the last column xterm's cursor is still in it
            column = min(cursor.x, self._screen.columns - 1) + 1
            return b"\x1b[%s%d;%dR" % (query["private"], cursor.y + 1, column)
        if query["mode"]:
            # xterm says 0 of a mode that it does not know; of the others no program here wants to know more
            return b"\x1b[?%s;%d$y" % (query["mode"], 2 if query["mode"] in _KNOWN_MODES else 0)
        if query["colour"]:
            return b"\x1b]%s;rgb:%s\x1b\\" % (query["colour"], _COLOURS[query["colour"]])
        if query["version"]:
            return b"\x1bP>|XTerm(390)\x1b\\"
        return {b"": b"\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c", b">": b"\x1b[>41;390;0c"}.get(query["attributes"], b"")


class _Screen(pyte.Screen):
    """A screen with the sequences that tmux writes to an xterm and pyte does not know."""

    def repeat(self, count: int = 1) -> None:
        """Draw the character before the cursor again (REP)."""
        if self.cursor.x:
            self.draw(self.buffer[self.cursor.y][self.cursor.x - 1].data * (count or 1))

    def scroll_up(self, count: int = 1) -> None:
        """Scroll the margins' content up (SU)."""
        self._scroll(count, at_top=True)

    def scroll_down(self, count: int = 1) -> None:
        """Scroll the margins' content down (SD)."""
        self._scroll(count, at_top=False)

    def _scroll(self, count: int, at_top: bool) -> None:
        row, column = self.cursor.y, self.cursor.x
        margins = self.margins or pyte.screens.Margins(0, self.lines - 1)
        self.cursor.y = margins.bottom if at_top else margins.top
        for _ in range(count or 1):
            self.index() if at_top else self.reverse_index()
        self.cursor.y, self.cursor.x = row, column


class _Stream(pyte.ByteStream):
    csi = pyte.ByteStream.csi | {"b": "repeat", "S": "scroll_up", "T": "scroll_down"}
    events = pyte.ByteStream.events | {"repeat", "scroll_up", "scroll_down"}
