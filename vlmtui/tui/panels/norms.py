"""Norms panel: the norms of what is under the cursor, layer by layer, against all patches and all tokens."""

from __future__ import annotations

import numpy as np
from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from vlmtui.display.norm_statistics import outlier_mark, outlier_text
from vlmtui.display.numbers import format_number
from vlmtui.display.pieces import width
from vlmtui.reading import LayerNorms, Reading
from vlmtui.tui import needs
from vlmtui.tui.panels.panel import Panel, fixed
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, TOKENS, llm_depth, vision_depth
from vlmtui.tui.widgets.chart import MEDIAN, NormBlock, NormSummaries, chart
from vlmtui.tui.widgets.lines import NUMBER_CELLS, Lines, Part, fitting, line

LEAST_ROWS = 6
"""Three of them the chart."""


class NormsPanel(Lines):
    """Depth from left to right: the vision tower, and beside it the tokens through the language model once its layers
    have been read."""

    def __init__(self) -> None:
        super().__init__()
        self._vision: tuple[Reading, NormSummaries] | None = None
        self._llm: tuple[LayerNorms, np.ndarray, NormSummaries] | None = None

    def build(self, cells: int, rows: int) -> list[Strip]:
        """Header, chart, axis, legend."""
        r = self.roles
        blank, dim = r.style(), r.style("dim")
        results, selection = self._results, self._selection
        reading = results.reading if results else None
        head = self.heading("NORMS")
        if results is None or reading is None:
            why = "the model has not read the image yet"
            return [line(cells, blank, head), line(cells, blank, [(why, dim)])]
        vision, llm = self._of_vision(results, selection), self._of_llm(results, selection)
        blocks = [block for block in (vision, llm) if block]
        if not blocks:
            return [line(cells, blank, head), line(cells, blank, [("its vision patches are not known", dim)])]
        about = [f"vision 0–{len(vision.names) - 1}"] if vision else []
        about += [f"llm 1–{len(llm.names) - 1}"] if llm else []
        if len(blocks) > 1:
            spans = ", ".join(about)
            about = [
                fitting(cells - 8 - NUMBER_CELLS, f"{spans} · L2, separate scales", f"{spans} · separate scales", spans)
            ]
        else:
            one, all_ = ("patch", "patches") if vision else ("token", "tokens")
            against = f"this {one} vs. all" if blocks[0].values is not None else f"all {all_}"
            whole = " · ".join([*about, "L2", against])
            about = [fitting(cells - 8 - NUMBER_CELLS, whole, f"{about[0]} · L2")]
        lines = [line(cells, blank, head, [(" · ".join(about), dim)])]
        lines += chart(r, blocks, max(1, rows - 3), cells)
        number = self._number(blocks, selection)
        texts = self._legends(blocks, vision, results, selection)
        # in fewer words, then without the number
        legends = [*([*number, *text] for text in texts[:2]), *texts[1:]]
        legend = next((one for one in legends if _wide(one) <= cells), texts[-1])
        tail: Part = ("t: tokens" if len(blocks) > 1 else "", dim)
        fits = _wide([*legend, tail]) + 2 <= cells
        return [*lines, line(cells, blank, legend, [tail] if fits else [])]

    def _of_vision(self, results: Results, selection: Selection) -> NormBlock | None:
        column, place = results.column(selection), results.place(selection)
        if column is None or not column[1].size or results.grids is None or results.reading is None:
            return None
        values, everything = column
        if self._vision is None or self._vision[0] is not results.reading:
            self._vision = results.reading, NormSummaries.of(everything)
        columns = results.grids.columns(place) if place else []
        names = [str(i) for i in range(len(everything))]
        return NormBlock(names, values, self._vision[1], columns, vision_depth(selection.stage), _is_aside(selection))

    def _of_llm(self, results: Results, selection: Selection) -> NormBlock | None:
        """The tokens as they go into the language model, and after each of its layers."""
        if results.layers is None or results.reading is None or not results.layers.norms.size:
            return None
        if self._llm is None or self._llm[0] is not results.layers:
            everything = np.concatenate([results.reading.norms[None], results.layers.norms]).astype(np.float64)
            self._llm = results.layers, everything, NormSummaries.of(everything)
        _, everything, stages = self._llm
        token = results.token(selection)
        values = None if token is None else everything[:, token]
        here = 0 if selection.stage == TOKENS else llm_depth(selection.stage)
        return NormBlock(
            ["t", *map(str, range(1, len(everything)))],
            values,
            stages,
            [] if token is None else [token],
            here,
            _is_aside(selection),
        )

    def _number(self, blocks: list[NormBlock], selection: Selection) -> list[Part]:
        """The norm at the stage that is shown, where the chart has it."""
        return [
            (f"{selection.stage} {format_number(float(block.values[block.here]))}  ", self.roles.style("strong"))
            for block in blocks
            if block.here is not None and block.values is not None
        ]

    def _legends(
        self, blocks: list[NormBlock], vision: NormBlock | None, results: Results, selection: Selection
    ) -> list[list[Part]]:
        """What the chart shows, in three texts, each of fewer cells."""
        r = self.roles
        dim, median = r.style("dim"), [(MEDIAN, r.style()), (" median", r.style("dim"))]
        outliers = [block for block in blocks if block.flags.any()]
        if outliers:
            where = ", ".join(_where(block, blocks, vision) for block in outliers)
            told = [block for block in outliers if block.flagged_here] or outliers
            name, norm, middle, z = max((block.farthest for block in told), key=lambda one: abs(one[3]))
            text, arrow = outlier_text(norm, middle, z), outlier_mark(z)
            score = text.rpartition(", ")[2]
            # of several stages, the one looked at, or where it is farthest
            at = f" at {name}" if sum(int(block.flags.sum()) for block in outliers) > 1 else ""
            alarm = dim if _is_aside(selection) else r.style("outlier", bold=True)
            said, brief, least = (
                f"{arrow} outlier at {where}: {text}{at}",
                f"{arrow} outlier at {where}: {score}{at}",
                f"{arrow} outlier: {score}{at}",
            )
            return [[(said, alarm), ("  ", r.style()), *median], [(brief, alarm)], [(least, alarm)]]
        values = vision.values if vision else blocks[0].values
        band = [(" ", Style(bgcolor=Color.parse(r.band))), (" 5–95%  ", dim)]

        def whose(patch: str, patches: str) -> list[Part]:
            if values is None:
                return []
            columns = vision.columns if vision else [0]
            name = patch if len(columns) == 1 else f"mean of {len(columns)}{patches}"
            return [(" ", Style(bgcolor=Color.parse(r.measured))), (f" {name}  ", dim)]

        none = results.place(selection) is not None and values is None
        least_text = [*whose("this", ""), *band]
        return [
            [*whose("this patch", " patches"), *band, *median, ("   no patches of its own" if none else "", dim)],
            [*least_text, *median],
            least_text,
        ]


def _is_aside(selection: Selection) -> bool:
    """Whether norms are not what is looked at: beside an answer the line below the chart alone tells of outliers."""
    return selection.stage == ANSWER


def _wide(parts: list[Part]) -> int:
    return sum(width(text) for text, _ in parts)


def _where(block: NormBlock, blocks: list[NormBlock], vision: NormBlock | None) -> str:
    """`17–19`, and where there are two blocks `vision 17–19`."""
    runs = _runs(np.flatnonzero(block.flags).tolist(), block.names)
    return runs if len(blocks) == 1 else f"{'vision' if block is vision else 'llm'} {runs}"


def _runs(indices: list[int], names: list[str]) -> str:
    """`17–19, 23` for the stages [17, 18, 19, 23]."""
    parts = []
    start = previous = indices[0]
    for i in [*indices[1:], None]:
        if i is not None and i == previous + 1:
            previous = i
            continue
        parts.append(names[start] if start == previous else f"{names[start]}–{names[previous]}")
        if i is not None:
            start = previous = i
    return ", ".join(parts)


PANEL = Panel("norms", "Norms", NormsPanel, fixed(11), least=fixed(LEAST_ROWS), grows=True, needs=(needs.layers,))
