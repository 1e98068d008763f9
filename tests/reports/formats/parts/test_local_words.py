"""Local words at the beginning of a text report, and in JSON through the lens."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Words, pack_details
from vlmtui.lenses.lens_source import lens_call
from vlmtui.query.chosen_lens import parse_lens
from vlmtui.query.patches import PatchPosition
from vlmtui.reading import Reading, TokenWords
from vlmtui.reports.formats.json import report_object
from vlmtui.reports.formats.parts.local_words import local_words_line
from vlmtui.reports.formats.text import report_lines
from vlmtui.reports.image_report import ImageReport
from vlmtui.results.local_words import LocalWord, LocalWords
from vlmtui.results.noise_baseline import NoiseBaseline, NoiseScores

ROWS = COLS = 10
OWN = "of these patches have their word in their own list"


def planted(reading: Reading, blocks: dict[str, tuple[range, range, int]]) -> TokenWords:
    """Two words for every token: words of its own, and each block's word in its rows and columns of its grid."""
    count = len(reading.places)
    pieces: list[str | None] = [*blocks, *(f"▁w{i}" for i in range(2 * count))]
    ids = np.arange(2 * count).reshape(count, 2) + len(blocks)
    for number, (rows, cols, grid) in enumerate(blocks.values()):
        for entry, place in enumerate(reading.places):
            if place.grid == grid and place.row in rows and place.col in cols:
                ids[entry, 0] = number
    found = made_reports.words(reading, 2, pieces)
    return msgspec.structs.replace(found, ids=ids)


def line_of(report: ImageReport) -> str:
    return local_words_line(report)[0]


@pytest.mark.parametrize(("above", "warned"), [(5, True), (6, False)])
def test_local_words_of_noise_are_told_to_be_noise(above: int, warned: bool) -> None:
    """Of 100 tokens, so many beat all noise: 5 do by chance."""
    reading = made_reports.reading(ROWS, COLS)
    words = planted(reading, {"▁roof": (range(2, 6), range(0, 5), 0)})
    scores = np.where(np.arange(100) < above, 9.0, 1.0)[:, None] - [0.0, 0.5]
    words = msgspec.structs.replace(words, scores=scores)
    noise = NoiseScores(scores=np.full(20, 2.0), margins=np.zeros(0), firsts={})
    null = NoiseBaseline(stage="tokens", metric="cosine", k=2, all_tokens=False, shuffled=noise, random=noise)
    text = " ".join(" ".join(report_lines(replace(made_reports.seen(reading, words), null=null))).split())
    local, rest = text.partition("local ")[2].split(" model ", 1)
    assert local.endswith(". They lie together, but the words are within noise") == warned
    assert f"noise {above}% of tokens beat 95% of noise (by chance: 5%); " in rest


def test_a_report_begins_with_the_largest_segments() -> None:
    reading = made_reports.reading(ROWS, COLS)
    blocks = {"▁roof": (range(2, 6), range(0, 5), 0), "▁sky": (range(0, 1), range(0, 9), 0)}
    report = made_reports.seen(reading, planted(reading, blocks))
    said = "roof 20 patches, rows 2–5; sky 9 patches, row 0. "
    line = line_of(report)
    # votes reach two patches further
    first, second, note = line.replace(". ", "; ", 1).split("; ")
    assert first.startswith("roof ")
    assert second.startswith("sky ")
    assert note.endswith(f"% {OWN}")
    lines = list(report_lines(report))
    assert lines[2].startswith("local   roof ")
    assert len(line) >= len(said)


def test_a_segment_is_told_from_all_patches_of_its_word() -> None:
    reading = made_reports.reading(ROWS, COLS)
    # two spellings of one word, far apart
    blocks = {"▁roof": (range(0, 3), range(0, 3), 0), "roof": (range(7, 10), range(7, 10), 0)}
    line = line_of(made_reports.seen(reading, planted(reading, blocks)))
    found = [(int(size), int(total)) for size, total in re.findall(r"roof (\d+) of (\d+) patches", line)]
    assert len(found) == 2
    assert {total for _, total in found} == {sum(size for size, _ in found)}
    alone = line_of(made_reports.seen(reading, planted(reading, {"▁roof": blocks["▁roof"]})))
    assert re.match(r"roof \d+ patches, rows ", alone)


def test_grids_are_named_where_there_are_several() -> None:
    reading = made_reports.reading(ROWS, COLS, grids=2)
    report = made_reports.seen(reading, planted(reading, {"▁roof": (range(2, 6), range(0, 5), 1)}))
    assert " of tile 1 of 1. " in line_of(report)


def test_none_is_said_of_parts_and_where_there_are_no_words() -> None:
    reading = made_reports.reading(ROWS, COLS)
    words = planted(reading, {"▁roof": (range(2, 6), range(0, 5), 0)})
    report = made_reports.seen(reading, words)
    assert line_of(report)
    some = query_of("tiny", patches=(PatchPosition(None, 1, 1),))
    assert line_of(replace(report, query=some)) == ""
    assert line_of(replace(report, words=None)) == ""
    loose = tuple(replace(place, kind="query", grid=None, row=None, col=None) for place in reading.places)
    placeless = msgspec.structs.replace(reading, places=loose)
    assert line_of(replace(report, reading=placeless)) == ""
    nothing = made_reports.seen(reading, planted(reading, {}))
    assert line_of(nothing) == "no word lies together more than chance"


@pytest.fixture
def looked() -> ImageReport:
    """A report through the lens: rows 0 to 3 are `roof`, the others have no word."""
    reading = made_reports.reading(ROWS, COLS)
    ids = np.where(np.arange(ROWS * COLS) < 40, 0, -1)[:, None]
    words = msgspec.structs.replace(made_reports.words(reading, 1, ["▁roof"]), ids=ids, metric="local-words")
    word = LocalWord(
        id=0,
        word="roof",
        grid=0,
        patches=40,
        rows=(0, 3),
        cols=(0, 9),
        lists=30,
        joins=200,
        concentration=3.5,
        p=0.01,
    )
    details = LocalWords(tested=7, own=0.755, words=(word,), lists={"metric": "cosine", "k": 8})
    result = Words(ids, np.ones(ids.shape), note=details.note, own=pack_details(details))
    query = replace(query_of("tiny"), lens=parse_lens("local-words", None, ()))
    report = made_reports.seen(reading, words, query=query)
    return replace(report, words_result=LensResult(lens_call("local-words"), "tokens", result))


def test_the_lens_s_own_words_are_shown(looked: ImageReport) -> None:
    assert local_words_line(looked)[1] == 40 / (ROWS * COLS)
    assert line_of(looked) == f"roof 40 patches, rows 0–3. 76% {OWN}"


def test_json_has_counts_and_concentration(looked: ImageReport) -> None:
    found = report_object(looked)
    assert found["query"]["lens"] == {
        "name": "local-words",
        "tested": 7,
        "own": 0.755,
        "words": [
            {
                "id": 0,
                "word": "roof",
                "grid": 0,
                "patches": 40,
                "rows": [0, 3],
                "cols": [0, 9],
                "lists": 30,
                "joins": 200,
                "concentration": 3.5,
                "p": 0.01,
            }
        ],
        "lists": {"metric": "cosine", "k": 8},
        "note": f"76% {OWN}",
    }
    assert [len(token["words"]) for token in found["tokens"]] == [1] * 40 + [0] * 60
