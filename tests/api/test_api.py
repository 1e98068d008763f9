"""The Python API on the demo model: its examples, and its numbers beside those of the report."""

from __future__ import annotations

import doctest
import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import vlmtui
from vlmtui import api
from vlmtui.errors import ImageError, ReadingGoneError, UsageError, VlmtuiError
from vlmtui.results.answers import IMAGE

SAMPLES = Path(__file__).parents[2] / "sample_images"
SCENE, ASTRONAUT = SAMPLES / "scene-town.png", SAMPLES / "astronaut.png"


@pytest.fixture(scope="module")
def session(module_warm_session: None) -> Iterator[vlmtui.Session]:
    with vlmtui.open_session("demo", device="cpu") as session:
        assert session._client.on_progress is None, "a script has no bars unless it asks for them"
        yield session


@pytest.fixture(scope="module")
def picture(session: vlmtui.Session) -> vlmtui.ImageReading:
    return session.read(SCENE)


def test_the_examples_hold(module_warm_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SCENE.parents[1])
    found = doctest.testmod(api)
    assert found.attempted > 5
    assert found.failed == 0


def test_a_reading_that_nobody_has_any_more_is_let_go(session: vlmtui.Session) -> None:
    kept, dropped = session.read(SCENE), session.read(ASTRONAUT)
    gone = dropped.data.id
    del dropped
    gc.collect()
    session.read(SCENE)
    assert kept.words(3, 5)
    with pytest.raises(ReadingGoneError):
        session._client.words(gone, "l2", 1).result(60)


def test_the_same_numbers_as_the_report(picture: vlmtui.ImageReading) -> None:
    command = [sys.executable, "-m", "vlmtui", str(SCENE), "--format", "json", "--no-warm", "--metric", "cosine"]
    done = subprocess.run([*command, "--find", "sky"], capture_output=True, env=os.environ, check=True)
    told = json.loads(done.stdout)
    token = told["tokens"][3 * 14 + 5]
    assert (token["row"], token["col"]) == (3, 5)
    words = picture.words(3, 5, metric="cosine")
    assert [(word.id, word.piece, word.text) for word in words] == [
        (word["id"], word["piece"], word["text"]) for word in token["words"]
    ]
    assert [word.score for word in words] == pytest.approx([word["score"] for word in token["words"]], rel=1e-6)
    assert picture.norms()[3, 5] == pytest.approx(token["norm"])
    assert picture.norms("vision.2").flatten().tolist() == pytest.approx(told["grids"][0]["norms"][2])
    assert picture.find("sky").flatten() == pytest.approx([one["value"] for one in told["tokens"]], abs=1e-5)


