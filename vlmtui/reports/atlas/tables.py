"""Tables of an atlas: Parquet files of the schema `vlmtui/table/1`, read block by block.

A block has some thousand rows, with all rows of every image in it; no more of a file is in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlmtui.display.pieces import plain
from vlmtui.errors import UsageError, VlmtuiError, permission_denied
from vlmtui.files import expand_path
from vlmtui.reports.atlas.blocks import TableBlock, TableFilter, image_starts
from vlmtui.reports.atlas.table_values import check_values
from vlmtui.reports.formats.parquet import COLUMNS, ROW_GROUP, SCHEMA

ENDING = ".parquet"
COUNTED = ("image", "model", "stage", "metric", "index", "kind", "grid", "row", "col", "z", "error", "words.id")
"""What counting reads; `words.id` is a field of the structs in `words`."""
OF_PATCH = (
    *("image", "sha256", "width", "height", "model", "stage", "metric", "index", "kind", "grid", "row", "col"),
    *("x0", "y0", "x1", "y1", "norm", "z", "error"),
)
READ = (*OF_PATCH, "words")
"""The columns that an atlas needs."""
NAMED = (*COUNTED, "words.piece", "words.text")
SCORED = (*(name for name in COUNTED if name != "z"), "words.score")
BLOCK = 2 * ROW_GROUP
"""Rows of a block."""
_TEXTS = ["image", "model", "stage", "metric", "kind"]
"""Columns of texts that repeat: read as codes."""
_KINDS = {name: type_ for name, type_, _ in COLUMNS}


def table_files(names: Sequence[str]) -> tuple[str, ...]:
    """Table files named by paths: files, and those in folders and below, sorted by name.

    Every file is checked: `VlmtuiError` for the first that is not a table of `vlmtui report`.
    """
    found: list[str] = []
    for name in names:
        path = expand_path(name)
        if os.path.isdir(path):
            try:
                os.listdir(path)  # which `rglob` passes over in silence
            except PermissionError as error:
                raise VlmtuiError(permission_denied(error)) from error
            inside = [
                str(file)
                for file in sorted(Path(path).rglob(f"*{ENDING}"))
                if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            if not inside:
                raise VlmtuiError(f"{name} contains no {ENDING} files: name a table that vlmtui report has written")
            found += inside
        else:
            found.append(path)
    for file in found:
        with _opened(file):
            pass
    return tuple(dict.fromkeys(found))


def table_blocks(
    names: Sequence[str], columns: Sequence[str] = READ, rows: int = BLOCK
) -> Iterator[tuple[TableBlock, float]]:
    """Read columns of files in blocks of about `rows` rows; each comes with the share of all rows read so far."""
    total = sum(_length(name) for name in names)
    done = begun = 0  # rows that were read, and those in earlier blocks
    for name in names:
        with _opened(name) as file:
            held: list[pa.RecordBatch] = []
            for batch in _ahead(_read(file, name, columns, rows)):
                done += len(batch)
                held.append(batch)
                if sum(map(len, held)) < rows:  # a batch ends where a row group does
                    continue
                table = pa.Table.from_batches(held)
                *starts, last = np.flatnonzero(image_starts(table)) if len(table) else [0]
                if last:  # the last image may continue in the next batch
                    numbers = np.arange(begun, begun + last)
                    yield TableBlock(table.slice(0, last), name, numbers, np.array(starts)), done / total
                    begun += last
                held = table.slice(last).to_batches()
            if held:
                yield TableBlock(pa.Table.from_batches(held), name, np.arange(begun, done)), done / max(1, total)
                begun = done


def sampled_blocks(names: Sequence[str], columns: Sequence[str], groups: int = 8) -> Iterator[TableBlock]:
    """Read columns of a few row groups that are spread over all files, or the beginning of such a group."""
    places = dict.fromkeys((i * len(names) // groups, i * len(names) % groups / groups) for i in range(groups))
    for number, share in places:
        with _opened(names[number]) as file:
            group = int(share * file.num_row_groups)
            for batch in islice(_read(file, names[number], columns, BLOCK, group), 1):
                yield TableBlock(pa.Table.from_batches([batch]), names[number], np.arange(len(batch)))


def rows_at(names: Sequence[str], numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Rows by their numbers among all rows of all tables, as dictionaries without their words."""
    found: dict[int, dict[str, Any]] = {}
    begun = 0
    for name in names:
        with _opened(name) as file:
            for group in range(file.num_row_groups):
                after = begun + file.metadata.row_group(group).num_rows
                if any(begun <= number < after for number in numbers):
                    for batch in _read(file, name, OF_PATCH, BLOCK, group):
                        block = TableBlock(pa.Table.from_batches([batch]), name, np.arange(begun, begun + len(batch)))
                        for number in numbers:
                            if begun <= number < begun + len(batch):
                                found[number] = block.at(number - begun)
                        begun += len(batch)
                begun = after
    return found


_T = TypeVar("_T")


