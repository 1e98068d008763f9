"""Overlays by kind of result, in one list: adding one is a file and a line here.

Results of a kind without an overlay stand in the panel of the lens.
"""

from __future__ import annotations

from vlmtui.tui.overlays import colours, scalars, words
from vlmtui.tui.overlays.drawing import Overlay

OVERLAYS: tuple[Overlay, ...] = (
    scalars.OVERLAY,
    colours.OVERLAY,
    words.OVERLAY,
)
