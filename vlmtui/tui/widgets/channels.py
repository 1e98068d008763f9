"""The pixels of the patch under the cursor in numbers: what there is before a model has made anything of them."""

from __future__ import annotations

import numpy as np
from textual.strip import Strip

from vlmtui.grid import pixel_bounds
from vlmtui.tui.lines import Part, line
from vlmtui.tui.theme import Roles
from vlmtui.tui.view import Known, View

CHANNELS = ("red", "green", "blue")
LONGEST_BAR = 36
BAR, LINE = "━", "─"


def channels(roles: Roles, known: Known, view: View, cells: int, rows: int) -> list[Strip]:
    """A line a channel: its mean in the patch as a bar out of 255, on the span from its darkest to its brightest."""
    place = known.place(view)
    if place is None or place.box is None or rows < 5:
        return []
    left, top, right, bottom = pixel_bounds(place.box, known.image.width, known.image.height)
    values = np.asarray(known.picture.crop((left, top, right, bottom)), dtype=np.float64).reshape(-1, 3)
    dim, text = roles.style("dim"), roles.style()
    bar_cells = min(cells - 28, LONGEST_BAR)
    lines = [
        line(cells, text, []),
        line(cells, text, [(f"{right - left}×{bottom - top} pixels of the file: mean, darkest – brightest", dim)]),
    ]
    for name, channel in zip(CHANNELS, values.T, strict=True):
        low, mean, high = float(channel.min()), float(channel.mean()), float(channel.max())
        at, start, end = (round(value / 255 * bar_cells) for value in (mean, low, high))
        bar: list[Part] = []
        if bar_cells > 3:
            bar = [(BAR * at, roles.style("measured")), (LINE * max(0, end - max(at, start)), roles.style("rule"))]
        parts: list[Part] = [(f" {name.ljust(8)}", text), *bar]
        lines.append(line(cells, text, parts, [(f"{mean:.0f}", text), (f"{low:.0f} – {high:.0f} ".rjust(13), dim)]))
    return lines
