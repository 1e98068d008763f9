"""`vlmtui vocabulary`: norms of the embedding matrix's rows, as text, JSON or CSV (`--near`: see `word_neighbours`).

The JSON is `vlmtui/vocabulary/1`:

    {"schema", "model": {...},                                     as in vlmtui/report/1
     "rows", "hidden", "words", "special", "unnamed", "added",     unnamed: rows without a token in the tokenizer
     "tied",                                                       whether the output head uses the same matrix
     "scale",                                                      factor of the rows before the first layer; null
                                                                   where they are changed otherwise
     "norms": {"median", "least", "most", "zero", "not_finite"},   of all rows; least and most are finite
     "histogram": [{"from", "to", "rows", "words"}],               half-open bins, the last one closed
     "smallest": [{"id", "piece", "text", "kind", "norm"}], "largest": [...],
     "without_token": {"first", "last", "least", "most"} or null,  first and last id, least and most norm
     "identical": {"groups", "rows", "largest": [{"rows", "norm", "ids", "pieces"}]}}     ids and pieces: the first 8

In CSV every row of the vocabulary is a line: `first` is the lowest row that holds the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlmtui.display import numbers
from vlmtui.display.pieces import fit, visible, width
from vlmtui.display.text_lines import COLUMNS, flow, labelled
from vlmtui.errors import UsageError
from vlmtui.metrics import DEFAULT_METRIC
from vlmtui.query.options import LoadOptions, load_model
from vlmtui.reading import ModelInfo
from vlmtui.reports.commands import word_neighbours as nearby
from vlmtui.reports.commands.word_neighbours import model_heading, model_object, shown_piece
from vlmtui.reports.formats import csv, json
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.reports.output.target import target
from vlmtui.results.vocabulary import Ids, VocabularyRows, check_word_metric
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import connect
from vlmtui.session.protocol import Progress
from vlmtui.session.reconnecting import OnProgress

SCHEMA = "vlmtui/vocabulary/1"
BINS = 20
_BAR = 44
_NAMED = 8
_MIDDLE = (0.1, 99.9)  # percentiles: the first and the last bin reach from there to the ends


@dataclass(frozen=True)
class VocabularyOptions:
    """What to report of a vocabulary: the words near a word, or without one the norms of its rows.

    With `csv_safe`, texts of a table are no formulas of a spreadsheet.
    """

    near: str | None = None
    metric: str = DEFAULT_METRIC
    k: int = 8
    all_tokens: bool = False
    csv_safe: bool = False


def run_vocabulary(
    load: LoadOptions,
    asked: VocabularyOptions,
    format: str,
    output: str | None,
    quiet: bool,
    tell: Callable[[str], object],
) -> int:
    """Write the report of a model's vocabulary; return the exit status."""
    if format not in FORMATS:
        raise UsageError(f"vocabulary has no format {format!r}: choose {', '.join(FORMATS)}")
    check_word_metric(asked.metric)
    with target(output) as to:
        progress = ProgressLine(quiet)
        client = connect(load.where, on_line=lambda said: progress(Progress(said)) if said else None)
        try:
            if client.note:
                tell(client.note)
            for piece in _written(client, load, asked, format, progress):
                progress.clear()
                to.write(piece)
            to.flush()
        finally:
            progress.clear()
            client.close()
    return 0


def _written(
    client: SessionClient, load: LoadOptions, asked: VocabularyOptions, format: str, progress: OnProgress
) -> Iterator[str]:
    model = load_model(client, load, progress).result()
    if asked.near is not None:
        near = client.near(asked.near, asked.metric, asked.k, asked.all_tokens, on_progress=progress).result()
        yield from nearby.FORMATS[format](model, near, asked.csv_safe)
        return
    writer = FORMATS[format]
    found = client.vocabulary(asked.k, asked.all_tokens, named=writer in _OF_EVERY_ROW, on_progress=progress).result()
    yield from writer(model, found, asked.csv_safe)


def vocabulary_text(model: ModelInfo, found: VocabularyRows, csv_safe: bool = False) -> Iterator[str]:
    """One page of text."""
    yield from (f"{line.rstrip()}\n" for line in _page(model, found))


