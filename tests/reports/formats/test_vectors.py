"""`--vectors`: what the files hold, and when they are there."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.cli import main
from vlmtui.errors import ImageError, ModelError, UsageError, VlmtuiError
from vlmtui.reports.formats.registry import FORMATS, format_named
from vlmtui.reports.formats.vectors import check_vectors, keep_vectors
from vlmtui.reports.image_report import ReportOrFailure
from vlmtui.reports.per_image import ImageFailure

CHINA = Path(__file__).parents[3] / "sample_images" / "china.jpg"
READING = made_reports.reading(2, 3)
VECTORS = np.arange(6 * 4, dtype=np.float32).reshape(6, 4)
FAILED = ImageFailure("broken.png", ImageError("broken.png is damaged: fetch it again"))


def results(*more: ReportOrFailure | VlmtuiError) -> Generator[ReportOrFailure, None, None]:
    whole = replace(made_reports.seen(READING, None, "tokens"), vectors=VECTORS)
    yield whole
    yield FAILED
    yield replace(whole, entries=(1, 4), vectors=VECTORS[[1, 4]])
    for one in more:
        if isinstance(one, VlmtuiError):
            raise one
        yield one


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        return arrays, json.loads(str(arrays.pop("about")))
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["vlmtui"])  # noqa: SIM118


@pytest.mark.parametrize("name", ["out.npz", "out.safetensors", "out.NPZ"])
def test_a_pair_of_arrays_a_picture(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert len(list(keep_vectors(results(), str(path)))) == 3
    arrays, about = read(path.rename(tmp_path / name.lower()))
    assert sorted(arrays) == ["entries.0", "entries.1", "vectors.0", "vectors.1"]
    np.testing.assert_array_equal(arrays["vectors.0"], VECTORS)
    np.testing.assert_array_equal(arrays["vectors.1"], VECTORS[[1, 4]])
    assert arrays["entries.1"].tolist() == [1, 4]
    assert arrays["vectors.0"].dtype == np.float32
    assert about == {
        "schema": "vlmtui/vectors/1",
        "model": "tiny",
        "stage": "tokens",
        "images": ["photo.jpg", "photo.jpg"],
    }


@pytest.mark.parametrize("format", [one.name for one in FORMATS if one.of_rows])
@pytest.mark.parametrize("name", ["out.npz", "out.safetensors"])
@pytest.mark.parametrize("several", [False, True])
def test_every_format_of_one_picture_leaves_them(format: str, name: str, several: bool, tmp_path: Path) -> None:
    def one() -> Generator[ReportOrFailure, None, None]:
        yield replace(made_reports.seen(READING, made_reports.words(READING), "tokens"), vectors=VECTORS)

    told: list[str] = []
    # held in a name: what nobody holds is closed, and so ended, by itself
    results = keep_vectors(one(), str(tmp_path / name), told.append)
    beside = list(format_named(format).write(results, query_of("tiny"), several))
    results.close()
    assert told == []
    arrays, about = read(tmp_path / name)
    np.testing.assert_array_equal(arrays["vectors.0"], VECTORS)
    assert about["images"] == ["photo.jpg"]
    assert beside == list(format_named(format).write(one(), query_of("tiny"), several))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_a_report_leaves_them_beside_it(
    format: str, count: int, tmp_path: Path, warm_session: None, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.npz"
    assert main(["report", *[str(CHINA)] * count, "--format", format, "--vectors", str(path)]) == 0
    out = capfd.readouterr().out
    if format == "json":
        images = json.loads(out) if count > 1 else [json.loads(out)]
        tokens = [token for image in images for token in image["tokens"]]
    else:
        tokens = list(map(json.loads, out.splitlines()))
    arrays, about = read(path)
    assert about["images"] == [str(CHINA)] * count
    vectors = np.concatenate([arrays[f"vectors.{i}"] for i in range(count)])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [token["norm"] for token in tokens], rtol=1e-4)


@pytest.mark.parametrize("name", ["out.npz", "out.safetensors"])
def test_whole_or_not_there(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"before")
    with pytest.raises(ModelError):
        list(keep_vectors(results(ModelError("it went away: try again")), str(path)))
    told: list[str] = []
    list(keep_vectors(results(), str(tmp_path / f"whole{path.suffix}"), told.append))
    assert told == []
    (tmp_path / f"whole{path.suffix}").unlink()
    some = keep_vectors(results(), str(path), told.append)
    next(some)
    some.close()  # the reader of the report has left
    (sentence,) = told
    assert sentence.startswith(f"{path} was not written, because the reader of the report closed the pipe")
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_the_same_twice_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz", "one.safetensors", "two.safetensors"):
        list(keep_vectors(results(), str(tmp_path / name)))
    for ending in ("npz", "safetensors"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_names_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.safetensors or \.npz"):
        check_vectors("out.bin", None)
    with pytest.raises(UsageError, match="both"):
        check_vectors("out.npz", "./out.npz")
    with pytest.raises(VlmtuiError, match=r"the folder .* does not exist"):
        check_vectors(str(tmp_path / "none" / "out.npz"), None)
