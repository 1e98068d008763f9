"""Lens data of a page: the results of a lens for the image, serialised for the page's script."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vlmtui.display.numbers import format_number
from vlmtui.display.pieces import plain, visible
from vlmtui.lenses.captions import LensResult, legend_line, lens_label
from vlmtui.lenses.fact_lines import FactLine, fact_lines, is_image_level, top_words
from vlmtui.lenses.kinds import Colours, TokenMaps, Words
from vlmtui.query.chosen_lens import ChosenLens, lens_for
from vlmtui.query.options import SearchOptions
from vlmtui.reading import Reading
from vlmtui.reports.image_reader import answer_for
from vlmtui.results.answers import Answer
from vlmtui.session.reconnecting import OnProgress

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient


@dataclass(frozen=True)
class PageLens:
    """The results of a lens at a stage: a single one, or one per entry for a lens computed entry by entry."""

    lens: ChosenLens
    stage: str
    results: tuple[LensResult, ...]
    answer: Answer | None = None


def look_for_page(
    client: SessionClient,
    reading: Reading,
    lens: ChosenLens,
    stage: str,
    search: SearchOptions,
    on_progress: OnProgress | None,
) -> PageLens:
    """Compute a lens for all entries of a stage."""
    call, answer = lens_for(lens, reading, stage, search), answer_for(client, reading, lens, on_progress)
    entry_range = range(len(reading.places_at(stage)))
    requests: tuple[tuple[int, ...] | None, ...] = (
        tuple((entry,) for entry in entry_range) if lens.takes_one_entry else (None,)
    )
    answer_id = answer.id if answer else ""
    results = tuple(
        client.look(
            reading.id, stage, call, entries=requested, answer=answer_id, k=search.k, on_progress=on_progress
        ).result()
        for requested in requests
    )
    return PageLens(lens, stage, results, answer)


def lens_data(page_lens: PageLens, entries: int) -> dict[str, Any]:
    """The data that the page's script reads; colours are four bytes per entry: red, green, blue, defined."""
    first = page_lens.results[0] if page_lens.results else None
    single = page_lens.lens.takes_one_entry
    rows = [(page_lens.results[i], 0) if single else (page_lens.results[0], i) for i in range(entries)]
    lines = [_lines(page_lens, result, row) for result, row in rows]
    return {
        "name": page_lens.lens.name,
        "kind": page_lens.lens.kind.name,
        "stage": page_lens.stage,
        "title": lens_label(page_lens.lens.call),
        "legend": _legend(page_lens, first),
        "colours": _colours(first) if first is not None and first.drawn else None,
        "firsts": _firsts(first),
        "lines": lines,
        "whole": _pairs(fact_lines(first.result)) if first is not None and is_image_level(first.result) else [],
    }


def _legend(page_lens: PageLens, first: LensResult | None) -> str:
    if first is None:
        return f"{page_lens.lens.name}: {page_lens.stage} has no entries"
    legend = legend_line(first, page_lens.lens.inputs())
    if first.drawn and not isinstance(first.result, Colours):
        scale = first.scale(first.numbers)
        legend += f": {format_number(scale.low, 3)} to {format_number(scale.high, 3)}"
    if page_lens.answer is not None:
        legend += f", the mean over the answer “{plain(page_lens.answer.text)}”"
    return legend


def _colours(result: LensResult) -> str:
    numbers = np.asarray(result.numbers)
    is_finite = np.isfinite(numbers) if numbers.ndim == 1 else np.isfinite(numbers).all(axis=1)
    painted = result.painted(np.nan_to_num(numbers), result.scale(numbers))
    packed = np.concatenate([painted, is_finite[:, None].astype(np.uint8)], axis=1)
    return base64.b64encode(np.ascontiguousarray(packed, np.uint8).tobytes()).decode()


def _firsts(result: LensResult | None) -> list[str]:
    """The top-1 word of every entry."""
    if result is None or not isinstance(result.result, Words):
        return []
    return top_words(result.result)


def _lines(page_lens: PageLens, result: LensResult, row: int) -> list[list[str]]:
    """The lines of facts of one entry."""
    if is_image_level(result.result):
        return []
    lines = fact_lines(result.result, row)
    if page_lens.answer is not None and isinstance(result.result, TokenMaps):
        answer_words = [visible(token.piece, token.text) for token in page_lens.answer.tokens]
        lines = [line._replace(label=word) for line, word in zip(lines, answer_words, strict=False)]
    return _pairs(lines)


def _pairs(lines: list[FactLine]) -> list[list[str]]:
    return [[line.label, line.value] for line in lines]