def test_local_words_are_those_of_the_report(picture: vlmtui.ImageReading, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vlmtui", str(SCENE), "--metric", "cosine", "--lens", "local-words"]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, env=os.environ, check=True)
    told = json.loads(done.stdout)
    found = picture.local_words(metric="cosine")
    words = [token["words"] for token in told["tokens"]]
    assert found.ids.tolist() == [some[0]["id"] if some else -1 for some in words]
    assert found.votes[found.ids >= 0].tolist() == [some[0]["score"] for some in words if some]
    assert [(one.word, one.patches, list(one.rows)) for one in found.found.words if one.rows] == [
        (one["word"], one["patches"], one["rows"]) for one in told["query"]["lens"]["words"] if one["rows"]
    ]
    picture.save(tmp_path / "found.txt", metric="cosine")
    said = (tmp_path / "found.txt").read_text().split("\n\n")[1]
    largest = found.found.words[0]
    assert said.startswith("local   ")
    assert found.found.note == told["query"]["lens"]["note"]
    assert largest.word in said


def test_the_default_metric_is_the_cosine(picture: vlmtui.ImageReading) -> None:
    assert picture.words(6, 8) == picture.words(6, 8, metric="cosine") != picture.words(6, 8, metric="l2")
    assert all(-1 <= word.score <= 1 for word in picture.words(6, 8))
    assert picture.null().metric == "cosine"
    default, by_cosine, by_l2 = (picture.local_words(**asked) for asked in ({}, {"metric": "cosine"}, {"metric": "l2"}))
    assert default.ids.tolist() == by_cosine.ids.tolist() != by_l2.ids.tolist()


def test_the_lenses_have_the_shape_of_the_grid(picture: vlmtui.ImageReading) -> None:
    assert picture.pca("vision.5").shape == (14, 14, 3)
    alike = picture.similarity((2, 3), stage="vision.4")
    assert alike.shape == (14, 14)
    assert alike[2, 3] == pytest.approx(1, abs=1e-5)
    assert picture.norms("llm.2").shape == (14, 14)
    for stage in ("vision.4", "tokens", "llm.2"):
        np.testing.assert_allclose(np.linalg.norm(picture.vectors(stage), axis=2), picture.norms(stage), rtol=1e-4)
    assert len(picture.words(0, 0, k=3, stage="llm.3")) == 3
    assert picture.layer_words(0, 0).ids.shape == (3, 1)
    assert picture.words(1, 1, k=4, metric="omp")[-1].explained is not None
    # an early exit at the stage that feeds the projector says what the token itself does
    assert picture.words(3, 5, stage="vision.5") == picture.words(3, 5)
    assert picture.null().of(picture._client.words(picture.data.id, "l2", 8).result(), 0) is not None
    assert np.array_equal(picture.null(stage="vision.5").random.scores, picture.null().random.scores)
    assert picture.agreement(3, 5).with_first(picture.words(3, 5)[0].id) >= 1


def test_a_picture_never_saves_over_itself(
    session: vlmtui.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "photo.png"
    shutil.copy(SCENE, photo)
    (tmp_path / "other.png").hardlink_to(photo)
    monkeypatch.chdir(tmp_path)
    picture = session.read("photo.png")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    for name in ("../photo.png", tmp_path / "other.png"):
        with pytest.raises(UsageError, match="is the image itself: name another file"):
            picture.save(name)
    assert photo.read_bytes() == SCENE.read_bytes()


def test_what_is_similar_to_nothing_is_refused(picture: vlmtui.ImageReading) -> None:
    with pytest.raises(UsageError, match=r"similarity compares with patches: give one or more as \(row, col\)"):
        picture.similarity()
    for none in (([],), ((3, 4), (5,)), (3, 4)):
        with pytest.raises(TypeError, match=r"patches must be a list of \(row, col\), such as"):
            picture.similarity(*none)  # type: ignore[arg-type]


def test_the_table_is_the_report_s(picture: vlmtui.ImageReading, tmp_path: Path) -> None:
    picture.save(tmp_path / "it.parquet", metric="cosine", k=2)
    table = picture.to_table(metric="cosine", k=2)
    assert table.equals(pq.read_table(tmp_path / "it.parquet"))
    assert table.num_rows == 196
    first = table.slice(3 * 14 + 5, 1).to_pylist()[0]
    assert (first["row"], first["col"]) == (3, 5)
    assert [word["text"] for word in first["words"]] == [
        word.text for word in picture.words(3, 5, k=2, metric="cosine")
    ]


def test_an_answer_and_what_it_depends_on(picture: vlmtui.ImageReading) -> None:
    answer = picture.ask("Describe the image.", max_new_tokens=6)
    assert 1 <= len(answer.tokens) <= 6
    attention = picture.attention(answer)
    assert attention.weights.shape == (len(answer.tokens), 196)
    assert picture.gradient(answer).numbers.shape == (196,)
    assert picture.ablate(answer, [(0, 0), (0, 1)]).tokens == (0, 1)
    assert picture.occlude(answer, block=7).drops.shape == (196, len(answer.tokens))


def test_outliers_patches_and_the_mask(session: vlmtui.Session, picture: vlmtui.ImageReading) -> None:
    norms, marks = picture.norms("vision.2"), picture.outliers("vision.2")
    z = 0.6745 * (norms - np.median(norms)) / np.median(np.abs(norms - np.median(norms)))
    np.testing.assert_array_equal(marks, np.abs(z) > 3.5)
    other = session.read(ASTRONAUT)
    told = session.outliers([picture, other, picture])
    assert [image["again"] for image in told["images"]] == [False, False, True]
    counted = {at["stage"]: at["grids"][0]["outliers"] for at in told["stages"]}
    assert counted["vision.2"] == marks.sum() + other.outliers("vision.2").sum()
    assert session.outliers([picture], "llm.1")["stages"][0]["stage"] == "llm.1"
    with pytest.raises(UsageError, match="give one or more readings"):
        session.outliers([])
    (patch,) = picture.anatomy(3, 5)
    assert (patch.patch, patch.pixels.shape) == (3 * 14 + 5, (*picture.data.patch_size, 3))
    values = (patch.pixels / 255 - 0.5) / 0.5  # as SigLIP's processor normalises
    norms = picture.norms("pixels")
    assert norms.shape == (14, 14)
    assert norms[3, 5] == pytest.approx(np.linalg.norm(values), rel=1e-5)
    assert picture.outliers("pixels").shape == (14, 14)
    assert session.outliers([picture, other], "pixels")["stages"][0]["grids"][0]["kind"] == "patch"
    with pytest.raises(UsageError, match="at pixels, before the model, there are norms only"):
        picture.words(3, 5, stage="pixels")
    mask = picture.mask()
    assert mask.pattern == "causal"
    assert int((mask.kinds == IMAGE).sum()) == 196


def test_pictures_of_every_kind(session: vlmtui.Session) -> None:
    with Image.open(SCENE) as opened:
        image = opened.convert("RGB")
    norms = [session.read(one).norms() for one in (str(SCENE), SCENE.read_bytes(), image, np.asarray(image))]
    for other in norms[1:]:
        np.testing.assert_array_equal(norms[0], other)
    with pytest.raises(UsageError, match="not an image"):
        session.read(np.zeros(4))
    with pytest.raises(ImageError, match="not an image"):
        session.read(b"text")


def test_what_is_not_there(picture: vlmtui.ImageReading) -> None:
    for wrong in (lambda: picture.words(14, 0), lambda: picture.words(-1, 0), lambda: picture.norms("llm.9")):
        with pytest.raises(UsageError):
            wrong()
    with pytest.raises(VlmtuiError):
        vlmtui.open_session("no/such-folder-or-model/at-all")
    with pytest.raises(AttributeError):
        _ = vlmtui.nothing
    for nothing in ("", " \n"):
        with pytest.raises(vlmtui.VlmtuiError, match="the question is empty"):
            picture.ask(nothing)


def test_the_former_names_stay() -> None:
    assert vlmtui.PictureReading is vlmtui.ImageReading
    assert vlmtui.api.PictureReading is vlmtui.ImageReading
    assert vlmtui.api.Picture is vlmtui.api.ImageArgument
