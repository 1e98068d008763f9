"""Lens values as text: the result of a lens for the entries of a stage."""

from __future__ import annotations

from collections.abc import Iterator

from vlmtui.display import numbers
from vlmtui.display.pieces import fit, isolate, plain, visible, width
from vlmtui.display.text_lines import flow
from vlmtui.lenses import captions
from vlmtui.lenses.captions import report_line
from vlmtui.lenses.fact_lines import FactLine, fact_lines, is_image_level
from vlmtui.lenses.kinds import TokenMaps
from vlmtui.reports.formats.parts.text_grid import cell_grid
from vlmtui.reports.image_report import ImageReport
from vlmtui.results import early_exit


def lens_line(seen: ImageReport) -> str:
    """Description of the lens's numbers, or of the words of the projector lens."""
    if seen.projected:
        return f"{early_exit.early_exit_name(seen.stage)}; a patch has the words of the token that it goes into"
    through = seen.query.lens
    assert through is not None
    values = seen.values or seen.looked or (seen.facts[0] if seen.facts else None)
    if values is None:  # words by entry
        return captions.words_report_line(through.call, through.description.line)
    if seen.answer is not None:
        return f"{report_line(values, through.asked())}; of the answer: {isolate(plain(seen.answer.text))}"
    return report_line(values, through.asked(seen.reading.model.marks_words))


def value_grid(seen: ImageReport, columns: int) -> Iterator[str]:
    """One number per entry, laid out on its grids; nothing for components, which are three numbers."""
    assert seen.values is not None
    if seen.values.numbers.ndim == 1:
        said = {entry: _short(float(seen.values.numbers[entry])) for entry in seen.entries}
        yield from cell_grid(seen.reading, seen.stage, said, columns, "Values of the lens")


def value_line(seen: ImageReport, entry: int) -> str:
    """The number of one entry, or its three components."""
    assert seen.query.lens is not None
    assert seen.values is not None
    found = seen.values.numbers[entry]
    said = [found] if found.ndim == 0 else list(found)
    return f"{seen.query.lens.name} {' '.join(numbers.format_number(float(number)) for number in said)}"


def lens_lines(seen: ImageReport, row: int) -> Iterator[str]:
    """A lens's result for one entry of the report other than a number: facts, a row of a matrix, maps."""
    entry = seen.entries[row]
    found = fact_lines(seen.facts[row].result) if seen.facts else []
    if seen.looked is not None and not is_image_level(seen.looked.result):
        found = fact_lines(seen.looked.result, entry)
        if seen.answer is not None and isinstance(seen.looked.result, TokenMaps):
            said = [visible(token.piece, token.text) for token in seen.answer.tokens]
            found = [line._replace(label=word) for line, word in zip(found, said, strict=False)]
    yield from _lines(found)


def whole_report(seen: ImageReport) -> Iterator[str]:
    """A lens's result for the whole image."""
    if seen.looked is None or not is_image_level(seen.looked.result):
        return
    yield f"Lens {isolate(plain(seen.looked.call.lens.shown))}"
    yield ""
    yield from _lines(fact_lines(seen.looked.result))
    yield ""


def _lines(found: list[FactLine]) -> Iterator[str]:
    wide = min(28, max((width(line.label) for line in found), default=0))
    for line in found:
        start = f"  {isolate(fit(line.label, wide))}  "
        yield from flow([f"{isolate(word)} " for word in line.value.split(" ")], start, indent=wide + 4)


def _short(number: float) -> str:
    """`.83`, `-.12`, `12`: two decimals below ten, none above."""
    if abs(number) >= 10:
        return f"{number:.0f}"
    text = f"{round(number, 2) + 0.0:.2f}"  # avoids minus zero
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
