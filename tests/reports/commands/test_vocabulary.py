"""What is written of a vocabulary, and of words near a word, made by hand."""

from __future__ import annotations

import csv
import io
import itertools
import json
from functools import partial

import numpy as np

from tests.reports import made_reports
from vlmtui.display.pieces import width
from vlmtui.reports.commands import vocabulary, word_neighbours
from vlmtui.reports.commands.vocabulary import BINS, norm_histogram
from vlmtui.results.vocabulary import KINDS, VocabularyRows, WordNeighbours

MODEL = made_reports.reading().model
PIECES = [*made_reports.PIECES[:-1], "</s>", None, None]
ROWS = 40


def found(**changes: object) -> VocabularyRows:
    """Forty rows: words by the hostile pieces that reports are tested with, a special one, two without a token."""
    norms = np.linspace(1.0, 3.0, ROWS)
    kinds = np.full(ROWS, KINDS.index("word"), np.uint8)
    kinds[11], kinds[12:14] = KINDS.index("special"), KINDS.index("unnamed")
    pieces = {i: PIECES[i] if i < len(PIECES) else f"▁word{i}" for i in range(ROWS)}
    made_ = {
        "norms": norms,
        "kinds": kinds,
        "first": np.arange(ROWS),
        "smallest": np.arange(14),
        "largest": np.arange(ROWS - 1, ROWS - 4, -1),
        "pieces": pieces,
        "texts": {i: piece and piece.replace("▁", " ").strip() for i, piece in pieces.items()},
        "all_tokens": True,
        "hidden": 32,
        "added": 1,
        "tied": True,
        "scale": 1.0,
        "seconds": 0.1,
    }
    return VocabularyRows(**(made_ | changes))  # type: ignore[arg-type]


def text(of: VocabularyRows) -> str:
    page = "".join(vocabulary.vocabulary_text(MODEL, of))
    assert max(map(width, page.splitlines())) <= 80
    assert not any(line != line.rstrip() for line in page.splitlines())
    assert "\x1b" not in page
    return page


def test_a_page_and_its_numbers() -> None:
    norms = np.linspace(1.0, 3.0, ROWS)
    norms[[3, 5, 9]] = 2.0
    norms[20], norms[21] = np.inf, 0.0
    first = np.arange(ROWS)
    first[[5, 9]] = 3
    of = found(norms=norms, first=first, tied=False, scale=None)
    page = text(of)
    assert "rows    40 of 32 numbers each: 37 words, 1 special, 2 without a token" in page
    assert "matrix  not that of the unembedding; its rows are not multiplied by" in page
    assert "unnamed 2 rows from 12 to 13, norms from 1.615 to 1.667" in page
    assert "same    3 rows in 1 group of identical rows" in page
    assert "wrong   1 row with numbers that are not finite" in page
    assert "; 1 row of zeros" in page
    told = json.loads("".join(vocabulary.vocabulary_json(MODEL, of)))
    assert told["norms"]["not_finite"] == 1
    assert told["without_token"] == {"first": 12, "last": 13, "least": norms[12], "most": norms[13]}
    assert told["identical"]["largest"][0]["ids"] == [3, 5, 9]
    assert sum(bar["rows"] for bar in told["histogram"]) == ROWS - 1
    assert sum(bar["words"] for bar in told["histogram"]) == 36
    assert "special tokens, rows without a token" in page
    rows = list(csv.DictReader(io.StringIO("".join(vocabulary.vocabulary_csv(MODEL, of)))))
    assert [row["first"] for row in rows[:10]] == [str(i) for i in (0, 1, 2, 3, 4, 3, 6, 7, 8, 3)]
    assert (rows[20]["norm"], rows[12]["piece"], rows[12]["kind"]) == ("", "", "unnamed")
    assert "\x1b" not in "".join(cell for row in rows for cell in row.values())


def test_what_a_family_does_to_its_embeddings() -> None:
    assert "also that of the unembedding; its rows reach the first layer as they are" in text(found())
    scaled = text(found(scale=48.0))
    assert "its rows are multiplied by 48.00 on their way to the first layer" in " ".join(scaled.split())


def test_histograms() -> None:
    bars = norm_histogram(found())
    assert len(bars) == BINS
    assert (bars[0].low, bars[-1].high) == (1.0, 3.0)
    assert all(one.high == after.low for one, after in itertools.pairwise(bars))
    far = found(norms=np.concatenate([np.linspace(1, 3, ROWS - 1), [1e6]]))
    assert sum(bar.rows for bar in norm_histogram(far)) == ROWS
    same = norm_histogram(found(norms=np.full(ROWS, 2.0)))
    assert [(bar.low, bar.high, bar.rows, bar.words) for bar in same] == [(2.0, 2.0, ROWS, 37)]
    assert norm_histogram(found(norms=np.full(ROWS, np.nan))) == []
    assert "40 rows with numbers that are not finite" in text(found(norms=np.full(ROWS, np.nan), smallest=np.arange(0)))


def test_words_near_a_hostile_word() -> None:
    ids = np.arange(12)
    of = WordNeighbours(
        word="\x1b[31msky",
        metric="l2",
        of=("▁sky", "\x1b"),
        of_ids=(30, 31),
        note="the word is not a single piece: the mean of its 2 pieces",
        ids=ids,
        scores=-np.linspace(0, 2, 12),
        norms=np.linspace(1, 2, 12),
        pieces=dict(enumerate(PIECES[:12])),
        texts={i: piece and piece.replace("▁", " ") for i, piece in enumerate(PIECES[:12])},
        special=frozenset({11}),
        candidates=38,
        left_out=2,
        seconds=0.1,
    )
    page = "".join(word_neighbours.neighbours_text(MODEL, of))
    assert max(map(width, page.splitlines())) <= 80
    assert "\x1b" not in page
    assert "the mean of its 2 pieces" in " ".join(page.split())
    assert page.splitlines()[-1].endswith("</s>  special")
    told = json.loads("".join(word_neighbours.neighbours_json(MODEL, of)))
    assert [word["id"] for word in told["words"]] == ids.tolist()
    assert told["query"]["pieces"] == ["▁sky", "\x1b"]
    whole = found()
    for named in (of, whole):
        named.pieces[2], named.texts[2] = "▁=1+1", "=1+1"
    near, rows = word_neighbours.FORMATS["csv"], vocabulary.FORMATS["csv"]
    for written, count in ((partial(near, MODEL, of), 13), (partial(rows, MODEL, whole), ROWS + 1)):
        plain, safe = (list(csv.reader(io.StringIO("".join(written(is_safe))))) for is_safe in (False, True))
        assert len(plain) == len(safe) == count
        assert any(cell == "=1+1" for row in plain for cell in row)
        assert not any(cell.startswith(("=", "@")) for row in safe for cell in row)
