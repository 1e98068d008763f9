"""`--lens`: what it asks for, and what reports say of the values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.looked import looked
from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.errors import UsageError
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.lens_source import LensCall, LensSource, lens_call
from vlmtui.query.chosen_lens import ChosenLens, lens_for, parse_lens, searched_call
from vlmtui.query.options import SearchOptions
from vlmtui.query.patches import PatchPosition
from vlmtui.reports.formats.json import report_object
from vlmtui.reports.formats.parts.lens_values import lens_line
from vlmtui.reports.formats.text import report_lines
from vlmtui.reports.image_report import ImageReport
from vlmtui.session.typed_lenses.values import Components, Evidence, Find, Similarity


def test_the_options_name_a_lens() -> None:
    assert parse_lens(None, None, ()) is None
    assert parse_lens("pca", None, ()) == ChosenLens("pca")
    assert parse_lens(None, "sky", ()) == parse_lens("find", "sky", ()) == ChosenLens("find", "sky")
    assert parse_lens("evidence", "cat", ()) == ChosenLens("evidence", "cat")
    assert parse_lens(None, None, ["1:2,3"]) == ChosenLens("similarity", marked=(PatchPosition(1, 2, 3),))


@pytest.mark.parametrize(
    ("name", "find", "marked", "said"),
    [
        ("x", None, (), "--lens 'x' is not one of"),
        ("find", None, (), "--find sky"),
        ("find", " ", (), "--find sky"),
        ("evidence", None, (), "--find tabby"),
        ("pca", "sky", (), "--lens pca does not take --find"),
        ("pca", None, ["1,1"], "--lens pca does not take --marked"),
        (None, "sky", ["1,1"], "--find and --marked are for different lenses"),
        (None, None, ["x"], "--marked 'x' is not"),
    ],
)
def test_options_that_do_not_fit(name: str | None, find: str | None, marked: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_lens(name, find, marked)


def test_patches_are_entries_of_the_stage() -> None:
    reading = made_reports.reading(3, 4)
    through = ChosenLens("similarity", marked=(PatchPosition(None, 1, 1), PatchPosition(None, 0, 2)))
    assert lens_for(through, reading, "tokens", SearchOptions()) == Similarity((2, 5))
    assert lens_for(ChosenLens("pca"), reading, "tokens", SearchOptions()) == Components()
    assert lens_for(ChosenLens("find", "sky"), reading, "tokens", SearchOptions()) == Find("sky")
    assert lens_for(ChosenLens("evidence", "cat"), reading, "vision.2", SearchOptions()) == Evidence("cat")
    with pytest.raises(UsageError, match="there is no patch 9,9"):
        lens_for(ChosenLens("similarity", marked=(PatchPosition(None, 9, 9),)), reading, "tokens", SearchOptions())
    with pytest.raises(UsageError, match="--marked 3,4"):
        lens_for(ChosenLens("similarity"), reading, "tokens", SearchOptions())


def seen(through: ChosenLens, values: LensResult, entries: tuple[int, ...] | None = None) -> ImageReport:
    reading = made_reports.reading(3, 4)
    query = query_of("tiny", lens=through)
    return ImageReport(
        query, reading, values.stage, tuple(range(12)) if entries is None else entries, None, None, values
    )


def test_numbers_stand_in_the_text_and_in_the_json() -> None:
    numbers = np.linspace(-0.004, 1.2, 12).astype(np.float32)
    values = looked(lens=Find("sky"), stage="tokens", numbers=numbers, pieces=("▁sky", "sky"), note="of two")
    shown = seen(ChosenLens("find", "sky"), values)
    text = "\n".join(report_lines(shown))
    assert "lens    find: cosine of sky (sky ‿sky); of two" in text
    alone = looked(lens=Find("sky"), stage="tokens", numbers=numbers, pieces=("▁sky",))
    assert lens_line(seen(ChosenLens("find", "sky"), alone)) == "find: cosine of sky"
    for end, said in ((0.5, "7 of 12 above noise (0.500)"), (1.5, "nothing above noise (1.50)")):
        compared = replace(alone, noise_end=end)
        assert lens_line(seen(ChosenLens("find", "sky"), compared)) == f"find: cosine of sky; {said}"
    assert "Values of the lens, 3 rows × 4 columns" in text
    assert "\n0  .00  .11  .21" in text
    assert "\n2  .87  .98  1.09 1.20" in text
    assert "  find 1.200" in text
    found = report_object(shown)
    assert found["query"]["lens"] == {"name": "find", "text": "sky", "pieces": ["▁sky", "sky"], "note": "of two"}
    assert [token["value"] for token in found["tokens"]] == numbers.tolist()
    one = replace(shown, entries=(3,))
    assert [token["value"] for token in report_object(one)["tokens"]] == [float(numbers[3])]


def test_components_are_three_numbers_a_patch() -> None:
    numbers = np.arange(36, dtype=np.float32).reshape(12, 3) / 36
    values = looked(lens=Components(), stage="vision.1", numbers=numbers, explained=(0.5, 0.2, 0.1))
    shown = seen(ChosenLens("pca"), values)
    text = "\n".join(report_lines(shown))
    assert "lens    pca: three principal components, 50% + 20% + 10% of the variance" in text
    assert "Values of the lens" not in text
    found = report_object(shown)
    assert found["query"]["lens"] == {"name": "pca", "explained": [0.5, 0.2, 0.1]}
    assert found["tokens"][1]["value"] == numbers[1].tolist()


def test_similarity_names_what_it_compares_with() -> None:
    values = looked(lens=Similarity((2,)), stage="tokens", numbers=np.ones(12, np.float32))
    shown = seen(ChosenLens("similarity", marked=(PatchPosition(None, 0, 2),)), values)
    assert "lens    similarity: cosine with 0,2" in "\n".join(report_lines(shown))
    assert report_object(shown)["query"]["lens"] == {"name": "similarity", "marked": ["0,2"]}


def test_without_a_lens_nothing_is_said_of_one() -> None:
    plain = ImageReport(query_of("tiny"), made_reports.reading(3, 4), "tokens", (0,), None)
    assert "lens" not in report_object(plain)["query"]
    assert "value" not in report_object(plain)["tokens"][0]


def test_a_text_or_a_class_at_a_towers_end() -> None:
    numbers = np.linspace(-1, 1, 12, dtype=np.float32)
    found = looked(lens=Find("a blue sky"), stage="vision.2", numbers=numbers, note="approximate, by CLIP's value path")
    text = " ".join(" ".join(report_lines(seen(ChosenLens("find", "a blue sky"), found))).split())
    assert "find: cosine of a blue sky; approximate, by CLIP's value path" in text
    assert report_object(seen(ChosenLens("find", "a blue sky"), found))["query"]["lens"] == {
        "name": "find",
        "text": "a blue sky",
        "note": "approximate, by CLIP's value path",
    }
    found = looked(
        lens=Evidence("cat"), stage="vision.2", numbers=numbers, note="each patch's share of the logit of cat"
    )
    text = " ".join(" ".join(report_lines(seen(ChosenLens("evidence", "cat"), found))).split())
    assert "evidence: cat; each patch's share of the logit of cat" in text


def test_the_search_fills_the_options_that_a_lens_of_words_has() -> None:
    search = SearchOptions(metric="cosine", all_tokens=True, ridge=0.5)
    filled = {"metric": "cosine", "all_tokens": True, "ridge": 0.5}
    reading = made_reports.reading(3, 4)
    assert lens_for(ChosenLens("local-words"), reading, "tokens", search).given == filled
    assert lens_for(ChosenLens("layers"), reading, "tokens", search).given == {"all_tokens": True}
    # what was given stays
    assert searched_call(lens_call("local-words", metric="dot"), search).given == filled | {"metric": "dot"}
    assert searched_call(lens_call("pca"), search) == lens_call("pca")
    assert searched_call(LensCall(LensSource("", "/mine.py", "# its text")), search).given == {}
