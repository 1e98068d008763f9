"""`parquet`: one row per image and entry, in the schema `vlmtui/table/1`; a failed image is one row with its error.

The columns are documented in `docs/table.md` and in the file itself: in the metadata of its schema (`vlmtui.schema`)
and of every column (`description`). The file has all of `COLUMNS` for any query, unless `--fields` names some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike

from vlmtui.query.fields import SIMPLE
from vlmtui.query.options import Query
from vlmtui.reading import TokenWords
from vlmtui.reports.image_report import ImageReport, ReportOrFailure
from vlmtui.reports.output.target import Pipe
from vlmtui.reports.per_image import ImageFailure
from vlmtui.reports.select.columns import STANDING, of_parquet, simple
from vlmtui.reports.select.rows import ReportRows

SCHEMA = "vlmtui/table/1"
ROW_GROUP = 16_384
"""Rows buffered before a row group is written, at least; the rows of an image stay together."""

_WORD = pa.struct(
    {
        "id": pa.int64(),
        "piece": pa.string(),
        "text": pa.string(),
        "score": pa.float64(),
        "special": pa.bool_(),
        "explained": pa.float64(),
    }
)
_NOISE = pa.struct({name: pa.float64() for name in STANDING})
COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("image", pa.string(), "source of the image: a path, an address, or - for standard input"),
    ("sha256", pa.string(), "of the file's bytes, in hex"),
    ("width", pa.int32(), "of the image in pixels, after its EXIF turn"),
    ("height", pa.int32(), "of the image in pixels, after its EXIF turn"),
    ("model", pa.string(), "the model, as it was named"),
    ("stage", pa.string(), "vision.i, tokens or llm.i"),
    ("metric", pa.string(), "what the words are ordered by"),
    ("index", pa.int32(), "place among the image's positions in the prompt, or among the vision patches, from 0"),
    ("kind", pa.string(), "patch, newline or query"),
    ("grid", pa.int32(), "the grid it lies in; null where it has no position"),
    ("row", pa.int32(), "row within its grid, from 0; null where it has no position"),
    ("col", pa.int32(), "column within its grid, from 0; null where it has no position"),
    ("x0", pa.float64(), "left edge in pixels of the image; null where nothing of the image is inside"),
    ("y0", pa.float64(), "upper edge in pixels of the image"),
    ("x1", pa.float64(), "right edge in pixels of the image"),
    ("y1", pa.float64(), "lower edge in pixels of the image"),
    ("inside", pa.float64(), "the share of its unclipped box that is image, 0 to 1"),
    ("patches", pa.list_(pa.int32()), "the vision patches it was made of: row-major indices within its grid"),
    ("norm", pa.float32(), "L2 norm of the vector at this stage"),
    ("z", pa.float64(), "robust z-score of the norm among the image's entries at this stage"),
    ("value", pa.float64(), "the value of `--lens`; null without one, and for pca"),
    ("components", pa.list_(pa.float32()), "the three principal components of `--lens pca`"),
    ("words", pa.list_(_WORD), "word-pieces, nearest first; explained: the share of the norm after it, of omp"),
    ("noise", _NOISE, "with `--null`, percentiles of its words in the noise baseline, in percent"),
    ("error", pa.string(), "why there is no result for this image, in a sentence; all but image is null then"),
)
"""Name, type and description of every column."""
MORE: tuple[tuple[str, pa.DataType, str], ...] = (
    ("word", pa.string(), "the top-1 word as it is shown"),
    ("text", pa.string(), "the top-1 word as it is decoded, without the space around it"),
    ("score", pa.float64(), "the top-1 word's score"),
    ("margin", pa.float64(), "the top-1 word's score minus the second's"),
    ("explained", pa.float64(), "the share of the norm that all words explain, of omp"),
    ("ids", pa.list_(pa.int64()), "the ids of the words"),
)
"""Columns that exist only where `--fields` names them."""


def write_parquet(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[bytes]:
    """Write the file, each row group as soon as it is full."""
    wanted = schema(query)
    pipe = Pipe()
    with pq.ParquetWriter(pa.PythonFile(pipe, "w"), wanted, compression="zstd") as writer:
        held: list[pa.RecordBatch] = []
        for result in results:
            held.append(image_rows(result, wanted))
            if sum(len(rows) for rows in held) >= ROW_GROUP:
                _write(writer, held)
                held = []
            yield pipe.taken()
        if held:
            _write(writer, held)
    yield pipe.taken()


def schema(query: Query) -> pa.Schema:
    """The columns of a query's table: all, or those of the fields it names, in that order."""
    every = _fields()
    names = of_parquet(query) if query.output.fields else [name for name, _, _ in COLUMNS]
    return pa.schema([every[name] for name in names], {"vlmtui.schema": SCHEMA})


