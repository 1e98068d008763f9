"""Word neighbours (`vlmtui vocabulary --near`): the vocabulary rows nearest to a word, as text, JSON or CSV.

The JSON is `vlmtui/near/1`:

    {"schema", "model": {...}, "query": {"word", "pieces", "ids", "note", "metric", "k", "candidates", "left_out"},
     "words": [{"id", "piece", "text", "score", "special", "norm"}]}      nearest first
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from vlmtui.display import numbers
from vlmtui.display.metric_names import SCORES, shown_score
from vlmtui.display.pieces import isolate, plain, visible
from vlmtui.display.text_lines import labelled, wrapped
from vlmtui.reading import ModelInfo
from vlmtui.reports.formats import csv, json
from vlmtui.results.vocabulary import WordNeighbours

SCHEMA = "vlmtui/near/1"


def neighbours_text(model: ModelInfo, neighbours: WordNeighbours, csv_safe: bool = False) -> Iterator[str]:
    """One page."""
    yield from (f"{line.rstrip()}\n" for line in _page(model, neighbours))


def _page(model: ModelInfo, neighbours: WordNeighbours) -> Iterator[str]:
    yield from model_heading(model)
    word_pieces = ", ".join(
        f"{isolate(plain(piece))} ({id_})" for piece, id_ in zip(neighbours.of, neighbours.of_ids, strict=True)
    )
    yield from labelled(
        "word",
        f"{isolate(plain(neighbours.word))}: {word_pieces}" + (f"; {neighbours.note}" if neighbours.note else ""),
    )
    yield from labelled(
        "metric", f"{neighbours.metric}, among {numbers.count(neighbours.candidates, 'row')}; without its own"
    )
    yield ""
    score_name = SCORES[neighbours.metric]
    yield from wrapped(f"{score_name[0].upper()}{score_name[1:]}, norm, id, word-piece; the nearest first.", "")
    id_width = max((len(str(id_)) for id_ in neighbours.ids.tolist()), default=1)
    for id_, score, norm in zip(
        neighbours.ids.tolist(), neighbours.scores.tolist(), neighbours.norms.tolist(), strict=True
    ):
        shown = shown_piece(neighbours.pieces[id_], neighbours.texts[id_])
        mark = "  special" if id_ in neighbours.special else ""
        number = numbers.format_number(shown_score(neighbours.metric, score))
        yield f"  {number:>9}  {numbers.format_number(norm):>9}  {id_:>{id_width}}  {shown}{mark}"


def neighbours_json(model: ModelInfo, neighbours: WordNeighbours, csv_safe: bool = False) -> Iterator[str]:
    """One object."""
    query = {
        "word": neighbours.word,
        "pieces": list(neighbours.of),
        "ids": list(neighbours.of_ids),
        "note": neighbours.note,
        "metric": neighbours.metric,
        "k": len(neighbours.ids),
        "candidates": neighbours.candidates,
        "left_out": neighbours.left_out,
    }
    words = [
        {
            "id": id_,
            "piece": neighbours.pieces[id_],
            "text": neighbours.texts[id_],
            "score": score,
            "special": id_ in neighbours.special,
            "norm": norm,
        }
        for id_, score, norm in zip(
            neighbours.ids.tolist(), neighbours.scores.tolist(), neighbours.norms.tolist(), strict=True
        )
    ]
    yield f"{json.json_line({'schema': SCHEMA, 'model': model_object(model), 'query': query, 'words': words})}\n"


def neighbours_csv(model: ModelInfo, neighbours: WordNeighbours, csv_safe: bool = False) -> Iterator[str]:
    """One line per word, the nearest first; `csv_safe`: no text of it is a formula of a spreadsheet."""
    yield from csv.csv_lines(neighbour_rows(neighbours), csv_safe)


def neighbour_rows(neighbours: WordNeighbours) -> Iterator[list[Any]]:
    """The header of the table, and one row for each word."""
    yield ["id", "word", "piece", "score", "norm"]
    for id_, score, norm in zip(
        neighbours.ids.tolist(), neighbours.scores.tolist(), neighbours.norms.tolist(), strict=True
    ):
        yield [id_, visible(neighbours.pieces[id_], neighbours.texts[id_]), neighbours.pieces[id_], score, norm]


def model_heading(model: ModelInfo) -> Iterator[str]:
    """The lines that name the model, with its note."""
    yield from labelled("model", f"{plain(model.name)} · {model.family} · {plain(model.parts)}")
    yield from labelled("runs on", f"{model.device}, {model.dtype}")
    if model.note:
        yield from labelled("note", model.note)


def shown_piece(piece: str | None, text: str | None) -> str:
    """A word-piece for display."""
    return isolate(visible(piece, text))


def model_object(model: ModelInfo) -> json.Object:
    """The JSON object of the model, as in `vlmtui/report/1`."""
    return {key: getattr(model, key) for key in ("name", "family", "revision", "dtype", "device", "processor")}


FORMATS: dict[str, Callable[[ModelInfo, WordNeighbours, bool], Iterator[str]]] = {
    "text": neighbours_text,
    "json": neighbours_json,
    "csv": neighbours_csv,
}
