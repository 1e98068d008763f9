"""Lens values as text: the result of a lens for the entries of a stage."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vlmtui.display import numbers
from vlmtui.display.pieces import fit, isolate, plain, visible, width
from vlmtui.display.text_lines import flow
from vlmtui.lenses import captions
from vlmtui.lenses.captions import LensResult, report_line
from vlmtui.lenses.fact_lines import FactLine, fact_lines, is_image_level
from vlmtui.lenses.kinds import TokenMaps
from vlmtui.reports.formats.parts.patch_embedding import CHANNELS
from vlmtui.reports.formats.parts.text_grid import cell_grid
from vlmtui.reports.image_report import ImageReport
from vlmtui.results import early_exit


def lens_line(report: ImageReport) -> str:
    """Description of the lens's numbers, or of the words of the projector lens."""
    if report.projected:
        return f"{early_exit.early_exit_name(report.stage)}; a patch has the words of its token"
    lens = report.query.lens
    assert lens is not None
    values = report.values or report.whole_result or (report.facts[0] if report.facts else None)
    if values is None:  # words by entry
        return captions.words_report_line(lens.call, lens.description.line)
    if report.answer is not None:
        return f"{report_line(values, lens.inputs())}; of the answer: {isolate(plain(report.answer.text))}"
    return f"{report_line(values, lens.inputs(report.reading.model.marks_words))}{_above_noise(values)}"


def _above_noise(values: LensResult) -> str:
    """`; 41 of 196 above noise (0.123)`, or that nothing is; "" where noise is not known."""
    if values.noise_end is None:
        return ""
    above = int(np.count_nonzero(values.numbers > values.noise_end))
    many = f"{above:,} of {len(values.numbers):,}" if above else "nothing"
    return f"; {many} above noise ({numbers.format_number(values.noise_end, 3)})"


def value_grid(report: ImageReport, columns: int) -> Iterator[str]:
    """One number per entry, laid out on its grids; nothing for components, which are three numbers."""
    assert report.values is not None
    if report.values.numbers.ndim == 1:
        entry_texts = {entry: _short(float(report.values.numbers[entry])) for entry in report.entries}
        yield from cell_grid(report.reading, report.stage, entry_texts, columns, "Values of the lens")


def value_head(report: ImageReport) -> list[str]:
    """The heads of the columns of components, which are drawn in the colours named; a single number has its lens's."""
    assert report.values is not None
    if report.values.numbers.ndim == 1:
        return []
    return [f"{_lens_label(report)}{''.join(f'{name:>10}' for name in CHANNELS)}"]


def value_line(report: ImageReport, entry: int) -> str:
    """The number of one entry, or its three components."""
    assert report.values is not None
    entry_values = report.values.numbers[entry]
    if entry_values.ndim == 0:
        return f"{_lens_label(report)} {numbers.format_number(float(entry_values))}"
    return _lens_label(report) + "".join(f"{numbers.format_number(float(number)):>10}" for number in entry_values)


def _lens_label(report: ImageReport) -> str:
    assert report.query.lens is not None
    return f"  {report.query.lens.name}"


def lens_lines(report: ImageReport, row: int) -> Iterator[str]:
    """A lens's result for one entry of the report other than a number: facts, a row of a matrix, maps."""
    entry = report.entries[row]
    lines = fact_lines(report.facts[row].result) if report.facts else []
    if report.whole_result is not None and not is_image_level(report.whole_result.result):
        lines = fact_lines(report.whole_result.result, entry)
        if report.answer is not None and isinstance(report.whole_result.result, TokenMaps):
            answer_words = [visible(token.piece, token.text) for token in report.answer.tokens]
            lines = [line._replace(label=word) for line, word in zip(lines, answer_words, strict=False)]
    yield from _lines(lines)


def whole_report(report: ImageReport) -> Iterator[str]:
    """A lens's result for the whole image."""
    if report.whole_result is None or not is_image_level(report.whole_result.result):
        return
    yield f"Lens {isolate(plain(report.whole_result.call.lens.shown))}"
    yield ""
    yield from _lines(fact_lines(report.whole_result.result))
    yield ""


def _lines(lines: list[FactLine]) -> Iterator[str]:
    label_width = min(28, max((width(line.label) for line in lines), default=0))
    for line in lines:
        start = f"  {isolate(fit(line.label, label_width))}  "
        yield from flow([f"{isolate(word)} " for word in line.value.split(" ")], start, indent=label_width + 4)


def _short(number: float) -> str:
    """`.83`, `-.12`, `12`: two decimals below ten, none above."""
    if abs(number) >= 10:
        return f"{number:.0f}"
    text = f"{round(number, 2) + 0.0:.2f}"  # avoids minus zero
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
