"""The lens `local-words` in a session: from the lists that `nearest-tokens` gives, at tokens and layers."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.families import build
from tests.session.local_engine import Desk, quiet
from vlmtui.display.pieces import fold_names
from vlmtui.errors import NotHere, UsageError
from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.captions import LensInputs, LensResult, legend_line, words_report_line
from vlmtui.lenses.kinds import Words, unpack_details
from vlmtui.lenses.lens_source import lens_call
from vlmtui.reading import Reading
from vlmtui.results.local_words import NONE, LocalWords, find_local_words
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses

LENS = "local-words"
WITH_SOME = {"llava", "qwen2_vl"}
"""Families whose tiny checkpoint has a grid large enough for local words."""


def halves(width: int, height: int) -> ImageFile:
    """An image that is dark on the left and light on the right, with some noise."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 40, (height, width, 3))
    pixels[:, width // 2 :] += 200
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "png")
    return ImageFile("halves.png", out.getvalue(), "0" * 64)


def read(folder: Path, family: str, layers: bool = False) -> tuple[Desk, Reading]:
    """The image read by a tiny checkpoint."""
    desk = Desk()
    desk.load(m.Load(str(build(family, folder / family)), device="cpu", layers=layers), quiet)
    image = halves(336, 224)
    reading: Reading = desk.ask(m.Read(image.source, image.data, image.sha256, 10**6)).reading
    return desk, reading


def look(
    desk: Desk, reading: Reading, stage: str, entries: tuple[int, ...] | None = None, k: int = 4, **options: object
) -> LensResult:
    return desk.typed(typed_lenses.look(reading.id, stage, lens_call(LENS, **options), entries, k=k))


@pytest.mark.parametrize("family", ["llava", "llava_next", "gemma3", "qwen2_vl"])
def test_they_are_those_of_the_nearest_words(tmp_path: Path, family: str) -> None:
    desk, reading = read(tmp_path, family, layers=True)
    local = 0
    for stage, metric in (("tokens", "cosine"), ("tokens", "omp"), ("llm.1", "l2")):
        found = look(desk, reading, stage, metric=metric)
        result = found.result
        assert isinstance(result, Words)
        lists = desk.typed(typed_lenses.words(reading.id, metric, 4, stage=stage))  # type: ignore[arg-type]
        spelled = fold_names(lists.pieces, lists.texts)
        expected = find_local_words(lists.ids, spelled, reading.places)
        np.testing.assert_array_equal(result.ids, expected.ids[:, None])
        np.testing.assert_array_equal(result.scores, expected.votes[:, None])
        assert result.detail is not None
        np.testing.assert_array_equal(result.detail[:, 0] == 1, expected.own)
        details = unpack_details(result, LocalWords)
        assert (details.words, details.tested) == (expected.found.words, expected.found.tested)
        said = {"metric": "logit" if stage == "llm.1" else metric, "k": 4, "candidates": lists.candidates}
        assert details.lists.items() >= said.items()
        assert result.note == expected.found.note
        assert set(result.strings) == set(result.ids[result.ids >= 0].tolist())
        some = look(desk, reading, stage, (5, 1), metric=metric).result
        assert isinstance(some, Words)
        np.testing.assert_array_equal(some.ids, result.ids[[5, 1]])
        assert (some.own, some.note) == (result.own, result.note)
        local += len(details.words)
    print(f"{family}: {local} local words")
    assert (local > 0) == (family in WITH_SOME)


def test_the_longer_list_and_all_rows_are_looked_at(tmp_path: Path) -> None:
    desk, reading = read(tmp_path, "llava")
    short, long = (unpack_details(look(desk, reading, "tokens", k=k).result, LocalWords) for k in (1, 12))
    assert (short.lists["k"], long.lists["k"]) == (1, 12)
    assert long.tested > short.tested
    every = unpack_details(look(desk, reading, "tokens", all_tokens=True).result, LocalWords)
    assert every.lists["candidates"] > long.lists["candidates"]


def test_lines(tmp_path: Path) -> None:
    desk, reading = read(tmp_path, "llava")
    found = look(desk, reading, "tokens")
    assert legend_line(found, LensInputs()) == (
        f"words whose patches lie together more than chance at tokens; {found.note}"
    )
    assert words_report_line(found.call, "").startswith("local-words: words whose patches lie together")


def test_it_is_refused_in_one_sentence(tmp_path: Path) -> None:
    desk, reading = read(tmp_path, "blip2")
    with pytest.raises(NotHere, match=r"^local words need tokens with a place in the image, and those of .* have none"):
        look(desk, reading, "tokens")
    desk, reading = read(tmp_path, "llava")
    with pytest.raises(UsageError, match=r"there are no words at vision\.1: choose tokens"):
        look(desk, reading, "vision.1")
    desk, reading = read(tmp_path, "siglip")
    with pytest.raises(UsageError, match="vision-only model"):
        look(desk, reading, "vision.1")
    assert NONE == -1
