"""Word neighbours (`vlmtui vocabulary --near`): the vocabulary rows nearest to a word, as text, JSON or CSV.

The JSON is `vlmtui/near/1`:

    {"schema", "model": {...}, "query": {"word", "pieces", "ids", "note", "metric", "k", "candidates", "left_out"},
     "words": [{"id", "piece", "text", "score", "special", "norm"}]}      nearest first
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vlmtui.display import numbers
from vlmtui.display.pieces import isolate, plain, visible
from vlmtui.display.text_lines import labelled, wrapped
from vlmtui.reading import ModelInfo
from vlmtui.reports.formats import csv, json
from vlmtui.results.vocabulary import WordNeighbours

SCHEMA = "vlmtui/near/1"


def neighbours_text(model: ModelInfo, near: WordNeighbours) -> Iterator[str]:
    """One page."""
    yield from (f"{line.rstrip()}\n" for line in _page(model, near))


def _page(model: ModelInfo, near: WordNeighbours) -> Iterator[str]:
    yield from model_heading(model)
    own = ", ".join(f"{isolate(plain(piece))} ({id_})" for piece, id_ in zip(near.of, near.of_ids, strict=True))
    yield from labelled("word", f"{isolate(plain(near.word))}: {own}" + (f"; {near.note}" if near.note else ""))
    yield from labelled("metric", f"{near.metric}, among {numbers.count(near.candidates, 'row')}; without its own")
    yield ""
    yield from wrapped("Score, norm, id, word-piece; the nearest first.", "")
    wide = max((len(str(id_)) for id_ in near.ids.tolist()), default=1)
    for id_, score, norm in zip(near.ids.tolist(), near.scores.tolist(), near.norms.tolist(), strict=True):
        shown = shown_piece(near.pieces[id_], near.texts[id_])
        said = "  special" if id_ in near.special else ""
        yield f"  {numbers.format_number(score):>9}  {numbers.format_number(norm):>9}  {id_:>{wide}}  {shown}{said}"


def neighbours_json(model: ModelInfo, near: WordNeighbours) -> Iterator[str]:
    """One object."""
    query = {
        "word": near.word,
        "pieces": list(near.of),
        "ids": list(near.of_ids),
        "note": near.note,
        "metric": near.metric,
        "k": len(near.ids),
        "candidates": near.candidates,
        "left_out": near.left_out,
    }
    words = [
        {
            "id": id_,
            "piece": near.pieces[id_],
            "text": near.texts[id_],
            "score": score,
            "special": id_ in near.special,
            "norm": norm,
        }
        for id_, score, norm in zip(near.ids.tolist(), near.scores.tolist(), near.norms.tolist(), strict=True)
    ]
    yield f"{json.json_line({'schema': SCHEMA, 'model': model_object(model), 'query': query, 'words': words})}\n"


def neighbours_csv(model: ModelInfo, near: WordNeighbours) -> Iterator[str]:
    """One line per word, the nearest first."""
    yield csv.csv_line(["id", "word", "piece", "score", "norm"])
    for id_, score, norm in zip(near.ids.tolist(), near.scores.tolist(), near.norms.tolist(), strict=True):
        yield csv.csv_line([id_, visible(near.pieces[id_], near.texts[id_]), near.pieces[id_], score, norm])


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


FORMATS: dict[str, Callable[[ModelInfo, WordNeighbours], Iterator[str]]] = {
    "text": neighbours_text,
    "json": neighbours_json,
    "csv": neighbours_csv,
}