def _ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The items, each made by a thread while the one before it is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _opened(name: str) -> pq.ParquetFile:
    if Path(name).is_fifo():  # it would be waited for, and cannot be sought in
        raise VlmtuiError(f"{plain(name)} is a pipe: name a table of vlmtui report --format parquet, in a file")
    try:
        # pre_buffer would keep the whole file in memory
        file = pq.ParquetFile(name, pre_buffer=False)
    except FileNotFoundError:
        raise VlmtuiError(f"{plain(name)} does not exist: check the path") from None
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None)
        why = f"cannot be read ({reason})" if reason else "is not a parquet file, or was truncated"
        raise VlmtuiError(f"{plain(name)} {why}: name a table of vlmtui report --format parquet") from error
    with file:
        _check(file, name)
        # a column of texts that is not there cannot be asked for
        return pq.ParquetFile(name, metadata=file.metadata, pre_buffer=False, read_dictionary=_TEXTS)


def _check(file: pq.ParquetFile, name: str) -> None:
    schema = file.schema_arrow
    known = ((schema.metadata or {}).get(b"vlmtui.schema") or SCHEMA.encode()).decode("utf-8", "replace")
    if known != SCHEMA:
        raise VlmtuiError(f"{plain(name)} is a {plain(known)}, and this vlmtui reads {SCHEMA}: install a newer version")
    missing = [column for column in READ if column not in schema.names]
    if len(missing) == len(READ):
        raise VlmtuiError(
            f"{plain(name)} is not a table of vlmtui: make one with vlmtui report IMAGES -o words{ENDING}"
        )
    if missing:
        raise VlmtuiError(f"{plain(name)} lacks the columns {', '.join(missing)}: write it again without --fields")
    wrong = [column for column in READ if not _same_kind(schema.field(column).type, _KINDS[column])]
    if wrong:
        raise VlmtuiError(
            f"{plain(name)} has columns of another type than {SCHEMA} ({', '.join(wrong)}): write it again"
        )


def _same_kind(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column can be read as the type wanted: other programs write other integer and float widths."""
    types = pa.types
    if types.is_list(wanted):
        if not (types.is_list(found) or types.is_large_list(found)) or not types.is_struct(found.value_type):
            return False
        inside = {part.name: part.type for part in found.value_type}
        return all(
            part.name in inside and _same_kind(inside[part.name], part.type)
            for part in wanted.value_type
            if part.name in ("id", "piece", "text", "score")
        )
    if types.is_dictionary(found):
        found = found.value_type
    if types.is_string(wanted):
        return bool(types.is_string(found) or types.is_large_string(found) or types.is_string_view(found))
    if types.is_integer(wanted):
        return bool(types.is_integer(found))
    return bool(types.is_floating(found))


def _read(
    file: pq.ParquetFile, name: str, columns: Sequence[str], rows: int, group: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches of columns, of all row groups or of one.

    `words.id` is a field of the structs in `words`, whatever the levels between are called. `VlmtuiError` for values
    that no report has.
    """
    if not file.num_row_groups:
        # an older pyarrow takes that for damage
        return
    paths = [file.schema.column(i).path for i in range(len(file.schema))]
    inside = [(path, path.split(".")) for path in paths]
    wanted = [path for path, parts in inside if parts[0] in columns or f"{parts[0]}.{parts[-1]}" in columns]
    before = sum(file.metadata.row_group(i).num_rows for i in range(group or 0))
    try:
        for batch in file.iter_batches(batch_size=rows, columns=wanted, row_groups=None if group is None else [group]):
            check_values(batch, name, before)
            before += len(batch)
            yield batch
    except (OSError, pa.ArrowException) as error:
        raise VlmtuiError(f"{plain(name)} is damaged ({' '.join(str(error).split())[:120]}): write it again") from error


def _length(name: str) -> int:
    with _opened(name) as file:
        return int(file.metadata.num_rows)


def check_one_kind(found: Sequence[tuple[str | None, ...]]) -> None:
    """Raise `UsageError` where tables hold several models, stages or metrics, whose numbers cannot be compared."""
    if len(found) < 2:
        return
    options = ("model", "stage", "metric")
    differ = [i for i in range(len(options)) if found[0][i] != found[1][i]]
    said = ", ".join(" and ".join(plain(str(kind[i] or "none")) for i in differ) for kind in found[:2])
    what = " and ".join(f"{options[i]}s" for i in differ)
    choose = " and ".join(f"--{options[i]}" for i in differ)
    raise UsageError(
        f"the tables have several {what} ({said}), which are not counted together: choose one with {choose}"
    )


def no_match_error(which: TableFilter, names: Sequence[str], found: Sequence[tuple[str | None, ...]]) -> VlmtuiError:
    """The error that no image in these tables matches a filter; `found` are the combinations that occur."""
    hold = "the table contains" if len(names) == 1 else "the tables contain"
    if not found:
        return VlmtuiError(f"{hold} no image: make one with vlmtui report IMAGES -o words{ENDING}")
    asked = {"model": which.model, "stage": which.stage, "metric": which.metric}
    at = [i for i, wanted in enumerate(asked.values()) if wanted is not None]
    # the fields whose value occurs nowhere; all of them where only the combination does not occur
    at = [i for i in at if [*asked.values()][i] not in {kind[i] for kind in found}] or at
    wanted = " and ".join(
        f"the {name} {plain(value or '')}" for i, (name, value) in enumerate(asked.items()) if i in at
    )
    there = dict.fromkeys(" and ".join(plain(kind[i] or "none") for i in at) for kind in found)
    return VlmtuiError(f"{hold} no image of {wanted}: choose from {', '.join(there)}")
