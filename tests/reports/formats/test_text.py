"""The text report: its width, its alignment, what it says."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.looked import looked
from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.display.cells import width
from vlmtui.geometry import Place
from vlmtui.lenses.folded_token_words import fold_token_words
from vlmtui.lenses.lens_source import lens_call
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.patches import PatchPosition
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.image_report import ImageReport


def text(*results: ImageReport) -> list[str]:
    return "".join(format_named("text").write(iter(results), query_of("tiny"), len(results) > 1)).split("\n")


def grid_lines(lines: list[str], rows: int) -> list[str]:
    """The lines of the first block of the grid of first words."""
    start = next(i for i, line in enumerate(lines) if line.startswith("Top-1 words"))
    return lines[start + 3 : start + 3 + rows]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 90),
    st.integers(0, 9),
    st.lists(st.text(max_size=12), min_size=1, max_size=9),
)
def test_no_line_is_wider_than_80_cells_and_none_commands(rows: int, cols: int, k: int, pieces: list[str]) -> None:
    reading = made_reports.reading(rows, cols)
    lines = text(made_reports.seen(reading, made_reports.words(reading, k, list(pieces))))
    for line in lines:
        assert width(line) <= 80, line
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Cn") for c in line)


@pytest.mark.parametrize("cols", [1, 4, 14, 24, 25, 27, 32, 64])
def test_the_grid_of_first_words_has_equal_columns(cols: int) -> None:
    reading = made_reports.reading(3, cols)
    words = made_reports.words(reading)
    lines = text(made_reports.seen(reading, words))
    rows = grid_lines(lines, 3)
    header = lines[lines.index(rows[0]) - 1]
    starts = [i for i, c in enumerate(header) if c != " " and (i == 0 or header[i - 1] == " ")]
    steps = {b - a for a, b in pairwise(starts)}
    assert len(steps) <= 1
    if steps:
        assert steps.pop() >= 3
    for row in rows:
        for start in starts:
            # cell by cell: what stands before a column is a space, whatever the script
            before = prefix(row, start)
            assert width(before) == start
            assert before.endswith((" ", "\u200e"))


def prefix(line: str, cells: int) -> str:
    """The beginning of a line that is `cells` cells wide."""
    taken = ""
    for c in line.ljust(200):
        if width(taken + c) > cells:
            break
        taken += c
    return taken


def test_what_is_cut_is_said() -> None:
    narrow, wide = made_reports.reading(2, 2), made_reports.reading(24, 24)
    words = ["▁mountains", "▁sky"]
    assert any(
        line == "Top-1 words, 2 rows × 2 columns"
        for line in text(made_reports.seen(narrow, made_reports.words(narrow, 2, words)))
    )
    assert any("cut to 2 cells" in line for line in text(made_reports.seen(wide, made_reports.words(wide, 2, words))))


def test_every_patch_has_its_place_words_and_norms() -> None:
    reading = made_reports.reading(2, 2, layers=3)
    lines = text(made_reports.seen(reading, made_reports.words(reading, 2, ["▁sky", "ing"])))
    start = lines.index("row 1  column 0  token 2  box (0, 213.5) – (320, 427)")
    assert lines[start + 1].startswith("  norm ")
    assert "of word norms" in lines[start + 1]
    assert "sky" in lines[start + 2]
    assert "‿ing" in lines[start + 2]
    assert len(lines[start + 3].split()) == 1 + 4


@pytest.mark.parametrize("layers", [3, 24])
def test_every_column_has_a_head(layers: int) -> None:
    reading = made_reports.reading(3, 4, layers=layers)
    reading.grid_norms[0].patches[1, 5] = 99.0  # an outlier, with its mark
    lines = text(made_reports.seen(reading, made_reports.words(reading, 3, ["sky", "ing", "a"])))
    first = next(i for i, line in enumerate(lines) if line.startswith("row "))
    words, unit, *stages = lines[lines.index("Patches") + 2 : first - 1]
    listed = lines[first + 2]
    assert words.split() == ["word", "distance"] * (len(listed.split()) // 2)
    assert unit == "  L2 norm at"
    assert " ".join(stages).split() == ["vision", *(f".{i}" for i in range(layers + 1))]
    assert ends(listed)[1::2] == ends(words)[1::2]
    starts = [i for i, line in enumerate(lines[first:], first) if line.startswith("  vision  ")]
    assert len(starts) == 12
    for start in starts:
        assert [ends(row[8:]) for row in lines[start : start + len(stages)]] == [ends(head[8:]) for head in stages]


def test_components_have_heads() -> None:
    reading = made_reports.reading(1, 2, layers=1)
    numbers = np.array([[0.5, -1, 12], [0.25, 1e-5, 1]], np.float32)
    values = looked(lens_call("pca"), "tokens", numbers, explained=(0.5, 0.2, 0.1))
    query = query_of("tiny", lens=ChosenLens("pca"))
    lines = text(ImageReport(query, reading, "tokens", (0, 1), None, values=values))
    head, *rows = [line for line in lines if line.startswith("  pca ")]
    assert head.split() == ["pca", "red", "green", "blue"]
    assert [row.split()[1:] for row in rows] == [["0.5000", "-1.000", "12.00"], ["0.2500", "1.000e-05", "1.000"]]
    assert [ends(row) for row in rows] == [ends(head)] * 2


def ends(line: str) -> list[int]:
    """Where the words of a line end."""
    return [match.end() for match in re.finditer(r"\S+", line)]


def test_the_demo_says_what_it_is_and_how_to_choose_another() -> None:
    import msgspec

    from vlmtui.catalogue import DEMO_NOTE

    reading = made_reports.reading()
    model = msgspec.structs.replace(reading.model, note=DEMO_NOTE)
    reading = msgspec.structs.replace(reading, model=model)
    joined = " ".join(" ".join(text(made_reports.seen(reading, None, "vision.1"))).split())
    assert "demo model, trained on drawings" in joined
    assert "--model NAME" in joined
    assert "VLMTUI_MODEL" in joined


def test_outliers_are_marked_listed_and_explained() -> None:
    reading = made_reports.reading(4, 4)
    reading.grid_norms[0].patches[1, 6] = 99.0
    lines = text(made_reports.seen(reading, made_reports.words(reading)))
    (line,) = [line for line in lines if line.startswith("  vision.1 ")]
    assert "1,2 99.00, 13.2× the median (high-norm), z +" in line
    assert any("MAD" in line for line in lines)
    assert any("99.00!" in line for line in lines)


def test_one_patch_alone() -> None:
    reading = made_reports.reading(3, 4)
    words = made_reports.words(reading)
    query = query_of("tiny", patches=(PatchPosition(None, 1, 1),))
    lines = text(ImageReport(query, reading, "tokens", (5,), words))
    assert sum(line.startswith("row ") for line in lines) == 1
    assert "stage   tokens: 1 of 12 tokens, vectors of 32 numbers" in lines
    assert not any(line.startswith(("Top-1 words", "Outliers")) for line in lines)


def test_tokens_without_a_place() -> None:
    places = tuple(Place(i, "query", None, None, None, None, 0.0, ()) for i in range(4))
    reading = made_reports.reading(2, 2, places=places)
    lines = text(made_reports.seen(reading, made_reports.words(reading)))
    assert "token 3  query" in lines
    assert "Top-1 words of 4 query tokens" in lines
    assert not any(line.startswith("Top-1 words,") for line in lines)


def test_a_hostile_name_and_model() -> None:
    import msgspec

    reading = made_reports.reading()
    image = msgspec.structs.replace(reading.image, source="\x1b]0;owned\x07\u202egnp.exe\n.png")
    model = msgspec.structs.replace(reading.model, name="\x1b[2Jm")
    lines = text(made_reports.seen(msgspec.structs.replace(reading, image=image, model=model), None, "vision.0"))
    assert lines[0].startswith("U+001B]0;ownedU+0007U+202Egnp.exeU+000A.png")
    assert not any("\x1b" in line for line in lines)


def test_norms_that_are_not_finite() -> None:
    reading = made_reports.reading(norms=np.full(12, np.nan, np.float32), percentiles=np.full(12, np.nan, np.float32))
    lines = text(made_reports.seen(reading, made_reports.words(reading)))
    assert any(line.startswith("  norm –!") for line in lines)


def test_scripts_stand_behind_words_where_they_fit() -> None:
    reading = made_reports.reading(1, 1)
    lines = text(made_reports.seen(reading, made_reports.words(reading, 3, ["▁небо", "▁sky", "▁" + "я" * 14])))
    said = "\n".join(lines)
    assert "небо (Cyrillic)" in said
    assert "sky (" not in said
    assert "я" * 14 + " (" not in said


@pytest.mark.parametrize(("pieces", "said"), [(["▁sky", "▁roof"], False), (["▁sky", "▁Sky"], True)])
def test_folding_is_explained_where_something_folded(pieces: list[str | None], said: bool) -> None:
    reading = made_reports.reading(1, 2)
    words = made_reports.words(reading, 2, pieces)
    words.ids[:] = [0, 1]
    folded, _ = fold_token_words(words, 2)
    lines = text(replace(made_reports.seen(reading, words), folded=folded))
    assert any(line.startswith("folded ") for line in lines) == said
