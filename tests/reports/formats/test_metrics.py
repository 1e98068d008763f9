"""What reports say of words that are parts of a sum: coefficients, the share explained, λ; and cut-short pursuits."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.query.queries import query_of, with_options
from tests.reports import contract, made_reports
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.image_report import ImageReport


def pursued(k: int = 4) -> ImageReport:
    """Twelve tokens under omp: the first ended after two words, the second before any."""
    reading = made_reports.reading()
    words = made_reports.words(reading, k)
    ids, scores = words.ids.copy(), words.scores.copy()
    explained = np.tile(np.linspace(0.1, 0.4, k), (len(ids), 1))
    ids[0, 2:], ids[1] = -1, -1
    scores[ids < 0] = explained[ids < 0] = np.nan
    words = msgspec.structs.replace(words, metric="omp", ids=ids, scores=scores, explained=explained)
    return made_reports.seen(reading, words, query=query_of("tiny", metric="omp", k=k))


def printed(seen: ImageReport, format: str) -> str:
    return "".join(format_named(format).write(iter([seen]), seen.query, False))


def test_json_has_the_words_that_there_are() -> None:
    report = json.loads(printed(pursued(), "json"))
    contract.REPORT(report, "report")
    assert report["query"]["metric"] == "omp"
    assert [len(token["words"]) for token in report["tokens"][:3]] == [2, 0, 4]


def test_json_has_the_share_explained_after_each_word_where_it_is_asked_for() -> None:
    seen = pursued()
    seen = replace(seen, query=with_options(seen.query, fields=("words", "explained")))
    first, second, third = json.loads(printed(seen, "json"))["tokens"][:3]
    assert [*first] == ["words", "explained"]
    assert first["explained"] == pytest.approx([0.1, 0.2])
    assert second["explained"] == []
    assert third["explained"] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_text_says_how_much_is_explained() -> None:
    lines = printed(pursued(), "text").split("\n")
    assert any("4 picked by omp, in that order, of 990 word-pieces" in line for line in lines)
    norms = [line for line in lines if line.startswith("  norm")]
    assert norms[0].endswith(", 20% of it explained")
    assert norms[1].endswith(", 0% of it explained")
    assert norms[2].endswith(", 40% of it explained")
    assert all(len(line) <= 80 for line in norms)
    # and after each word
    first, second = lines[lines.index(norms[2]) + 1], lines[lines.index(norms[2]) + 2]
    assert re.findall(r"\d+%", f"{first} {second}") == ["10%", "20%", "30%", "40%"]
    assert re.findall(r"\d+%", lines[lines.index(norms[0]) + 1]) == ["10%", "20%"]
    grid = next(i for i, line in enumerate(lines) if line.startswith("Top-1 words"))
    assert "–" in lines[grid + 3]


def test_the_lambda_of_ridge_is_shown() -> None:
    reading = made_reports.reading()
    words = msgspec.structs.replace(made_reports.words(reading), metric="ridge", ridge=0.5)
    seen = made_reports.seen(reading, words, query=query_of("tiny", metric="ridge", ridge=0.5))
    assert "with the largest coefficients under ridge (λ 0.5)" in printed(seen, "text")
    query = json.loads(printed(seen, "json"))["query"]
    assert query["lambda"] == 0.5
    assert [*query] == [
        "metric",
        "k",
        "stage",
        "candidates",
        "left_out",
        "hidden",
        "prompt",
        "prompt_text",
        "template",
        "length_ratio",
        "lambda",
    ]
