"""Lens data of a page: the results of a lens for the image, serialised for the page's script."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vlmtui.display.colours import robust_range
from vlmtui.display.numbers import format_number
from vlmtui.display.pieces import plain, visible
from vlmtui.lenses.captions import LensResult, legend_line, lens_label
from vlmtui.lenses.fact_lines import FactLine, fact_lines, is_image_level, top_words
from vlmtui.lenses.kinds import Colours, TokenMaps, Words
from vlmtui.query.chosen_lens import ChosenLens, lens_for
from vlmtui.reading import Reading
from vlmtui.reports.image_reader import answer_for
from vlmtui.results.answers import Answer
from vlmtui.session.reconnecting import OnProgress

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient


@dataclass(frozen=True)
class PageLens:
    """The results of a lens at a stage: a single one, or one per entry for a lens computed entry by entry."""

    through: ChosenLens
    stage: str
    results: tuple[LensResult, ...]
    answer: Answer | None = None


def look_for_page(
    client: SessionClient, reading: Reading, through: ChosenLens, stage: str, k: int, on_progress: OnProgress | None
) -> PageLens:
    """Compute a lens for all entries of a stage."""
    call, answer = lens_for(through, reading, stage), answer_for(client, reading, through, on_progress)
    many = range(len(reading.places_at(stage)))
    some: tuple[tuple[int, ...] | None, ...] = tuple((entry,) for entry in many) if through.of_single else (None,)
    said = answer.id if answer else ""
    results = tuple(
        client.look(reading.id, stage, call, entries=of, answer=said, k=k, on_progress=on_progress).result()
        for of in some
    )
    return PageLens(through, stage, results, answer)


def lens_data(found: PageLens, entries: int) -> dict[str, Any]:
    """The data that the page's script reads; colours are four bytes per entry: red, green, blue, defined."""
    first = found.results[0] if found.results else None
    single = found.through.of_single
    rows = [(found.results[i], 0) if single else (found.results[0], i) for i in range(entries)]
    lines = [_lines(found, one, row) for one, row in rows]
    return {
        "name": found.through.name,
        "kind": found.through.kind.name,
        "stage": found.stage,
        "title": lens_label(found.through.call),
        "legend": _legend(found, first),
        "colours": _colours(first) if first is not None and first.drawn else None,
        "firsts": _firsts(first),
        "lines": lines,
        "whole": _pairs(fact_lines(first.result)) if first is not None and is_image_level(first.result) else [],
    }


def _legend(found: PageLens, first: LensResult | None) -> str:
    if first is None:
        return f"{found.through.name}: {found.stage} has no entries"
    said = legend_line(first, found.through.asked())
    if first.drawn and not isinstance(first.result, Colours):
        low, high = robust_range(first.numbers)
        said += f": {format_number(low, 3)} to {format_number(high, 3)}"
    if found.answer is not None:
        said += f", the mean over the answer “{plain(found.answer.text)}”"
    return said


def _colours(looked: LensResult) -> str:
    numbers = np.asarray(looked.numbers)
    low, high = robust_range(numbers) if numbers.ndim == 1 else (0.0, 1.0)
    there = np.isfinite(numbers) if numbers.ndim == 1 else np.isfinite(numbers).all(axis=1)
    painted = looked.painted(np.nan_to_num(numbers), low, high)
    packed = np.concatenate([painted, there[:, None].astype(np.uint8)], axis=1)
    return base64.b64encode(np.ascontiguousarray(packed, np.uint8).tobytes()).decode()


def _firsts(looked: LensResult | None) -> list[str]:
    """The top-1 word of every entry."""
    if looked is None or not isinstance(looked.result, Words):
        return []
    return top_words(looked.result)


def _lines(found: PageLens, looked: LensResult, row: int) -> list[list[str]]:
    """The lines of facts of one entry."""
    if is_image_level(looked.result):
        return []
    lines = fact_lines(looked.result, row)
    if found.answer is not None and isinstance(looked.result, TokenMaps):
        said = [visible(token.piece, token.text) for token in found.answer.tokens]
        lines = [line._replace(label=word) for line, word in zip(lines, said, strict=False)]
    return _pairs(lines)


def _pairs(lines: list[FactLine]) -> list[list[str]]:
    return [[line.label, line.value] for line in lines]
