"""Colour channels of the patch under the cursor, in numbers."""

from __future__ import annotations

import numpy as np
from textual.strip import Strip

from vlmtui.display.numbers import format_number
from vlmtui.geometry import pixel_bounds
from vlmtui.tui.state.patch_facts import patch_embedding
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import Part, fitting, line

CHANNELS = ("red", "green", "blue")
LONGEST_BAR = 36
BAR, LINE = "━", "─"
_NORMALISED = 18
LEAST_WITH_NORMALISED = 44
"""Cells of a panel that has room for what the channels are once normalised."""


def channels(roles: Roles, results: Results, selection: Selection, cells: int, rows: int) -> list[Strip]:
    """A line a channel: its mean in the patch as a bar out of 255, on the span from its darkest to its brightest.

    Of the pixels that the model gets, and with what they are once normalised; until the session has told them, of those
    in the file.
    """
    place = results.place(selection)
    if place is None or rows < 5:
        return []
    dim, text = roles.style("dim"), roles.style()
    seen = patch_embedding(results, selection)
    normalised = [""] * 3
    numbers = _NORMALISED if seen and cells >= LEAST_WITH_NORMALISED else 0
    if seen is not None:
        tall, wide, _ = seen.pixels.shape
        values = seen.pixels.reshape(-1, 3).astype(np.float64)
        right = "mean, span, normalised" if numbers else "mean, span"
        title = fitting(cells - len(right) - 1, f"{wide}×{tall} px as the model gets them", f"{wide}×{tall} px seen")
        normalised = [f"{format_number(float(v), 3)} " for v in seen.mean] if numbers else normalised
    elif place.box is not None:
        left, top, right_, bottom = pixel_bounds(place.box, results.image.width, results.image.height)
        values = np.asarray(results.picture.crop((left, top, right_, bottom)), dtype=np.float64).reshape(-1, 3)
        size, right = f"{right_ - left}×{bottom - top}", ""
        whole, brief = f"{size} pixels of the file: mean, darkest – brightest", f"{size} px: mean, darkest – brightest"
        title = fitting(cells, whole, brief, f"{size} px of the file")
    else:
        return []
    bar_cells = min(cells - 28 - numbers, LONGEST_BAR)
    lines = [line(cells, text, []), line(cells, text, [(title, dim)], [(right, dim)])]
    for name, channel, made in zip(CHANNELS, values.T, normalised, strict=True):
        low, mean, high = float(channel.min()), float(channel.mean()), float(channel.max())
        at, start, end = (round(value / 255 * bar_cells) for value in (mean, low, high))
        bar: list[Part] = []
        if bar_cells > 3:
            bar = [(BAR * at, roles.style("measured")), (LINE * max(0, end - max(at, start)), roles.style("rule"))]
        parts: list[Part] = [(f" {name.ljust(8)}", text), *bar]
        span = f"{low:.0f} – {high:.0f} ".rjust(13)
        tail = [(made.rjust(_NORMALISED - 4), dim)] if made else []
        lines.append(line(cells, text, parts, [(f"{mean:.0f}", text), (span, dim), *tail]))
    return lines
