"""The norms of the patch under the cursor, layer by layer, against all patches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from vlmtui.display.numbers import figure
from vlmtui.display.statistics import Summary, outlier, robust_z, summaries
from vlmtui.reading import Reading
from vlmtui.tui.lines import Part, line
from vlmtui.tui.view import depth
from vlmtui.tui.widgets.panel import ViewPanel

EIGHTHS = " ▁▂▃▄▅▆▇█"
MEDIAN = "─"
AXIS_CELLS = 7
ROOM_ABOVE = 1.2


@dataclass(frozen=True)
class _Stages:
    """What is the same wherever the cursor stands: a summary and the z-scores of every stage."""

    summaries: list[Summary]
    z: np.ndarray
    outliers: np.ndarray
    top: float


class NormsPanel(ViewPanel):
    """Depth from left to right: this patch as bars over the 5–95% band and the median of all patches."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self._stages: _Stages | None = None
        self._of: Reading | None = None

    def build(self, cells: int, rows: int) -> list[Strip]:
        """Header, chart, axis, legend."""
        r = self.roles
        blank, dim = r.style(), r.style("dim")
        known, view = self._known, self._view
        column = known.column(view) if known else None
        reading = known.reading if known else None
        if reading is None or column is None or known is None or not column[1].size:
            why = "the model has not read the picture yet" if reading is None else "its vision patches are not known"
            head = line(cells, blank, [("NORMS", r.style(bold=True))])
            return [head, line(cells, blank, [(why, dim)])]
        values, everything = column
        if self._of is not reading or self._stages is None:
            self._stages, self._of = _stages(everything), reading
        stages = self._stages
        layers = len(everything) - 1
        place = known.place(view)
        columns = known.atlas.columns(place) if known.atlas and place else []
        flags = np.asarray(stages.outliers[:, columns].any(axis=1))
        about = f"vision 0–{layers} · L2 · {'patch against ' if values is not None else ''}all patches"
        lines = [line(cells, blank, [("NORMS", r.style(bold=True))], [(about, dim)])]
        chart_rows = max(1, rows - 3)
        widths = _bar_widths(len(everything), cells - AXIS_CELLS - 1)
        lines += self._chart(
            np.full(len(everything), np.nan) if values is None else values, stages, flags, chart_rows, widths, cells
        )
        lines.append(self._axis(len(everything), widths, cells))
        lines.append(line(cells, blank, self._legend(values, stages, flags, columns, place is not None)))
        return lines

    def _chart(
        self, values: np.ndarray, stages: _Stages, flags: np.ndarray, rows: int, widths: list[int], cells: int
    ) -> list[Strip]:
        r = self.roles
        ground, band = Color.parse(r.ground), Color.parse(r.band)
        measured, red, soft = Color.parse(r.measured), Color.parse(r.outlier), Color.parse(r.text)
        finite = values[np.isfinite(values)]
        # the scale holds still from patch to patch, but makes room for one that stands out
        top = max(stages.top, float(finite.max()) if finite.size else 0.0)
        scale = rows / top if top > 0 else 0.0
        strips = []
        for y in range(rows):
            low = rows - 1 - y
            label = {0: figure(top, 3), rows // 2: figure(top * (rows - rows // 2) / rows, 3)}.get(y, "")
            segments = [Segment(label.rjust(AXIS_CELLS - 1) + " ", r.style("dim"))]
            for value, stage, flag, wide in zip(values, stages.summaries, flags, widths, strict=True):
                if wide == 0:
                    continue
                colour = red if flag else measured
                in_band = stage.low * scale < low + 1 and stage.high * scale > low
                under = band if in_band else ground
                filled = min(max(float(value) * scale - low, 0.0), 1.0) if np.isfinite(value) else 0.0
                eighth = round(filled * 8)
                if low <= stage.median * scale < low + 1 and eighth in (0, 8):
                    glyph, style = MEDIAN, Style(color=soft, bgcolor=colour if eighth else under)
                elif eighth == 8:
                    glyph, style = " ", Style(bgcolor=colour)
                else:
                    glyph, style = EIGHTHS[eighth], Style(color=colour, bgcolor=under)
                # bars wide enough to be told apart have a gap
                gap = 1 if wide > 2 else 0
                segments.append(Segment(glyph * (wide - gap), style))
                if gap:
                    segments.append(Segment(" ", Style(bgcolor=ground)))
            strip = Strip(segments)
            strips.append(strip.adjust_cell_length(cells, r.style()).simplify())
        return strips

    def _axis(self, bars: int, widths: list[int], cells: int) -> Strip:
        """Layer numbers, the stage looked at marked."""
        r = self.roles
        here = depth(self._view.stage)
        marks = {0, (bars - 1) // 2, bars - 1}
        if bars <= 10:
            marks = set(range(bars))
        characters = [" "] * (cells - AXIS_CELLS)
        starts = np.concatenate([[0], np.cumsum(widths)]).tolist()
        last = -1
        for i in sorted(marks | ({here} if here is not None else set())):
            text = str(i)
            start = starts[i]
            if start <= last and i != here:
                continue
            for j, character in enumerate(text):
                if start + j < len(characters):
                    characters[start + j] = character
            last = start + len(text)
        parts: list[Part] = [(" " * AXIS_CELLS, r.style())]
        if here is None:
            parts.append(("".join(characters), r.style("dim")))
        else:
            at, size = starts[here], len(str(here))
            parts += [
                ("".join(characters[:at]), r.style("dim")),
                ("".join(characters[at : at + size]), r.style("on_accent", on="accent", bold=True)),
                ("".join(characters[at + size :]), r.style("dim")),
            ]
        return line(cells, r.style(), [p for p in parts if p[0]])

    def _legend(
        self, values: np.ndarray | None, stages: _Stages, flags: np.ndarray, columns: list[int], placed: bool
    ) -> list[Part]:
        r = self.roles
        here = depth(self._view.stage)
        parts: list[Part] = []
        if here is not None and values is not None:
            parts.append((f"vision.{here} {figure(float(values[here]))}  ", r.style("strong")))
        if flags.any():
            where = np.flatnonzero(flags)
            z = stages.z[:, columns]
            worst = float(z.ravel()[np.abs(z).argmax()])
            return [*parts, (f"▲ outlier at {_runs(where.tolist())}: z {worst:.1f}", r.style("outlier", bold=True))]
        if values is not None:
            whose = " this patch  " if len(columns) == 1 else f" mean of {len(columns)} patches  "
            parts += [(" ", Style(bgcolor=Color.parse(r.measured))), (whose, r.style("dim"))]
        return [
            *parts,
            (" ", Style(bgcolor=Color.parse(r.band))),
            (" 5–95%  ", r.style("dim")),
            (MEDIAN, r.style()),
            (" median", r.style("dim")),
            ("   this token has no patches of its own" if placed and values is None else "", r.style("dim")),
        ]


def _stages(everything: np.ndarray) -> _Stages:
    all_summaries = summaries(everything)
    z = np.stack([robust_z(stage) for stage in everything])
    flags = np.stack([outlier(stage) for stage in everything])
    highs = [s.high for s in all_summaries if np.isfinite(s.high)]
    return _Stages(all_summaries, z, flags, ROOM_ABOVE * max(highs, default=1.0))


def _bar_widths(bars: int, cells: int) -> list[int]:
    """How many cells each bar gets; all the same where there are enough, at most 8."""
    if cells >= bars:
        return [min(8, cells // bars)] * bars
    edges = np.linspace(0, max(cells, 0), bars + 1).astype(int)
    return [int(w) for w in np.diff(edges)]


def _runs(indices: list[int]) -> str:
    """`17–19, 23` for [17, 18, 19, 23]."""
    parts = []
    start = previous = indices[0]
    for i in [*indices[1:], None]:
        if i is not None and i == previous + 1:
            previous = i
            continue
        parts.append(str(start) if start == previous else f"{start}–{previous}")
        if i is not None:
            start = previous = i
    return ", ".join(parts)