def _page(model: ModelInfo, found: VocabularyRows) -> Iterator[str]:
    unnamed, finite = found.of("unnamed"), np.isfinite(found.norms)
    yield from model_heading(model)
    kinds = [numbers.count(int(found.of("word").sum()), "word"), f"{int(found.of('special').sum()):,} special"]
    kinds.append(f"{int(unnamed.sum()):,} without a token")
    yield from labelled("rows", f"{found.rows:,} of {found.hidden:,} numbers each: {', '.join(kinds)}")
    yield from labelled("added", f"{numbers.count(found.added, 'token')} added to the tokenizer, special ones included")
    yield from labelled(
        "matrix", f"{('also' if found.tied else 'not')} that of the unembedding; {scale_note(found.scale)}"
    )
    if unnamed.any():
        yield from labelled("unnamed", _without(found))
    yield from labelled("same", _same(found))
    if not finite.all():
        wrong = numbers.count(int((~finite).sum()), "row")
        yield from labelled("wrong", f"{wrong} with numbers that are not finite, which are left out below")
    if not finite.any():
        return
    norms = found.norms[finite]
    ends = f"median {numbers.format_number(float(np.median(norms)))}, from {numbers.format_number(float(norms.min()))}"
    zero = int((norms == 0).sum())
    yield from labelled(
        "norms",
        f"{ends} to {numbers.format_number(float(norms.max()))}"
        + (f"; {numbers.count(zero, 'row')} of zeros" if zero else ""),
    )
    yield ""
    yield from _drawn(found)
    yield ""
    of = "of all rows" if found.all_tokens else "of the words"
    for title, ids in (("Smallest norms", found.smallest), ("Largest norms", found.largest)):
        yield f"{title} {of}: norm, id, piece"
        yield from _listed(found, ids)
        yield ""
    alike = found.identical[: len(found.smallest) or _NAMED]
    if alike:
        yield "Identical rows: how many, norm, ids and pieces"
        for group in alike:
            cells = [f"{id_} {shown_piece(found.pieces[id_], found.texts[id_])}   " for id_ in group[:_NAMED].tolist()]
            more = [f"and {len(group) - _NAMED:,} more"] if len(group) > _NAMED else []
            norm = numbers.format_number(float(found.norms[group[0]]))
            yield from flow([*cells, *more], f"{len(group):>7,}  {norm:>9}  ", indent=20)
        yield ""


def scale_note(scale: float | None) -> str:
    """The sentence on the scale of rows before the first layer."""
    if scale is None:
        return (
            "its rows are not multiplied by one number on their way to the first layer: norms are those at "
            "the first layer"
        )
    if scale == 1:
        return "its rows reach the first layer as they are"
    by = numbers.format_number(scale)
    return f"its rows are multiplied by {by} on their way to the first layer: norms are those at the first layer"


def _without(found: VocabularyRows) -> str:
    ids = np.flatnonzero(found.of("unnamed"))
    norms = found.norms[ids]
    norms = norms[np.isfinite(norms)]
    row = f"row {ids[0]}" if len(ids) == 1 else f"{numbers.count(len(ids), 'row')} from {ids[0]} to {ids[-1]}"
    if not norms.size:
        return row
    return (
        f"{row}, norms from {numbers.format_number(float(norms.min()))} to {numbers.format_number(float(norms.max()))}"
    )


def _same(found: VocabularyRows) -> str:
    alike = found.identical
    if not alike:
        return "no two rows are identical"
    rows = sum(len(group) for group in alike)
    return f"{numbers.count(rows, 'row')} in {numbers.count(len(alike), 'group')} of identical rows"


