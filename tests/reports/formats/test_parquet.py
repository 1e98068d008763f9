"""`parquet`: the rows of the JSON report, read back by pyarrow and by DuckDB."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.docs.blocks import DOCS, check_block, markdown_table
from tests.looked import looked
from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.errors import ImageError
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.fields import FIELDS, parse_fields
from vlmtui.query.options import Query
from vlmtui.reports.formats import parquet as table
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.image_report import ImageReport, ReportOrFailure
from vlmtui.reports.per_image import ImageFailure
from vlmtui.results.noise_baseline import NoiseBaseline, NoiseScores
from vlmtui.session.typed_lenses.values import Components

QUERY = query_of("tiny", k=3)
READING = made_reports.reading(2, 3, norms=np.array([1, 2, np.nan, np.inf, 3, 40], np.float32))
FAILED = ImageFailure("broken\udcff.png", ImageError("broken\udcff.png is damaged: fetch it again"))


def seen(**query: Any) -> ImageReport:
    words = made_reports.words(READING, 3)
    words.ids[1, 1:] = -1
    words.scores[2, 0] = np.nan
    return made_reports.seen(READING, words, query=query_of("tiny", **{"k": 3} | query))


def file(query: Query, results: Iterable[ReportOrFailure]) -> bytes:
    pieces = format_named("parquet").write(results, query, True)
    return b"".join(bytes(piece) for piece in pieces if isinstance(piece, bytes))


def rows(query: Query, *results: ReportOrFailure) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(pa.BufferReader(file(query, results))).to_pylist()
    return found


def test_the_schema_is_the_documented_one() -> None:
    read = pq.read_schema(pa.BufferReader(file(QUERY, [seen()])))
    assert read.metadata[b"vlmtui.schema"] == b"vlmtui/table/1"
    assert [field.name for field in read] == [name for name, _, _ in table.COLUMNS]
    for block, columns in (("columns", table.COLUMNS), ("more", table.MORE)):
        rows = [(f"`{name}`", table.type_name(type_), means) for name, type_, means in columns]
        check_block(DOCS / "table.md", block, markdown_table(("column", "type", "meaning"), rows))
    told = (DOCS / "table.md").read_text()
    for field in read:
        assert field.metadata[b"description"].decode() in told


def test_rows_say_what_the_json_report_says() -> None:
    one = seen()
    report = json.loads("".join(str(p) for p in format_named("json").write([one], one.query, False)))
    found = rows(QUERY, one)
    assert len(found) == 6
    for row, token in zip(found, report["tokens"], strict=True):
        assert [row[f] for f in ("index", "kind", "grid", "row", "col", "inside", "patches", "norm")] == [
            token[f] for f in ("index", "kind", "grid", "row", "col", "inside", "patches", "norm")
        ]
        assert [row[corner] for corner in ("x0", "y0", "x1", "y1")] == token["box"]
        assert [{k: v for k, v in word.items() if k != "explained"} for word in row["words"]] == token["words"]
        assert (row["image"], row["model"], row["stage"], row["metric"]) == ("photo.jpg", "tiny", "tokens", "cosine")
        assert (row["sha256"], row["width"], row["height"], row["error"]) == ("ab" * 32, 640, 427, None)
    assert [len(row["words"]) for row in found] == [3, 1, 3, 3, 3, 3]


def test_a_failed_image_and_a_stage_without_words() -> None:
    failed, bare, *_ = rows(QUERY, FAILED, made_reports.seen(READING, None, "vision.1", QUERY))
    assert failed["image"] == "broken?.png"
    assert failed["error"] == "broken?.png is damaged: fetch it again"
    assert all(value is None for name, value in failed.items() if name not in ("image", "error"))
    assert (bare["words"], bare["metric"]) == ([], None)


def test_lenses_and_noise() -> None:
    numbers = np.arange(18, dtype=np.float32).reshape(6, 3)
    values = looked(lens=Components(), stage="tokens", numbers=numbers)
    noise = NoiseScores(scores=np.array([-9.0, -1.0]), margins=np.array([0.0, 9.0]), firsts={0: 2})
    null = NoiseBaseline(stage="tokens", metric="l2", k=3, all_tokens=False, shuffled=noise, random=noise)
    query = query_of("tiny", k=3, lens=ChosenLens("pca"), null=True)
    one = ImageReport(
        query, READING, "tokens", tuple(range(6)), made_reports.words(READING, 3), values=values, null=null
    )
    found = rows(query, one)
    assert [row["components"] for row in found] == numbers.tolist()
    assert all(row["value"] is None for row in found)
    assert all(row["noise"]["random"] in (0.0, 50.0, 100.0) for row in found)


def test_the_fields_asked_for() -> None:
    one = seen(fields=parse_fields("col,norm,word,box,ids"))
    (first, *_) = rows(one.query, one)
    assert list(first) == ["col", "norm", "word", "x0", "y0", "x1", "y1", "ids"]
    for field in FIELDS:
        alone = seen(fields=(field,))
        assert len(rows(alone.query, alone, FAILED)) == (7 if table.schema(alone.query).names else 0), field


def test_row_groups_bound_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ROW_GROUP", 12)
    held: list[int] = []

    def made_one_by_one() -> Iterator[ReportOrFailure]:
        for _ in range(7):
            held.append(pa.total_allocated_bytes())
            yield seen()

    data = pq.ParquetFile(io.BytesIO(file(QUERY, made_one_by_one())))
    assert [data.metadata.row_group(i).num_rows for i in range(data.num_row_groups)] == [12, 12, 12, 6]


def test_the_same_twice_is_the_same_bytes() -> None:
    assert file(QUERY, [seen(), FAILED]) == file(QUERY, [seen(), FAILED])


def test_nothing_at_all_is_a_table_too() -> None:
    assert rows(QUERY) == []


def test_duckdb_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    path.write_bytes(file(QUERY, [seen(), FAILED]))
    ask = duckdb.connect()
    best = "select row, col, words[1].piece, len(words) from read_parquet(?) where norm > 2 and error is null"
    piece = made_reports.words(READING, 3)
    expected = [(row, col, piece.pieces[int(piece.ids[row * 3 + col, 0])], 3) for row, col in ((1, 1), (1, 2))]
    assert ask.execute(best, [str(path)]).fetchall() == expected
    unnested = "select count(*) from (select unnest(words) as word from read_parquet(?))"
    assert ask.execute(unnested, [str(path)]).fetchone() == (16,)
    version = "select value from parquet_kv_metadata(?) where key = 'vlmtui.schema'"
    assert ask.execute(version, [str(path)]).fetchone() == (b"vlmtui/table/1",)
