"""Chart of norms: bars over the band and the median of all entries, blocks of stages each on its own scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from vlmtui.display.norm_statistics import NormSummary, is_outlier, norm_summaries, robust_z
from vlmtui.display.numbers import format_number
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import Part, line

EIGHTHS = " ▁▂▃▄▅▆▇█"
MEDIAN = "─"
AXIS_CELLS = 7
BETWEEN_CELLS = 1
WIDEST_BAR = 8
ROOM_ABOVE = 1.2


@dataclass(frozen=True)
class NormSummaries:
    """What is the same wherever the cursor stands: of every stage a summary, and of every entry its z-score."""

    summaries: list[NormSummary]
    norms: np.ndarray
    z: np.ndarray
    outliers: np.ndarray
    top: float

    @classmethod
    def of(cls, everything: np.ndarray) -> NormSummaries:
        """Of norms [stages, entries]."""
        of_all = norm_summaries(everything)
        z = np.stack([robust_z(stage) for stage in everything])
        flags = np.stack([is_outlier(stage) for stage in everything])
        highs = [s.high for s in of_all if np.isfinite(s.high)]
        return cls(of_all, everything, z, flags, ROOM_ABOVE * max(highs, default=1.0))


@dataclass(frozen=True)
class NormBlock:
    """A part of the path: the names of its stages under the bars, the norms of what is under the cursor [stages] or
    None, and which of its entries these are. `here` is the stage looked at; `muted`: outliers are as other bars."""

    names: list[str]
    values: np.ndarray | None
    stages: NormSummaries
    columns: list[int]
    here: int | None
    muted: bool = False

    @property
    def flags(self) -> np.ndarray:
        """At which stages one of the entries is an outlier, bool [stages]."""
        return np.asarray(self.stages.outliers[:, self.columns].any(axis=1))

    @property
    def flagged_here(self) -> bool:
        """Whether it is an outlier at the stage that is looked at."""
        return self.here is not None and bool(self.flags[self.here])

    @property
    def farthest(self) -> tuple[str, float, float, float]:
        """Of the entry that is farthest from the median at the stage looked at, if it is an outlier there, else at any:
        the stage's name, norm, median, and z."""
        z = np.where(self.stages.outliers, np.abs(self.stages.z), 0.0)[:, self.columns]
        if self.flagged_here:
            z[np.arange(len(z)) != self.here] = 0.0
        stage, at = np.unravel_index(int(z.argmax()), z.shape)
        column = self.columns[at]
        norm, median = float(self.stages.norms[stage, column]), self.stages.summaries[stage].median
        return self.names[stage], norm, median, float(self.stages.z[stage, column])

    @property
    def top(self) -> float:
        """The end of the scale, which holds still from patch to patch, but makes room for one that stands out."""
        values = np.zeros(0) if self.values is None else self.values[np.isfinite(self.values)]
        return max(self.stages.top, float(values.max()) if values.size else 0.0)

    def labels(self, rows: int) -> dict[int, str]:
        """What stands beside a chart of so many rows: the end of the scale, and its middle."""
        middle = self.top * (rows - rows // 2) / rows
        return {rows // 2: format_number(middle, 3), 0: format_number(self.top, 3)}


def chart(roles: Roles, blocks: list[NormBlock], rows: int, cells: int) -> list[Strip]:
    """Bars in `rows` lines, and beneath them the line of names."""
    axis_cells = max([AXIS_CELLS, *(len(label) + 1 for block in blocks for label in block.labels(rows).values())])
    widths = bar_widths([len(block.names) for block in blocks], cells, axis_cells)
    parts = [_bars(roles, block, rows, wide, axis_cells) for block, wide in zip(blocks, widths, strict=True)]
    between = [Segment(" " * BETWEEN_CELLS, roles.style())]
    lines: list[Strip] = []
    before: list[Segment] = []
    for y in range(rows):
        segments = list(parts[0][y])
        for part in parts[1:]:
            segments += between + part[y]
        # most lines of a tall chart are as the one above
        same = bool(lines) and segments == before
        lines.append(lines[-1] if same else Strip(segments).adjust_cell_length(cells, roles.style()).simplify())
        before = segments
    axis: list[Part] = []
    for block, wide in zip(blocks, widths, strict=True):
        axis += [(" " * BETWEEN_CELLS, roles.style())] if axis else []
        axis += _axis(roles, block, wide, axis_cells)
    return [*lines, line(cells, roles.style(), axis)]


def bar_widths(bars: list[int], cells: int, axis_cells: int = AXIS_CELLS) -> list[list[int]]:
    """How many cells each bar of each block gets: all the same where there are enough, at most 8."""
    room = cells - 1 - len(bars) * axis_cells - (len(bars) - 1) * BETWEEN_CELLS
    if room >= sum(bars):
        return [[min(WIDEST_BAR, room // sum(bars))] * n for n in bars]
    edges = np.linspace(0, max(room, 0), sum(bars) + 1).astype(int)
    each = np.diff(edges).tolist()
    starts = np.cumsum([0, *bars]).tolist()
    return [each[a:b] for a, b in pairwise(starts)]


@lru_cache(maxsize=256)
def _blank(cells: int, colour: Color) -> Segment:
    return Segment(" " * cells, Style(bgcolor=colour))


def _bars(r: Roles, block: NormBlock, rows: int, widths: list[int], axis_cells: int) -> list[list[Segment]]:
    ground, band = Color.parse(r.ground), Color.parse(r.band)
    measured, red, soft = Color.parse(r.measured), Color.parse(r.outlier), Color.parse(r.text)
    stages = block.stages
    values = np.full(len(block.names), np.nan) if block.values is None else block.values
    scale = rows / block.top if block.top > 0 else 0.0
    flags, labels = block.flags, block.labels(rows)
    between = Segment(" ", Style(bgcolor=ground))
    unnamed = Segment(" " * axis_cells, r.style("dim"))
    named = {y: Segment(label.rjust(axis_cells - 1) + " ", r.style("dim")) for y, label in labels.items()}
    lines = [[named.get(y, unnamed)] for y in range(rows)]
    for value, stage, flag, wide in zip(values.tolist(), stages.summaries, flags, widths, strict=True):
        if wide == 0:
            continue
        colour = red if flag and not block.muted else measured
        # bars wide enough to be told apart have a gap
        gap = 1 if wide > 2 else 0
        # most rows of a bar are one of these: a style costs more than a row
        full, bare, banded = (_blank(wide - gap, each) for each in (colour, ground, band))
        height = value * scale if math.isfinite(value) else 0.0
        median, band_low, band_high = stage.median * scale, stage.low * scale, stage.high * scale
        for y, segments in enumerate(lines):
            low = rows - 1 - y
            in_band = band_low < low + 1 and band_high > low
            eighth = round(min(max(height - low, 0.0), 1.0) * 8)
            if low <= median < low + 1 and eighth in (0, 8):
                style = Style(color=soft, bgcolor=colour if eighth else band if in_band else ground)
                segment = Segment(MEDIAN * (wide - gap), style)
            elif 0 < eighth < 8:
                style = Style(color=colour, bgcolor=band if in_band else ground)
                segment = Segment(EIGHTHS[eighth] * (wide - gap), style)
            else:
                segment = full if eighth else banded if in_band else bare
            segments.append(segment)
            if gap:
                segments.append(between)
    return lines


def _axis(r: Roles, block: NormBlock, widths: list[int], axis_cells: int) -> list[Part]:
    """Names of stages, as many as can be told apart, the one looked at marked; as wide as the bars."""
    names, here, many = block.names, block.here, len(block.names)
    starts = np.concatenate([[0], np.cumsum(widths)]).astype(int).tolist()
    whole = starts[-1]
    # what matters most first: the others stand where they leave room
    wanted = [here] if here is not None else []
    wanted += [0, many - 1, *((many - 1) // 2,) * (many > 10), *range(many if many <= 10 else 0)]
    taken = [False] * (whole + 1)
    characters = [" "] * whole
    marked = (0, 0)
    for i in wanted:
        size = len(names[i])
        at = max(0, min(starts[i], whole - size))
        if any(taken[at : at + size]) or at + size > whole:
            continue
        characters[at : at + size] = names[i]
        taken[max(0, at - 1) : at + size + 1] = [True] * len(taken[max(0, at - 1) : at + size + 1])
        if i == here:
            marked = at, at + size
    said = "".join(characters)
    start, end = marked
    dim, lit = r.style("dim"), r.style("on_accent", on="accent", bold=True)
    parts = [(" " * axis_cells, r.style()), (said[:start], dim), (said[start:end], lit), (said[end:], dim)]
    return [part for part in parts if part[0]]
