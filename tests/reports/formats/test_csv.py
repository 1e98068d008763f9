"""`csv`, and `--fields` in it and in JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.looked import looked
from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.errors import ImageError, UsageError
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.fields import FIELDS, parse_fields
from vlmtui.query.options import Query
from vlmtui.reports.formats import csv as csv_format
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.per_image import ImageFailure
from vlmtui.session.typed_lenses.values import Components, Find

READING = made_reports.reading(2, 3)
FAILED = ImageFailure("bro\nken.png", ImageError("bro\nken.png is damaged: fetch it again"))


def table(query: Query, *results: ImageReport | ImageFailure) -> list[dict[str, str]]:
    text = "".join(format_named("csv").write(iter(results), query, len(results) > 1))
    assert text.endswith("\n")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    # every cell is one safe line, whatever the tokenizer holds; only the picture's name is kept as it is
    assert all(cell.isprintable() for row in rows for name, cell in row.items() if name != "image")
    assert len(rows) == text.count("\n") - 1 - sum(row.get("image", "").count("\n") for row in rows)
    return rows


def of(**query: Any) -> ImageReport:
    asked = query_of("tiny", **{"k": 3} | query)
    return made_reports.seen(READING, made_reports.words(READING, asked.search.k), query=asked)


def test_one_row_an_entry() -> None:
    seen = of()
    rows = table(seen.query, seen)
    assert len(rows) == 6
    assert list(rows[0]) == (
        "image index kind grid row col x0 y0 x1 y1 inside norm z word1 score1 word2 score2 word3 score3 error".split()
    )
    assert seen.words is not None
    for i, row in enumerate(rows):
        assert (row["index"], row["row"], row["col"]) == (str(i), str(i // 3), str(i % 3))
        assert float(row["norm"]) == READING.norms[i]
        assert [float(row[f"score{n}"]) for n in (1, 2, 3)] == seen.words.scores[i].tolist()
        box = READING.places[i].box
        assert box is not None
        assert tuple(float(row[name]) for name in ("x0", "y0", "x1", "y1")) == box
        assert row["error"] == ""


def test_the_columns_do_not_depend_on_the_model_or_the_picture() -> None:
    query = query_of("tiny", k=3, lens=ChosenLens("find", "sky"))
    bare = made_reports.seen(READING, None, "vision.1", query)
    heads = {tuple(table(query, one)[0]) for one in (bare, of(lens=query.lens), FAILED)}
    assert len(heads) == 1
    assert {"value", "word3", "error"} <= set(*heads)


def test_a_failed_image_is_a_row_unless_errors_are_not_asked_for() -> None:
    seen = of()
    rows = table(seen.query, FAILED, seen)
    assert rows[0]["image"] == "bro\nken.png"
    assert rows[0]["error"] == "broU+000Aken.png is damaged: fetch it again"
    assert rows[0]["norm"] == ""
    only = of(fields=("norm",))
    assert len(table(only.query, FAILED, only)) == 6


@pytest.mark.parametrize("name", ["a\nb.png", "a\rb.png", "a\r\nb.png", 'a,"b".png', "a\x1b[2Jb.png", " a .png"])
def test_a_name_is_the_picture_s_own(name: str) -> None:
    reading = msgspec.structs.replace(READING, image=msgspec.structs.replace(READING.image, source=name))
    query = query_of("tiny", k=3)
    rows = table(
        query,
        made_reports.seen(reading, made_reports.words(reading, 3), query=query),
        ImageFailure(name, ImageError("no")),
    )
    assert [row["image"] for row in rows] == [name] * 7
    assert "".join(format_named("csv").write(iter([of()]), query, False)).splitlines()[1].startswith("photo.jpg,0,")


def test_on_a_terminal_names_are_shown_as_all_else() -> None:
    query = query_of("tiny", k=3)
    failures = iter([FAILED, ImageFailure("a\x1b[2Jb.png", ImageError("no"))])
    text = "".join(csv_format.write_csv_to_terminal(failures, query, True))
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["broU+000Aken.png", "aU+001B[2Jb.png"]


def test_values_of_lenses() -> None:
    numbers = np.arange(6, dtype=np.float32)
    found = looked(lens=Find("sky"), stage="tokens", numbers=numbers)
    seen = ImageReport(
        query_of("tiny", k=1, lens=ChosenLens("find", "sky")), READING, "tokens", (1, 3), None, values=found
    )
    assert [row["value"] for row in table(seen.query, seen)] == ["1.0", "3.0"]
    three = looked(Components(), "tokens", np.arange(18, dtype=np.float32).reshape(6, 3))
    seen = ImageReport(query_of("tiny", k=1, lens=ChosenLens("pca")), READING, "tokens", (1,), None, values=three)
    (row,) = table(seen.query, seen)
    assert [row[f"value{i}"] for i in (1, 2, 3)] == ["3.0", "4.0", "5.0"]


def test_fields_are_those_named_in_that_order() -> None:
    seen = of(fields=parse_fields("col, norm,z,row,word,margin,patches,ids"))
    rows = table(seen.query, seen)
    assert list(rows[0]) == ["col", "norm", "z", "row", "word", "margin", "patches", "id1", "id2", "id3"]
    assert seen.words is not None
    assert [float(row["margin"]) for row in rows] == (seen.words.scores[:, 0] - seen.words.scores[:, 1]).tolist()
    assert [row["id3"] for row in rows] == [str(id_) for id_ in seen.words.ids[:, 2]]


def test_every_field_can_be_asked_for() -> None:
    for field in FIELDS:
        seen = of(fields=parse_fields(field))
        for name in ("csv", "json", "jsonl"):
            assert "".join(format_named(name).write(iter([seen]), seen.query, False)), field


def test_fields_that_are_none() -> None:
    for words in ("nrom", "", "norm,", "norm;z"):
        with pytest.raises(UsageError, match="norm, z"):
            parse_fields(words)
    with pytest.raises(UsageError, match="names word more than once"):
        parse_fields("word, word,score")


def test_fields_of_json() -> None:
    seen = of(fields=parse_fields("col,z,words,word,ids,image"))
    report = json.loads("".join(format_named("json").write(iter([seen]), seen.query, False)))
    assert "grids" not in report
    assert all(list(token) == ["col", "z", "words", "word", "ids"] for token in report["tokens"])
    assert report["tokens"][0]["ids"] == [word["id"] for word in report["tokens"][0]["words"]]
    line = json.loads(next(iter(format_named("jsonl").write(iter([seen]), seen.query, False))))
    assert list(line) == ["col", "z", "words", "word", "ids", "image"]
    assert line["image"] == {"source": "photo.jpg"}
    whole = of(fields=("grids",))
    assert "grids" in json.loads("".join(format_named("json").write(iter([whole]), whole.query, False)))


def test_spreadsheets_are_kept_from_computing_where_asked() -> None:
    name = "=cmd|' /C calc'!A0.png"
    reading = msgspec.structs.replace(READING, image=msgspec.structs.replace(READING.image, source=name))
    words = made_reports.words(reading, 3)
    words = msgspec.structs.replace(words, texts=dict.fromkeys(words.texts, "@SUM(1)"))
    plain_query = query_of("tiny", k=3)
    safe_query = replace(plain_query, output=replace(plain_query.output, csv_safe=True))
    (as_it_is, *_), (quoted, *_) = (
        table(query, made_reports.seen(reading, words, query=query)) for query in (plain_query, safe_query)
    )
    assert as_it_is["image"] == name
    assert quoted["image"] == f"'{name}"
    assert {as_it_is["word1"], quoted["word1"]} == {"@SUM(1)", "'@SUM(1)"}
    assert quoted["norm"] == as_it_is["norm"]
    for cell in ("-1", "+1", "\tx", "=1"):
        assert csv_format.spreadsheet_safe(cell) == f"'{cell}"
    for cell in (-1.5, None, "1-2", ""):
        assert csv_format.spreadsheet_safe(cell) == cell