def _drawn(found: VocabularyRows) -> Iterator[str]:
    """The histogram of norms as bars: words, and rows that are not words."""
    bars = norm_histogram(found)
    most = max(bar.rows for bar in bars)
    labels = [f"{numbers.format_number(bar.low)} –" for bar in bars]
    label, count = max(map(width, labels)), max(len(f"{bar.rows:,}") for bar in bars)
    others = any(bar.rows > bar.words for bar in bars)
    yield "Norms of the rows" + (": █ words, ░ special tokens, rows without a token" if others else "")
    room = min(_BAR, COLUMNS - label - count - 4)
    for text, bar in zip(labels, bars, strict=True):
        filled = -(-bar.rows * room // most)  # at least one cell for a bin that is not empty
        words = min(filled - (bar.rows > bar.words), -(-bar.words * room // most))
        yield f"{fit(text, label, 'right')}  {'█' * words}{'░' * (filled - words)} {bar.rows:,}"


def _listed(found: VocabularyRows, ids: Ids) -> Iterator[str]:
    wide = max((len(str(id_)) for id_ in ids.tolist()), default=1)
    for id_ in ids.tolist():
        kind = found.kind(id_)
        said = {"word": "", "special": "  special", "unnamed": "  no token"}[kind]
        shown = shown_piece(found.pieces[id_], found.texts[id_])
        yield f"  {numbers.format_number(float(found.norms[id_])):>9}  {id_:>{wide}}  {shown}{said}"


@dataclass(frozen=True)
class HistogramBin:
    """The number of rows, and of words among them, with a norm from `low` to `high`."""

    low: float
    high: float
    rows: int
    words: int


def norm_histogram(found: VocabularyRows) -> list[HistogramBin]:
    """The finite norms in `BINS` bins of equal width; the first and last extend to the extremes."""
    finite = np.isfinite(found.norms)
    norms = found.norms[finite]
    if not norms.size:
        return []
    least, most = float(norms.min()), float(norms.max())
    if least == most:
        return [HistogramBin(least, most, len(norms), int((found.of("word") & finite).sum()))]
    low, high = (float(end) for end in np.percentile(norms, _MIDDLE))
    edges = np.linspace(low, high, BINS + 1) if high > low else np.linspace(least, most, BINS + 1)
    edges[0], edges[-1] = least, most
    counts, _ = np.histogram(norms, edges)
    words, _ = np.histogram(found.norms[finite & found.of("word")], edges)
    return [HistogramBin(float(edges[i]), float(edges[i + 1]), int(counts[i]), int(words[i])) for i in range(BINS)]


def vocabulary_json(model: ModelInfo, found: VocabularyRows, csv_safe: bool = False) -> Iterator[str]:
    """One object."""
    yield f"{json.json_line(vocabulary_object(model, found))}\n"


def vocabulary_object(model: ModelInfo, found: VocabularyRows) -> json.Object:
    """The JSON object of a vocabulary: `vlmtui/vocabulary/1`."""
    finite = found.norms[np.isfinite(found.norms)]
    without = np.flatnonzero(found.of("unnamed"))
    alike = found.identical
    return {
        "schema": SCHEMA,
        "model": model_object(model),
        "rows": found.rows,
        "hidden": found.hidden,
        "words": int(found.of("word").sum()),
        "special": int(found.of("special").sum()),
        "unnamed": len(without),
        "added": found.added,
        "tied": found.tied,
        "scale": found.scale,
        "norms": {
            **_ends(finite),
            "median": float(np.median(finite)) if finite.size else None,
            "zero": int((finite == 0).sum()),
            "not_finite": found.rows - len(finite),
        },
        "histogram": [
            {"from": bar.low, "to": bar.high, "rows": bar.rows, "words": bar.words} for bar in norm_histogram(found)
        ],
        "smallest": [_row(found, id_) for id_ in found.smallest.tolist()],
        "largest": [_row(found, id_) for id_ in found.largest.tolist()],
        "without_token": {"first": int(without[0]), "last": int(without[-1]), **_ends(found.norms[without])}
        if len(without)
        else None,
        "identical": {
            "groups": len(alike),
            "rows": sum(len(group) for group in alike),
            "largest": [
                {
                    "rows": len(group),
                    "norm": float(found.norms[group[0]]),
                    "ids": group[:_NAMED].tolist(),
                    "pieces": [found.pieces[id_] for id_ in group[:_NAMED].tolist()],
                }
                for group in alike[: len(found.smallest) or _NAMED]
            ],
        },
    }


def vocabulary_csv(model: ModelInfo, found: VocabularyRows, csv_safe: bool = False) -> Iterator[str]:
    """One line for each row of the vocabulary; `csv_safe`: no text of it is a formula of a spreadsheet."""
    yield from csv.csv_lines(vocabulary_rows(found), csv_safe)


def vocabulary_rows(found: VocabularyRows) -> Iterator[list[Any]]:
    """The header of the table, and one row for each row of the vocabulary."""
    yield ["id", "word", "piece", "kind", "norm", "first"]
    norms = [norm if np.isfinite(norm) else None for norm in found.norms.tolist()]
    for id_, (norm, first) in enumerate(zip(norms, found.first.tolist(), strict=True)):
        piece = found.pieces[id_]
        yield [id_, visible(piece, found.texts[id_]), piece, found.kind(id_), norm, first]


def _row(found: VocabularyRows, id_: int) -> json.Object:
    return {
        "id": id_,
        "piece": found.pieces[id_],
        "text": found.texts[id_],
        "kind": found.kind(id_),
        "norm": float(found.norms[id_]),
    }


def _ends(norms: np.ndarray[tuple[int], np.dtype[np.float64]]) -> json.Object:
    finite = norms[np.isfinite(norms)]
    return {"least": float(finite.min()), "most": float(finite.max())} if finite.size else {"least": None, "most": None}


FORMATS: dict[str, Callable[[ModelInfo, VocabularyRows, bool], Iterator[str]]] = {
    "text": vocabulary_text,
    "json": vocabulary_json,
    "csv": vocabulary_csv,
}
_OF_EVERY_ROW = (vocabulary_csv,)
"""Those that need the names of all rows."""
