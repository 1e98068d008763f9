"""The text report of every family's shape: several grids, queries, newlines, towers."""

from __future__ import annotations

import re
from collections import Counter

import msgspec
import numpy as np
import pytest

from tests.query.queries import query_of
from tests.reports import made_reports
from tests.tui.families import CROSS, FAMILIES, RESAMPLED, TOWER
from vlmtui.display.cells import width
from vlmtui.errors import UsageError
from vlmtui.query.patches import PatchPosition, entries_at
from vlmtui.reading import Reading, TokenWords
from vlmtui.reports.formats.registry import format_named


def lines(reading: Reading, words: TokenWords | None = None, stage: str | None = None) -> list[str]:
    stage = stage or ("tokens" if reading.places else "vision.4")
    if stage == "tokens" and words is None:
        words = made_reports.words(reading, 3)
    return "".join(
        format_named("text").write(iter([made_reports.seen(reading, words, stage)]), query_of("tiny"), False)
    ).split("\n")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_entry_is_told_once_within_80_cells(family: str) -> None:
    reading = FAMILIES[family]()
    for stage in ("tokens", "vision.1"):
        if not reading.places_at(stage):
            continue
        told = lines(reading, stage=stage)
        assert max(width(line) for line in told) <= 80
        what = "token" if stage == "tokens" else "patch"
        told_of = Counter(int(n) for line in told for n in re.findall(rf"(?:^|  ){what} (\d+)  ", line))
        assert told_of == Counter(place.index for place in reading.places_at(stage))


def test_grids_come_one_after_another_with_their_titles() -> None:
    told = lines(FAMILIES["llava_next"]())
    titles = [line for line in told if line.startswith("Top-1 words, ")]
    assert titles[0] == "Top-1 words, whole image (grid 0): pixels (0, 0) – (640, 427)"
    assert titles[3] == "Top-1 words, tile 3 of 4 (grid 3): pixels (0, 213.5) – (320, 427)"
    assert len(titles) == 5
    start = told.index(titles[1])
    assert told[start + 1].startswith("12 rows × 12 columns")
    assert told[start + 2] == "· was removed by the model"
    rows = told[start + 5 : start + 17]
    assert [row.split()[1] == "·" for row in rows] == [True] * 4 + [False] * 8
    patches = [line for line in told if line.startswith("Patches, ")]
    assert [p.removeprefix("Patches, ") for p in patches] == [t.removeprefix("Top-1 words, ") for t in titles]
    # entries stand under the title of their grid
    under = told[told.index(patches[2]) : told.index(patches[3])]
    assert any(line.startswith("row 4  column 0  token ") for line in under)
    assert "views   whole image, 12 × 12 tokens; 4 tiles, 12 × 12 tokens each" in told
    assert any("544 tokens, 16 newline tokens among them" in line for line in told)


def test_newline_tokens_that_are_the_same_are_told_once() -> None:
    reading = FAMILIES["llava_next"]()
    words = made_reports.words(reading, 3)
    newlines = [i for i, p in enumerate(reading.places) if p.kind == "newline"]
    norms = reading.norms.copy()
    norms[newlines] = 1.5
    ids, scores = words.ids.copy(), words.scores.copy()
    ids[newlines], scores[newlines] = ids[newlines[0]], scores[newlines[0]]
    same = msgspec.structs.replace(words, ids=ids, scores=scores)
    told = lines(msgspec.structs.replace(reading, norms=norms), same)
    assert "16 newline tokens" in told
    assert "  all the same:" in told
    assert sum(line.endswith("  newline") for line in told) == 1
    scores[newlines[5]] += 1.0
    told = lines(msgspec.structs.replace(reading, norms=norms), same)
    assert "  2 of them differ:" in told
    assert sum(line.endswith("  newline") for line in told) == 2


def test_queries_are_a_list() -> None:
    told = lines(FAMILIES["idefics2"]())
    start = told.index("Top-1 words of 64 query tokens")
    indices = [
        word for line in told[start + 2 : told.index("", start + 2)] for word in line.split() if word.isdecimal()
    ]
    assert sorted(map(int, indices)) == list(range(64))
    assert "Tokens without a position in the image" in told
    assert RESAMPLED in " ".join(" ".join(told).split())
    assert not any(line.startswith("Top-1 words, ") for line in told)


@pytest.mark.parametrize(("family", "why"), [("clip_tower", TOWER), ("mllama", CROSS)])
def test_a_model_without_words_says_why(family: str, why: str) -> None:
    told = lines(FAMILIES[family]())
    assert f"words {why}" in " ".join(" ".join(told).split())
    assert not any(line.startswith("Top-1 words") for line in told)
    assert any(line.startswith("row 0  column 0  patch 0  box (0, 0)") for line in told)


def test_padding_is_said() -> None:
    told = lines(FAMILIES["llava_next"](), stage="vision.0")
    start = told.index("Patches, tile 1 of 4 (grid 1): pixels (0, 0) – (320, 213.5)")
    first = next(line for line in told[start:] if line.startswith("row 0  column 0"))
    assert first.endswith("  all padding")
    assert any(line.endswith("  99.4% padding") for line in told[start:])


def test_a_patch_of_a_grid_without_tokens() -> None:
    onevision = FAMILIES["llava_onevision"]()
    (entry,) = entries_at(onevision, "vision.0", PatchPosition(3, 11, 0))
    place = onevision.patch_places[entry]
    assert (place.grid, place.row, place.col) == (3, 11, 0)
    with pytest.raises(UsageError, match="vision patches only"):
        entries_at(onevision, "tokens", PatchPosition(3, 0, 0))
    resampled = FAMILIES["idefics2"]()
    assert entries_at(resampled, "vision.2", PatchPosition(None, 14, 21)) == (15 * 22 - 1,)
    with pytest.raises(UsageError, match="reads all patches"):
        entries_at(resampled, "tokens", PatchPosition(None, 0, 0))


def test_the_whole_view_is_meant_wherever_it_comes() -> None:
    reading = FAMILIES["idefics3"]()
    (entry,) = entries_at(reading, "tokens", PatchPosition(None, 3, 4))
    assert reading.places[entry].grid == 12
    four = entries_at(reading, "vision.0", PatchPosition(2, 3, 4))
    assert sorted(p for i in four for p in reading.patch_places[i].patches) == [164, 165, 190, 191]
    assert np.isfinite(reading.norms_at("vision.0")[list(four)]).all()
