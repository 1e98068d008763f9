"""Parts of a table: the rows of a fixed range of images, each in a file of its own, and their joining.

A part depends on its images, the query and the model alone: made again, it has the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from vlmtui.batch.folder import PartsFolder
from vlmtui.batch.manifest import Manifest, read_manifest
from vlmtui.batch.reader import BatchReader, PendingBatch
from vlmtui.batch.sources import MOST_BYTES, FileOrError, SourceList, read_ahead
from vlmtui.errors import VlmtuiError, error_from_kind
from vlmtui.files import explain_write_errors, whole_file
from vlmtui.images.image_file import ImageFile
from vlmtui.query.options import Query
from vlmtui.reports.formats import parquet as table
from vlmtui.reports.per_image import ImageFailure
from vlmtui.session.protocol import MANY_PICTURES

JOINED_ROWS = 131_072
"""Rows of a row group of the table, at least; few enough that a table of a billion rows can be read by groups."""
_FAILED = b"vlmtui.failed"


@dataclass(frozen=True)
class FinishedPart:
    """A part that was written, and those of its images that failed.

    From another process also what is to be told: `notes`, each with the source of its image or "".
    """

    part: int
    pictures: int
    failures: tuple[ImageFailure, ...]
    notes: tuple[tuple[str, str], ...] = ()


@dataclass
class _ImageBatch:
    """Images of one part that are sent to the session together."""

    part: int
    names: list[str] = field(default_factory=list)
    found: list[FileOrError] = field(default_factory=list)
    last: bool = False

    @property
    def pictures(self) -> list[ImageFile]:
        return [one for one in self.found if isinstance(one, ImageFile)]


def make_parts(
    folder: PartsFolder, manifest: Manifest, sources: SourceList, todo: Iterable[int], query: Query, reader: BatchReader
) -> Iterator[FinishedPart]:
    """Make the parts `todo` in turn. Files are read and rows written while the session works on further images."""
    wanted = table.schema(query)
    waiting: deque[tuple[_ImageBatch, PendingBatch | None]] = deque()
    rows: list[pa.RecordBatch] = []
    failures: list[ImageFailure] = []

    def finished() -> Iterator[FinishedPart]:
        batch, asked = waiting.popleft()
        pictures = batch.pictures
        answers = iter(reader.answers(pictures, asked) if asked is not None else ())
        for name, found in zip(batch.names, batch.found, strict=True):
            answer = found if isinstance(found, VlmtuiError) else next(answers)
            if isinstance(answer, VlmtuiError):
                failures.append(ImageFailure(name, answer))
            rows.append(table.image_rows(failures[-1] if isinstance(answer, VlmtuiError) else answer, wanted))
        if batch.last:
            _check_manifest(folder, manifest)
            _write_part(folder, batch.part, rows, wanted, failures)
            yield FinishedPart(batch.part, len(manifest.places(batch.part)), tuple(failures))
            rows.clear()
            failures.clear()

    for batch in _image_batches(manifest, sources, todo):
        waiting.append((batch, reader.ask(pictures) if (pictures := batch.pictures) else None))
        if len(waiting) > 1:
            yield from finished()
    while waiting:
        yield from finished()


def join_parts(folder: PartsFolder, manifest: Manifest, wanted: pa.Schema, on_part: Callable[[int], object]) -> int:
    """Write the table from all parts, in order; the number of images that failed."""
    failed = 0
    held: list[pa.Table] = []
    with (
        explain_write_errors(str(folder.output)),
        whole_file(folder.output, folder=folder.path, sync=True) as file,
        pq.ParquetWriter(file, wanted, compression="zstd") as writer,
    ):
        for part in range(manifest.parts):
            on_part(part)
            for some, rows in _read_part(folder, part):
                failed += some
                held.append(rows.replace_schema_metadata(wanted.metadata))
                if sum(map(len, held)) >= JOINED_ROWS:
                    _write_row_group(writer, held)
        _write_row_group(writer, held)
    return failed


def _image_batches(manifest: Manifest, sources: SourceList, todo: Iterable[int]) -> Iterator[_ImageBatch]:
    """The images of these parts, in batches of the size that suits a session."""
    todo = list(todo)
    with closing(read_ahead(name for part in todo for name in sources.names(manifest.places(part)))) as found:
        for part in todo:
            batch, size = _ImageBatch(part), 0
            for left in reversed(range(len(manifest.places(part)))):
                name, one = next(found)
                batch.names.append(name)
                batch.found.append(one)
                size += len(one.data) if isinstance(one, ImageFile) else 0
                if left and (len(batch.names) >= MANY_PICTURES or size >= MOST_BYTES):
                    yield batch
                    batch, size = _ImageBatch(part), 0
            batch.last = True
            yield batch


def part_failures(folder: PartsFolder, part: int) -> tuple[ImageFailure, ...]:
    """The failures of a part that exists."""
    with pq.ParquetFile(folder.part(part)) as file:
        return _stored_failures(file)


def _stored_failures(file: pq.ParquetFile) -> tuple[ImageFailure, ...]:
    said = msgspec.json.decode(file.schema_arrow.metadata[_FAILED], type=list[tuple[str, str, str]])
    return tuple(ImageFailure(name, error_from_kind(kind, text)) for name, kind, text in said)


def _check_manifest(folder: PartsFolder, manifest: Manifest) -> None:
    """`VlmtuiError` where the table is not this one any more.

    An actor of a cluster can outlive its command, while another command begins anew.
    """
    if read_manifest(folder) != manifest:
        raise VlmtuiError(f"{folder.path} was removed or started again by another command: this command stops here")


def _write_part(
    folder: PartsFolder, part: int, rows: list[pa.RecordBatch], wanted: pa.Schema, failures: Sequence[ImageFailure]
) -> None:
    said = msgspec.json.encode([(one.name, one.error.kind, one.why) for one in failures])
    schema = wanted.with_metadata({**wanted.metadata, _FAILED: said})
    whole = pa.Table.from_batches(rows, schema)
    path = folder.part(part)
    with explain_write_errors(str(path)), whole_file(path, sync=True) as file:
        pq.write_table(whole, file, row_group_size=table.ROW_GROUP, compression="zstd")


def _read_part(folder: PartsFolder, part: int) -> Iterator[tuple[int, pa.Table]]:
    """(number of failed images, rows) of a part: first the number with no rows, then 0 with each row group."""
    path = folder.part(part)
    try:
        with pq.ParquetFile(path) as file:
            yield len(_stored_failures(file)), file.schema_arrow.empty_table()
            for group in range(file.num_row_groups):
                yield 0, file.read_row_group(group)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        what = " ".join(str(error).split())
        raise VlmtuiError(
            f"{path} cannot be read ({what}): delete it, and run the same command again to rebuild it"
        ) from error


def _write_row_group(writer: pq.ParquetWriter, held: list[pa.Table]) -> None:
    if held:
        rows = pa.concat_tables(held)
        writer.write_table(rows, row_group_size=max(1, len(rows)))
        held.clear()
