"""JSON and CSV of an atlas.

The JSON is `vlmtui/atlas/1`, one object:

    {"schema", "tables": [...],                                    the files
     "query": {"model", "stage", "metric", "k"},                   k: words a token in the tables, at most
     "pictures", "failed", "entries",                              entries: image tokens, or vision patches
     "partial", "uncounted",                                       images with rows missing; of rare grid shapes
     "words": [{"id", "piece", "text",                             the most frequent, by `first`
                "first", "first_share",                            entries that have it as top-1
                "among", "among_share",                            entries that have it among the k
                "pictures_first", "pictures_first_share", "pictures_among", "pictures_among_share",
                "where": [[...]],                                  share of entries that have it as top-1, in 8 × 8
                                                                   squares over every grid; null without entries
                "patches": [{"image", "sha256", "grid", "row", "col", "index", "box", "norm", "score",
                              "place"}]}],                         rank of the word in the patch, from 1; patches are
                                                                   sorted by it, then by score
     "sought": [{"word", "ids", "pieces", "first", "among", "where", "patches"}],     where: among the k
     "outliers": {"rule": {"z", "alpha", "mostly", "least"}, "grids": [...]},         grids: as in vlmtui/outliers/1
     "failures": [{"image", "error"}]}                             at most 1,000 of them

CSV has one of the tables `words`, `where`, `patches`, `outliers` and `failures`. If words are asked for, `where` and
`patches` are about these alone; the last column of `where` says what its share counts, `first` or `among`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vlmtui.display.norm_statistics import THRESHOLD
from vlmtui.display.outlier_positions import ALPHA, LEAST, MOSTLY
from vlmtui.display.pieces import visible
from vlmtui.reports.atlas.examples import PatchExample, WordExamples
from vlmtui.reports.atlas.summary import Atlas
from vlmtui.reports.commands.outliers import grid_object
from vlmtui.reports.formats import csv, json

SCHEMA = "vlmtui/atlas/1"
_OF_PATCH = ("image", "sha256", "grid", "row", "col", "index")


def atlas_json(atlas: Atlas) -> Iterator[str]:
    """One JSON object on a line."""
    yield f"{json.json_line(atlas_object(atlas))}\n"


def atlas_object(atlas: Atlas) -> json.Object:
    """The JSON object of an atlas: `vlmtui/atlas/1`."""
    counts = atlas.counts
    return {
        "schema": SCHEMA,
        "tables": list(atlas.files),
        "query": {"model": counts.model, "stage": counts.stage, "metric": counts.metric, "k": counts.k},
        "pictures": counts.pictures,
        "failed": counts.failed,
        "entries": counts.entries,
        "partial": counts.incomplete,
        "uncounted": counts.uncounted,
        "words": [
            {**_named(atlas, word.ids[0]), **word_counts_object(atlas, word), **_places(word)}
            for word in atlas.words.most_frequent
        ],
        "sought": [
            {
                "word": word.sought,
                "ids": list(word.ids),
                "pieces": [counts.names[id_][0] for id_ in word.ids],
                "first": sum(counts.first.of(id_) for id_ in word.ids),
                "among": sum(counts.among.of(id_) for id_ in word.ids),
                **_places(word),
            }
            for word in atlas.words.sought
        ],
        "outliers": {
            "rule": {"z": THRESHOLD, "alpha": ALPHA, "mostly": MOSTLY, "least": LEAST},
            "grids": [grid_object(tally) for tally in counts.shapes],
        },
        "failures": [{"image": image, "error": error} for image, error in counts.failures],
    }


def word_counts_object(atlas: Atlas, word: WordExamples) -> json.Object:
    """Counts of a word by entry and by image, with their shares."""
    counts = atlas.counts
    shares_object: json.Object = {}
    for name, count, total in (
        ("first", counts.first.of(word.ids[0]), counts.entries),
        ("among", counts.among.of(word.ids[0]), counts.entries),
        ("pictures_first", word.pictures_first, counts.pictures),
        ("pictures_among", word.pictures_among, counts.pictures),
    ):
        shares_object |= {name: count, f"{name}_share": count / total}
    return shares_object


def _named(atlas: Atlas, id_: int) -> json.Object:
    piece, text = atlas.counts.names[id_]
    return {"id": id_, "piece": piece, "text": text}


def _places(word: WordExamples) -> json.Object:
    return {"where": word.shares.tolist(), "patches": [_patch(patch) for patch in word.patches]}


def _patch(patch: PatchExample) -> json.Object:
    row = patch.row
    box = None if patch.box is None else list(patch.box)
    return {name: row[name] for name in _OF_PATCH} | {
        "box": box,
        "norm": row["norm"],
        "score": patch.score,
        "place": patch.place + 1,
    }


def atlas_csv(atlas: Atlas) -> Iterator[str]:
    """One table with a header line."""
    yield from csv.csv_lines(TABLES[atlas.options.table](atlas), atlas.options.csv_safe)


def _words(atlas: Atlas) -> Iterator[list[Any]]:
    names = [f"{count_name}{share}" for count_name in _COUNTED for share in ("", "_share")]
    yield ["id", "word", "piece", *names]
    for word in atlas.words.most_frequent:
        (id_,) = word.ids
        word_object = word_counts_object(atlas, word)
        piece, text = atlas.counts.names[id_]
        yield [id_, visible(piece, text), piece, *(word_object[name] for name in names)]


_COUNTED = ("first", "among", "pictures_first", "pictures_among")


def _every(atlas: Atlas) -> Iterator[tuple[str, WordExamples]]:
    """The words asked for that occur; the most frequent ones where none was asked for."""
    for word in atlas.words.sought or atlas.words.most_frequent:
        if word.ids:
            yield word.sought or visible(*atlas.counts.names[word.ids[0]]), word


def _where(atlas: Atlas) -> Iterator[list[Any]]:
    yield ["word", "id", "row", "col", "share", "counts"]
    for word, examples in _every(atlas):
        for (row, col), share in np.ndenumerate(examples.shares):
            count_name = "first" if examples.sought is None else "among"
            yield [word, _one(examples), row, col, float(share) if np.isfinite(share) else None, count_name]


def _patches(atlas: Atlas) -> Iterator[list[Any]]:
    yield ["word", "id", "score", *_OF_PATCH, "x0", "y0", "x1", "y1", "norm", "place"]
    for word, examples in _every(atlas):
        for patch in examples.patches:
            row = patch.row
            box = [row[name] for name in ("x0", "y0", "x1", "y1")]
            patch_cells = [*(row[name] for name in _OF_PATCH), *box, row["norm"], patch.place + 1]
            yield [word, _one(examples), patch.score, *patch_cells]


def _one(word: WordExamples) -> int | None:
    """The id of a word with a single spelling; None for several."""
    return word.ids[0] if len(word.ids) == 1 else None


def _outliers(atlas: Atlas) -> Iterator[list[Any]]:
    shape, position = ("kind", "rows", "cols", "verdict"), ("row", "col", "index", "count", "views", "share", "chance")
    yield [*shape, *position, "repeats"]
    for tally in atlas.counts.shapes:
        grid = grid_object(tally)
        for position_object in grid["positions"]:
            yield [
                *(grid[name] for name in shape),
                *(position_object[name] for name in position),
                "yes" if position_object["repeats"] else "no",
            ]


def _failures(atlas: Atlas) -> Iterator[list[Any]]:
    yield ["image", "error"]
    yield from map(list, atlas.counts.failures)


TABLES: dict[str, Callable[[Atlas], Iterator[list[Any]]]] = {
    "words": _words,
    "where": _where,
    "patches": _patches,
    "outliers": _outliers,
    "failures": _failures,
}
