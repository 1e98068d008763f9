"""`json` and `jsonl` against the contract."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.looked import looked
from tests.query.queries import query_of
from tests.reports import contract, made_reports
from vlmtui.errors import ImageError, UsageError
from vlmtui.lenses.lens_source import lens_call
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.patches import PatchPosition, entries_at
from vlmtui.reports.formats.json import json_line
from vlmtui.reports.formats.registry import FORMATS, check_known, format_named
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.per_image import ImageFailure

QUERY = query_of("tiny")
FAILED = ImageFailure("broken.png", ImageError("broken.png is damaged: fetch it again"))


def written(format: str, *results: ImageReport | ImageFailure, several: bool = False) -> str:
    return "".join(map(str, format_named(format).write(iter(results), QUERY, several)))


def test_one_image_is_one_object_of_the_schema() -> None:
    reading = made_reports.reading(grids=2)
    words = made_reports.words(reading)
    report = json.loads(written("json", made_reports.seen(reading, words)))
    contract.REPORT(report, "report")
    assert len(report["tokens"]) == 24
    token = report["tokens"][13]
    assert (token["grid"], token["row"], token["col"], token["patches"]) == (1, 0, 1, [1])
    assert token["norm"] == float(reading.norms[13])
    assert [w["id"] for w in token["words"]] == words.ids[13].tolist()
    assert [w["score"] for w in token["words"]] == words.scores[13].tolist()
    assert token["words"][0]["piece"] == words.pieces[int(words.ids[13, 0])]
    assert report["grids"][1]["norms"] == reading.grid_norms[1].patches.tolist()
    assert report["grids"][0]["prefix_norms"] == reading.grid_norms[0].prefix.tolist()
    assert report["query"] == {
        "metric": "cosine",
        "k": 8,
        "stage": "tokens",
        "candidates": 990,
        "left_out": 10,
        "hidden": 32,
        "prompt": "Describe the image.",
        "prompt_text": None,
        "template": "none",
        "length_ratio": None,
    }


def test_position_ids_are_between_patches_and_norm_where_a_decoder_has_three() -> None:
    reading = made_reports.reading(1, 2)
    turned = msgspec.structs.replace(reading, position_ids=((4, 4, 4), (4, 4, 5)))
    report = json.loads(written("json", made_reports.seen(turned, made_reports.words(turned))))
    contract.REPORT(report, "report")
    assert [token["position_ids"] for token in report["tokens"]] == [[4, 4, 4], [4, 4, 5]]
    # a table has the same columns whatever the model is
    assert written("csv", made_reports.seen(turned, None)) == written("csv", made_reports.seen(reading, None))
    moved = {key: report["tokens"][0][key] for key in sorted(report["tokens"][0])}
    with pytest.raises(AssertionError, match=r"report.tokens\[0\]"):
        contract.REPORT(report | {"tokens": [moved]}, "report")


def test_a_vision_stage_has_its_patches_and_no_words() -> None:
    reading = made_reports.reading()
    report = json.loads(written("json", made_reports.seen(reading, None, "vision.1")))
    contract.REPORT(report, "report")
    assert [t["norm"] for t in report["tokens"]] == reading.grid_norms[0].patches[1].tolist()
    assert all(t["words"] == [] for t in report["tokens"])
    assert report["query"]["stage"] == "vision.1"


@pytest.mark.parametrize("options", [(), (("power", 3.0), ("mode", "exact"))])
def test_options_of_a_built_in_lens_are_named_where_they_were_given(options: tuple[tuple[str, object], ...]) -> None:
    query = replace(QUERY, lens=ChosenLens("pca", options=options))
    report = made_reports.seen(made_reports.reading(), None, "vision.1", query)
    found = looked(lens_call("pca", **dict(options)), "vision.1", np.zeros((12, 3), np.float32))
    told = json.loads(written("json", replace(report, values=found)))["query"]["lens"]
    assert told == {"name": "pca", **({"options": {"power": 3.0, "mode": "exact"}} if options else {})}


def test_numbers_that_are_not_finite_are_null() -> None:
    reading = made_reports.reading(norms=np.array([np.nan, np.inf, *[1.0] * 10], dtype=np.float32))
    reading.grid_norms[0].patches[0, 0] = -np.inf
    words = made_reports.words(reading)
    words.scores[0, 0] = np.nan
    report = json.loads(written("json", made_reports.seen(reading, words)), parse_constant=pytest.fail)
    contract.REPORT(report, "report")
    assert report["tokens"][0]["norm"] is None
    assert report["tokens"][1]["norm"] is None
    assert report["grids"][0]["norms"][0][0] is None
    assert report["tokens"][0]["words"][0]["score"] is None


def test_several_images_are_a_list_without_those_that_failed() -> None:
    one = made_reports.seen(made_reports.reading(), None, "vision.0")
    assert len(json.loads(written("json", one, FAILED, one, several=True))) == 2
    assert len(json.loads(written("json", one, several=True))) == 1
    assert json.loads(written("json", FAILED, several=True)) == []
    assert written("json", FAILED) == ""


def test_lines_are_tokens_and_failures() -> None:
    reading = made_reports.reading()
    lines = written("jsonl", made_reports.seen(reading, made_reports.words(reading)), FAILED, several=True).splitlines()
    assert len(lines) == 13
    for line in lines[:-1]:
        contract.LINE(json.loads(line), "line")
    last = json.loads(lines[-1])
    contract.FAILED_LINE(last, "line")
    assert last["error"] == str(FAILED.error)


def test_a_failed_image_whose_name_is_no_text() -> None:
    failed = ImageFailure("bad\udcff.png", ImageError("bad\udcff.png is damaged: fetch it again"))
    line = json.loads(written("jsonl", failed, several=True))
    contract.FAILED_LINE(line, "line")
    assert line["image"]["source"] == "bad?.png"


def test_the_same_twice_is_the_same_bytes() -> None:
    for name in (one.name for one in FORMATS if one.of_rows):
        first, second = (
            written(name, made_reports.seen(reading, made_reports.words(reading)))
            for reading in (
                made_reports.reading(timings={"encode": 0.1}),
                made_reports.reading(timings={"encode": 7.7}, id="other"),
            )
        )
        assert first == second, name


def test_one_patch_only() -> None:
    reading = made_reports.reading(grids=2)
    entries = entries_at(reading, "tokens", PatchPosition(1, 2, 3))
    all_words = made_reports.words(reading)
    import msgspec

    words = msgspec.structs.replace(
        all_words, tokens=np.array(entries), ids=all_words.ids[list(entries)], scores=all_words.scores[list(entries)]
    )
    report = json.loads(written("json", ImageReport(query_of("tiny"), reading, "tokens", entries, words)))
    contract.REPORT(report, "report")
    (token,) = report["tokens"]
    assert (token["grid"], token["row"], token["col"], token["index"]) == (1, 2, 3, 23)
    assert [w["id"] for w in token["words"]] == all_words.ids[23].tolist()


def test_formats_that_are_not_there_are_named() -> None:
    with pytest.raises(UsageError, match="text, json, jsonl"):
        check_known(format_named("pdf"))


def test_a_line_is_one_line_whatever_ends_lines() -> None:
    name = "a\u2028b\u2029c\x85d\ne.png"
    line = json_line({"image": name})
    assert line.splitlines() == [line]
    assert json.loads(line) == {"image": name}
    assert json_line({"text": "é 漢"}) == '{"text":"é 漢"}'
