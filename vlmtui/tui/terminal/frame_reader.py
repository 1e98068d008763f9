"""Reader of Textual's frames: cursor moves, colours and text change a grid, other sequences are passed on."""

from __future__ import annotations

import re
from sys import intern

from vlmtui.tui.terminal.screen_grid import ScreenGrid

SYNC_BEGIN, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronised output: the terminal shows a frame only when it is complete."""
_TOKEN = re.compile(
    r"\x1b\[(?P<style>[\d;:]*)m"
    r"|\x1b\[(?P<move>[\d;]*)H"
    r"|(?P<cells>[^\x00-\x1f\x7f-\x9f]+)"
    r"|(?P<newline>\n)"
    r"|(?P<link>\x1b\]8;[^\x07\x1b]*(?:\x07|\x1b\\))"
    r"|(?P<sequence>\x1b\[[<-?]*[\d;:]*[ -/]*[@-~]|\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]P_^X]|\x07)"
    r"|(?P<dropped>.)",
    re.DOTALL,
)


class FrameReader:
    """What Textual writes, read into a grid."""

    def __init__(self, grid: ScreenGrid) -> None:
        self.grid = grid
        self.synchronised = False
        """Whether Textual has found that the terminal knows synchronised output."""
        self._style = ""

    def read(self, written: str) -> list[str]:
        """Change the grid as `written` says; return the sequences that are not about cells, in their order.

        Hyperlinks (OSC 8) are left out, control characters too.
        """
        others: list[str] = []
        grid = self.grid
        for token in _TOKEN.finditer(written):
            kind = token.lastgroup
            if kind == "cells":
                grid.put(token[0], self._style)
            elif kind == "style":
                self._restyle(token["style"])
            elif kind == "move":
                row, _, column = token["move"].partition(";")
                grid.row, grid.column = int(row or 1) - 1, int(column or 1) - 1
            elif kind == "newline":
                grid.row, grid.column = grid.row + 1, 0
            elif token[0] in (SYNC_BEGIN, SYNC_END):
                self.synchronised = True
            elif kind == "sequence":
                others.append(token[0])
        return others

    def _restyle(self, parameters: str) -> None:
        if parameters in ("", "0"):
            self._style = ""
        else:
            self._style = intern(f"{self._style};{parameters}" if self._style else parameters)
