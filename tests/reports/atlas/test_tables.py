"""Which files are tables, and how they are read."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.query.queries import query_of
from tests.reports.atlas.tables import album, seen, write
from vlmtui.cli import main
from vlmtui.errors import ImageError, UsageError, VlmtuiError
from vlmtui.reports.atlas import tables
from vlmtui.reports.atlas.blocks import TableFilter, image_starts
from vlmtui.reports.atlas.json_csv import atlas_object
from vlmtui.reports.atlas.summary import AtlasOptions, build_atlas
from vlmtui.reports.per_image import ImageFailure


def test_wrong_files_get_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    text, other, empty = tmp_path / "a.txt", tmp_path / "b.parquet", tmp_path / "empty"
    text.write_text("no table")
    pq.write_table(pa.table({"x": [1]}), other)
    empty.mkdir()
    whole = write(album(3), tmp_path / "whole.parquet")
    cut, newer, few, odd = (tmp_path / f"{name}.parquet" for name in ("cut", "newer", "few", "odd"))
    cut.write_bytes(whole.read_bytes()[:-100])
    table = pq.read_table(whole)
    pq.write_table(table.replace_schema_metadata({"vlmtui.schema": "vlmtui/table/2"}), newer)
    pq.write_table(table.drop_columns(["words", "z"]), few)
    pq.write_table(table.set_column(table.schema.get_field_index("words"), "words", [["a"]] * len(table)), odd)
    os.mkfifo(tmp_path / "pipe.parquet")
    for name, said in {
        tmp_path / "pipe.parquet": "is a pipe: name a table",
        tmp_path / "nowhere.parquet": "does not exist: check the path",
        text: "is not a parquet file, or was truncated",
        cut: "is not a parquet file, or was truncated",
        empty: "contains no .parquet files",
        other: "is not a table of vlmtui: make one with vlmtui report",
        newer: "is a vlmtui/table/2, and this vlmtui reads vlmtui/table/1",
        few: "lacks the columns z, words: write it again without --fields",
        odd: "has columns of another type than",
    }.items():
        assert main(["atlas", str(name)]) == 1
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1
    assert main(["atlas", str(whole), "-o", str(whole)]) == 2
    assert main(["atlas", str(whole), "--format", "png"]) == 2
    assert main(["atlas", str(whole), "--word", " "]) == 2
    assert main(["atlas", str(whole), "--table", "words"]) == 2
    assert whole.stat().st_size > 1000


def test_ids_that_no_vocabulary_has(tmp_path: Path) -> None:
    one = seen(0, 2, 2)
    one.words.ids[0, 0] = 1 << 40
    one.words.pieces[1 << 40] = one.words.texts[1 << 40] = "far"
    with pytest.raises(
        VlmtuiError,
        match=r"a\.parquet has 1099511627776 as words\.id in row 1, which no report has: ",
    ):
        build_atlas(AtlasOptions((str(write([one], tmp_path / "a.parquet")),)))


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        *((column, None, "null") for column in ("image", "model", "stage", "index", "kind")),
        *((column, -5, "-5") for column in ("index", "grid", "row", "col")),
        ("kind", "tile", "tile"),
        ("stage", "llm.x", "llm.x"),
        ("stage", "layer 3", "layer 3"),
        *((column, float("nan"), "nan") for column in ("norm", "z", "x0")),
        ("norm", -1.0, "-1.0"),
        ("norm", float("inf"), "inf"),
        ("width", 0, "0"),
        ("words", [{"id": 4}, {"id": None}], "null"),
        ("words", [{"id": -3}], "-3"),
    ],
)
def test_values_that_no_report_has(column: str, value: object, shown: str, tmp_path: Path) -> None:
    """In the second of two row groups; a failed image before has all but its name null."""
    table = pq.read_table(write([*album(7), seen(8, 2, 2)], tmp_path / "a.parquet"))
    at, field = len(table) - 2, table.schema.field(column)
    values = table[column].to_pylist()
    values[at] = value
    edited = table.set_column(table.schema.get_field_index(column), field, pa.array(values, field.type))
    pq.write_table(edited, tmp_path / "a.parquet", row_group_size=10)
    name = "words.id" if column == "words" else column
    with pytest.raises(VlmtuiError, match=rf"a\.parquet has {shown} as {name} in row {at + 1}, which no report has: "):
        build_atlas(AtlasOptions((str(tmp_path / "a.parquet"),)))


def test_a_grid_as_large_as_numbers_go(tmp_path: Path) -> None:
    whole = pq.read_table(write([seen(0, 1, 1), seen(1, 2, 2)], tmp_path / "a.parquet"))
    far = whole.set_column(whole.schema.get_field_index("row"), "row", pa.array([2**31 - 1, 0, 0, 1, 1], pa.int32()))
    pq.write_table(far, tmp_path / "far.parquet")
    atlas = build_atlas(AtlasOptions((str(tmp_path / "far.parquet"),)))
    assert atlas.counts.uncounted == 1
    assert [tally.shape.rows for tally in atlas.counts.shapes] == [2]
    assert sum(map(np.nansum, (chosen.shares for chosen in atlas.words.most_frequent))) > 0
    assert atlas_object(atlas)["uncounted"] == 1


def test_several_models_and_stages_are_told_apart(tmp_path: Path) -> None:
    first = write([seen(0, 2, 3)], tmp_path / "a.parquet")
    by_l2 = write([seen(1, 2, 3, query=query_of("tiny", metric="l2"))], tmp_path / "b.parquet")
    names = str(first), str(by_l2)
    with pytest.raises(UsageError, match=r"have several metrics \(cosine, l2\), which .* choose one with --metric$"):
        build_atlas(AtlasOptions(names))
    with pytest.raises(
        UsageError, match=r"stages and metrics \(tokens and l2, llm.1 and none\).*--stage and --metric$"
    ):
        tables.check_one_kind([("tiny", "tokens", "l2"), ("tiny", "llm.1", None)])
    assert build_atlas(AtlasOptions(names, TableFilter(metric="l2"))).counts.pictures == 1
    assert build_atlas(AtlasOptions(names, TableFilter(metric="l2"))).counts.metric == "l2"
    with pytest.raises(VlmtuiError, match=r"the tables contain no image of the model other: choose from "):
        build_atlas(AtlasOptions(names, TableFilter(model="other")))
    with pytest.raises(VlmtuiError, match=r"the table contains no image of the metric dot: choose from cosine$"):
        build_atlas(AtlasOptions(names[:1], TableFilter(metric="dot")))
    failed = write(
        [ImageFailure("a.png", ImageError("a.png is no picture")), seen(0, 2, 3)], tmp_path / "failed.parquet"
    )
    with pytest.raises(VlmtuiError, match=r"the table contains no image of the metric dot: choose from cosine$"):
        build_atlas(AtlasOptions((str(failed),), TableFilter(metric="dot")))
    nothing = write([], tmp_path / "nothing.parquet")
    with pytest.raises(VlmtuiError, match="the table contains no image: make one with vlmtui report"):
        build_atlas(AtlasOptions((str(nothing),)))


def test_a_folder_of_tables_and_what_other_programs_rewrote(tmp_path: Path) -> None:
    results = album(20)
    whole = write(results, tmp_path / "whole.parquet")
    folder = tmp_path / "parts"
    (folder / "more").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    write(results[:6], folder / "a.parquet")
    write(results[:6], folder / ".hidden" / "a.parquet")
    write(results[6:], folder / "more" / "b.parquet")
    rewritten = tmp_path / "duck.parquet"
    duckdb.sql(f"copy (select * from '{whole}') to '{rewritten}' (format parquet, row_group_size 2048)")
    large = tmp_path / "large.parquet"
    table = pq.read_table(whole)
    wide = pa.large_list(table.schema.field("words").type.value_type)
    at = table.schema.get_field_index("words")
    table = table.set_column(at, "words", table["words"].cast(wide))
    pq.write_table(table.set_column(0, "image", table["image"].cast(pa.large_string())), large)
    reports = [_told(name) for name in (whole, folder, rewritten, large)]
    assert reports[0] == reports[1] == reports[2] == reports[3]


def _told(name: Path) -> dict:
    found = atlas_object(build_atlas(AtlasOptions((str(name),), words=("sky",))))
    for word in (*found["words"], *found["sought"]):
        word["where"] = np.round(word["where"], 12).tolist()  # summed block by block
    return found | {"tables": None}


def test_a_block_holds_whole_pictures_and_no_more_than_it_must(tmp_path: Path) -> None:
    file = write(album(60), tmp_path / "a.parquet")
    lengths = []
    shares = []
    pictures: list[str] = []
    for block, share in tables.table_blocks([str(file)], rows=50):
        lengths.append(len(block))
        shares.append(share)
        pictures += [block.at(int(row))["image"] for row in image_starts(block._rows).nonzero()[0]]
    assert sum(lengths) == pq.read_metadata(file).num_rows
    assert max(lengths) < 50 + 50  # a batch, and a picture that was begun in the one before
    assert pictures == [f"album/{number}.png" for number in range(60)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
