"""`--null`: what reports say of noise, and that they say nothing of it unasked."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.errors import UsageError
from vlmtui.lenses.folded_token_words import fold_token_words
from vlmtui.reports.formats.json import report_object
from vlmtui.reports.formats.parts.noise_baseline import check_null
from vlmtui.reports.formats.text import report_lines
from vlmtui.results.noise_baseline import NoiseBaseline, NoiseScores


def noise(*scores: float, margins: tuple[float, ...] = ()) -> NoiseScores:
    return NoiseScores(scores=np.array(scores), margins=np.array(margins), firsts={0: 3, 1: 1})


def null(**changes: object) -> NoiseBaseline:
    shuffled = noise(-9.0, -8.0, -7.0, 0.0, margins=(0.0, 0.0, 1.0, 2.0))
    made_null = NoiseBaseline(
        stage="tokens", metric="l2", k=2, all_tokens=False, shuffled=shuffled, random=noise(-9.0, -8.0)
    )
    return msgspec.structs.replace(made_null, **changes)


def test_only_when_asked() -> None:
    reading = made_reports.reading(1, 2)
    plain = made_reports.seen(reading, made_reports.words(reading))
    assert not any("null" in line for line in report_lines(plain))
    assert all("null" not in token for token in report_object(plain)["tokens"])
    asked = replace(plain, null=null())
    assert list(report_object(asked)["tokens"][0])[-2:] == ["words", "null"]


def test_where_a_token_stands() -> None:
    reading = made_reports.reading(1, 2)
    words = made_reports.words(reading)
    seen = replace(made_reports.seen(reading, words, query=query_of("tiny", null=True)), null=null())
    tokens = report_object(seen)["tokens"]
    for row, token in enumerate(tokens):
        first = int(words.ids[row, 0])
        assert token["null"] == {
            "percentile": 75.0,
            "random": 100.0,
            "margin": 50.0,
            "same": {0: 75.0, 1: 25.0}.get(first, 0.0),
        }
    same = tokens[0]["null"]["same"]
    said = list(report_lines(seen))
    at = said.index(next(line for line in said if line.startswith("  null")))
    assert " ".join(" ".join(said[at : at + 2]).split()) == (
        f"null beats 75% of noise, the same top-1 in {same:.0f}% of noise, margin beats 50% of noise, "
        "beats all random vectors"
    )
    assert any(
        line.startswith("null    score of the top-1 word, as a percentile of the same search on") for line in said
    )


def test_another_spelling_is_the_same_top_1_where_spellings_fold() -> None:
    reading = made_reports.reading(1, 2)
    words = made_reports.words(reading, 2, ["▁sky", "Sky", "▁SKY"])
    found = fold_token_words(words, 1)[0]
    named: dict[int, str | None] = {0: "▁sky", 1: "Sky"}
    of_noise = msgspec.structs.replace(noise(-9.0, -8.0), pieces=named, texts={0: " sky", 1: "Sky"})
    seen = replace(
        made_reports.seen(reading, words, query=query_of("tiny", null=True)), null=null(shuffled=of_noise), folded=found
    )
    assert sum("the same top-1 in 100% of noise" in line for line in report_lines(seen)) == 2
    for token in report_object(seen)["tokens"]:
        assert token["null"]["same"] == {0: 75.0, 1: 25.0, 2: 0.0}[token["words"][0]["id"]]


def test_pursuits_and_pictures_that_cannot_be_shuffled() -> None:
    reading = made_reports.reading(1, 2)
    words = msgspec.structs.replace(
        made_reports.words(reading, 2), metric="omp", explained=np.array([[0.1, 0.3], [0.2, 0.6]])
    )
    of_shares = null(metric="omp", shuffled=noise(0.2, 0.4, 0.5, 0.7), random=noise(0.1))
    shares = [
        token["null"] for token in report_object(replace(made_reports.seen(reading, words), null=of_shares))["tokens"]
    ]
    found = [(one["percentile"], one["margin"], one["random"]) for one in shares]
    assert found == [(25.0, None, 100.0), (75.0, None, 100.0)]
    alone = null(shuffled=None, note="the image's pixels cannot be shuffled")
    asked = query_of("tiny", null=True)
    seen = replace(made_reports.seen(reading, made_reports.words(reading), query=asked), null=alone)
    assert report_object(seen)["tokens"][0]["null"] == {
        "percentile": None,
        "random": 100.0,
        "margin": None,
        "same": None,
    }
    said = " ".join(" ".join(report_lines(seen)).split())
    assert "cannot be shuffled, and random vectors" in said
    assert "null beats all random vectors" in said
    brief = list(report_lines(replace(seen, query=query_of("tiny"))))
    assert "noise   100% of tokens beat 95% of random vectors (by chance: 5%)" in " ".join(brief)
    assert sum("top-1 beats all random vectors" in line for line in brief) == 2


def test_no_words_to_hold_against_noise() -> None:
    model = made_reports.reading(1, 2).model
    check_null("tokens", model)
    check_null("llm.1", model)
    with pytest.raises(UsageError, match=r"vision\.1 has none of its own"):
        check_null("vision.1", model)
    with pytest.raises(UsageError, match="a tower alone"):
        check_null("tokens", msgspec.structs.replace(model, wordless="a tower alone"))
    nothing = made_reports.words(made_reports.reading(1, 2), 1)
    nothing = msgspec.structs.replace(nothing, ids=np.full_like(nothing.ids, -1))
    assert null().of(nothing, 0) is None
