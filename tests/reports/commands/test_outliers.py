"""`vlmtui outliers`: what is written of readings made by hand, and a real model with a position blown up by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.reports.made_reports import reading
from vlmtui.cli import main
from vlmtui.errors import ImageError
from vlmtui.geometry import Place
from vlmtui.reading import ImageInfo
from vlmtui.reports.commands.outliers import (
    ImageOutliers,
    SideCounts,
    outliers_json,
    outliers_object,
    outliers_text,
)
from vlmtui.reports.formats.json import json_objects
from vlmtui.reports.per_image import ImageFailure
from vlmtui.reports.seen_files import SeenFiles

ROW = 8  # of 6 × 6


def looked(number: int, *wild: int, grids: int = 1, rows: int = 4, cols: int = 6, **changes: object) -> ImageOutliers:
    of = reading(rows=rows, cols=cols, grids=grids, image=ImageInfo(f"{number}.png", f"{number:064}", 640, 427))
    of = type(of)(**{name: changes.get(name, getattr(of, name)) for name in of.__struct_fields__})
    marks = np.zeros(len(of.patch_places), bool)
    marks[list(wild)] = True
    return ImageOutliers(of, {"vision.1": marks, "tokens": np.zeros(len(of.places), bool)})


def written(*found: ImageOutliers | ImageFailure) -> tuple[str, dict]:
    text = "".join(outliers_text(found))
    assert max(map(len, text.splitlines())) <= 80
    assert not any(line != line.rstrip() for line in text.splitlines())
    told = outliers_object(found)
    assert told is not None
    # as one object would be written
    assert "".join(outliers_json(found)) == "".join(json_objects([told], several=False))
    return text, told


def test_a_place_that_repeats() -> None:
    bad = ImageFailure("bad.png", ImageError("bad.png is no picture"))
    text, told = written(*(looked(i, 13) for i in range(5)), bad, looked(0, 13))
    assert "read    5 images; 1 file given more than once, counted once" in text
    assert "vision.1  position  4 × 6, 5 images: 5 outliers (4%)" in text
    assert "  repeat: 2,1 (13) 5 of 5\n" in text
    assert "tokens  none  4 × 6, 5 images: 0 outliers\n" in text
    assert "exact binomial" in " ".join(text.split())
    assert "position: at least 80% of the outliers are at positions that repeat" in text
    assert "content: " not in text
    assert [image["again"] for image in told["images"]] == [False] * 5 + [True]
    (stage, tokens) = told["stages"]
    (grid,) = stage["grids"]
    assert (grid["kind"], grid["rows"], grid["cols"], grid["pictures"], grid["views"]) == ("patch", 4, 6, 5, 5)
    assert grid["verdict"] == "position"
    (position,) = grid["positions"]
    assert (position["row"], position["col"], position["index"], position["count"]) == (2, 1, 13, 5)
    assert position["chance"] == pytest.approx(24 * (1 / 24) ** 5)
    assert position["repeats"]
    assert tokens["grids"][0]["positions"] == []


def test_outliers_are_on_a_side_of_the_median_and_so_far_from_it() -> None:
    found = looked(0, 1, 2, 3, 4)
    norms = found.reading.grid_norms[0].patches[1]  # of its one grid
    assert len(norms) == 24
    norms[:] = 10.0
    norms[1:5] = 4.0, 13.0, 20.0, 19.9
    text, _ = written(found, looked(1))
    assert "  1 below the median, 3 above it; 1 of at least twice the median\n" in text
    norms[3] = 19.0
    text, _ = written(found)
    assert "  1 below the median, 3 above it; none of twice the median\n" in text


def test_shapes_are_apart_and_tiles_are_views() -> None:
    many = [looked(i, i, 24 + i, 48 + i, grids=3) for i in range(9)]
    text, told = written(*many, looked(90, 3, rows=3, cols=5), looked(91, rows=3, cols=5))
    assert "vision.1  content  4 × 6, 9 images, 27 grids: 27 outliers" in text
    assert "vision.1  too few  3 × 5, 2 images: 1 outlier" in text
    assert [grid["rows"] for grid in told["stages"][0]["grids"]] == [4, 3]
    assert told["stages"][0]["grids"][0]["positions"][0]["views"] == 27


def test_queries_and_models_without_tokens() -> None:
    queries = tuple(Place(i, "query", None, None, None, None, 0.0, ()) for i in range(8))
    found = []
    for number in range(5):
        one = looked(number, places=queries, norms=np.ones(8, np.float32))
        found.append(ImageOutliers(one.reading, {"tokens": np.arange(8) == 5, "vision.1": np.zeros(0, bool)}))
    text, told = written(*found)
    assert "tokens  position  8 queries, 5 images: 5 outliers" in text
    assert "  repeat: 5 5 of 5\n" in text
    assert told["stages"][0]["grids"][0]["kind"] == "query"
    assert "vision.1  no entry has a position" in text
    assert written_nothing()


def written_nothing() -> bool:
    failed = [ImageFailure("bad.png", ImageError("no"))]
    return "".join(outliers_text(failed)) == "" and "".join(outliers_json(failed)) == ""


def test_a_file_is_new_once() -> None:
    rng = np.random.default_rng(0)
    names = [rng.bytes(32).hex() for _ in range(3000)] + ["00" * 32]
    seen, kept = SeenFiles(), set[str]()
    for name in [names[at] for at in rng.integers(0, len(names), 8000)] + names:
        assert seen.add(name) == (name not in kept)
        kept.add(name)
    assert len(seen) == len(names)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.png", "b.png"], "at least 3"),
        (["a.png", "b.png", "c.png", "--format", "csv"], "text, json"),
    ],
)
def test_words_that_are_off(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outliers", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_a_position_blown_up_by_hand(
    warm_session: None, siglip_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a person runs it: four pictures of noise unlike each other, one of them no picture."""
    folder = tmp_path / "blown"
    shutil.copytree(siglip_folder, folder)
    weights = load_file(folder / "model.safetensors")
    (key,) = (key for key in weights if key.endswith("position_embedding.weight"))
    with torch.no_grad():
        weights[key][ROW] *= 60
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    pictures = []
    for i in range(4):
        rng = np.random.default_rng(i)
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
        pictures.append(str(tmp_path / f"{i}.png"))
    (tmp_path / "no.png").write_bytes(b"no picture")
    words = ["-m", str(folder), "--device", "cpu", "--quiet", "--format", "json"]
    assert main(["outliers", *pictures, str(tmp_path / "no.png"), *words]) == 1
    out, err = capsys.readouterr()
    assert "no.png" in err
    told = json.loads(out)
    assert [stage["stage"] for stage in told["stages"]] == [*(f"vision.{i}" for i in range(5)), "tokens"]
    (grid,) = told["stages"][0]["grids"]
    assert grid["verdict"] == "position"
    (row, col) = divmod(ROW, 6)
    first = grid["positions"][0]
    assert (first["row"], first["col"], first["index"], first["count"], first["views"]) == (row, col, ROW, 4, 4)
    assert first["repeats"]


def test_the_model_is_that_of_the_first_image() -> None:
    """A session that was started again may have loaded elsewhere."""
    model = msgspec.structs.replace(reading().model, device="cuda:0")
    _, told = written(looked(0, 13), looked(1, 13, model=model))
    assert told["model"]["device"] == "cpu"


def test_the_median_of_an_even_number_of_norms_lies_between_the_middle_two() -> None:
    sides = SideCounts()
    sides.add(np.array([1, 2, 4, 5], np.float32), np.array([False, False, True, False]))
    assert (sides.below, sides.above) == (0, 1)