def image_rows(result: ReportOrFailure, wanted: pa.Schema) -> pa.RecordBatch:
    """The rows of one image: one per entry, or a single one with the error."""
    if isinstance(result, ImageFailure):
        about = {"image": result.name, "error": result.why}
        return pa.record_batch([pa.array([about.get(field.name)], field.type) for field in wanted], schema=wanted)
    made = _Columns(result)
    return pa.record_batch([made.of(field.name, field.type) for field in wanted], schema=wanted)


def type_name(type_: pa.DataType) -> str:
    """A type as readable text: `list of struct (id int64, piece string)`."""
    if pa.types.is_list(type_):
        return f"list of {type_name(type_.value_type)}"
    if pa.types.is_struct(type_):
        return f"struct ({', '.join(f'{part.name} {type_name(part.type)}' for part in type_)})"
    return str(type_)


@lru_cache(maxsize=1)
def _fields() -> dict[str, pa.Field]:
    return {name: pa.field(name, type_, metadata={"description": means}) for name, type_, means in (*COLUMNS, *MORE)}


def _write(writer: pq.ParquetWriter, held: Sequence[pa.RecordBatch]) -> None:
    rows = pa.Table.from_batches(held)
    writer.write_table(rows, row_group_size=max(1, len(rows)))


class _Columns:
    """The columns of one report."""

    def __init__(self, seen: ImageReport) -> None:
        self._seen, self._rows = seen, ReportRows(seen)
        image = seen.reading.image
        self._same = {
            "sha256": image.sha256,
            "width": image.width,
            "height": image.height,
            "metric": seen.word_order if seen.words is not None else None,
        }
        self._lists: dict[str, Callable[[pa.DataType], pa.Array]] = {
            "patches": lambda type_: pa.array([list(place.patches) for place in self._rows.places], type_),
            "norm": lambda type_: _finite(seen.norms[list(seen.entries)], type_),
            "components": self._components,
            "words": lambda type_: self._of_words(_words, type_),
            "ids": lambda type_: self._of_words(lambda words, there: pa.array(words.ids[there]), type_),
            "noise": self._noise,
        }

    def of(self, name: str, type_: pa.DataType) -> pa.Array:
        """One column [entries]."""
        if name in self._lists:
            return self._lists[name](type_)
        if name in SIMPLE:
            return pa.array(simple(self._rows, name), type_)
        return pa.repeat(pa.scalar(self._same.get(name), type_), len(self._rows))

    def _components(self, type_: pa.DataType) -> pa.Array:
        values = self._seen.values
        if values is None or values.numbers.ndim == 1:
            return pa.nulls(len(self._rows), type_)
        return pa.array(list(values.numbers[list(self._seen.entries)]), type_)

    def _of_words(self, flat: Callable[[TokenWords, Any], pa.Array], type_: pa.DataType) -> pa.Array:
        """A list column: the values that `flat` computes for all words, split by row."""
        words = self._seen.words
        if words is None:
            return pa.array([[]] * len(self._rows), type_)
        there = words.ids >= 0
        offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), flat(words, there)).cast(type_)

    def _noise(self, type_: pa.DataType) -> pa.Array:
        null, words = self._seen.null, self._seen.words
        if null is None or words is None:
            return pa.nulls(len(self._rows), type_)
        standings = [null.of(words, row) for row in range(len(self._rows))]
        return pa.array([one and {name: getattr(one, name) for name in STANDING} for one in standings], type_)


def _words(words: TokenWords, there: Any) -> pa.Array:
    """All words as one struct array, built column by column: there are too many for Python objects."""
    ids = words.ids[there]
    distinct, where = np.unique(ids, return_inverse=True)
    named = distinct.tolist()

    def each(values: list[Any], type_: pa.DataType) -> pa.Array:
        return pa.array(values, type_).take(pa.array(where.ravel()))

    explained = pa.nulls(len(ids), pa.float64())
    if words.explained is not None:
        explained = _finite(words.explained[there], pa.float64())
    columns = [
        pa.array(ids, pa.int64()),
        each([words.pieces[id_] for id_ in named], pa.string()),
        each([words.texts[id_] for id_ in named], pa.string()),
        _finite(words.scores[there], pa.float64()),
        each([id_ in words.special for id_ in named], pa.bool_()),
        explained,
    ]
    return pa.StructArray.from_arrays(columns, fields=list(_WORD))


def _finite(numbers: ArrayLike, type_: pa.DataType) -> pa.Array:
    """Numbers as an array, with nulls for those that are not finite."""
    array = np.asarray(numbers)
    return pa.array(array, type_, mask=~np.isfinite(array))
