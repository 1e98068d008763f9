"""Reports of a checkpoint that has something planted: a hub row, features that are noise, one patch of a small norm."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.reports.page.contents import Parsed
from vlmtui.cli import main

HUB, PATCHES = 300, 36
LENGTHS = np.where(np.arange(PATCHES) == 20, 1, np.linspace(9.9, 10.1, PATCHES)).astype(np.float32)
"""The norms of the patches of `vision.0`: that of row 3, column 2 is a tenth of the others'."""


@pytest.fixture(scope="module")
def folder(siglip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with features at random that no pixel moves, and an embedding row that points where they all do."""
    folder = Path(shutil.copytree(siglip_folder, tmp_path_factory.mktemp("planted") / "siglip"))
    weights = load_file(folder / "model.safetensors")

    def of(ending: str) -> torch.Tensor:
        (name,) = (name for name in weights if name.endswith(ending))
        return weights[name]

    of("patch_embedding.weight").zero_()
    of("patch_embedding.bias").zero_()
    positions = of("position_embedding.weight")
    positions.mul_((torch.from_numpy(LENGTHS) / positions.norm(dim=1))[:, None])
    of("linear_2.weight").mul_(0.3)
    of("linear_2.bias").fill_(1)
    of("embed_tokens.weight")[HUB] = 1
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three files that differ."""
    names = [str(tmp_path_factory.mktemp("images") / f"{i}.png") for i in range(3)]
    for i, name in enumerate(names):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(name)
    return names


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words, "--device", "cpu", "--quiet"]) == 0
    return capsys.readouterr().out


pytestmark = pytest.mark.usefixtures("warm_session")


def test_a_row_that_is_nearest_to_every_token_is_marked_as_a_hub(
    folder: Path, images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads(said(capsys, "report", images[0], "-m", str(folder), "--format", "json"))
    assert [token["words"][0]["id"] for token in told["tokens"]] == [HUB] * PATCHES
    lists = np.array([[word["id"] for word in token["words"]] for token in told["tokens"]])
    counted = {id_: float((lists == id_).any(axis=1).mean()) for id_ in np.unique(lists).tolist()}
    found = {word["id"]: word["share"] for word in told["hub_words"]}
    assert found == {id_: share for id_, share in counted.items() if share > 0.5}
    assert found[HUB] == 1
    text = said(capsys, "report", images[0], "-m", str(folder), "--format", "text", "--no-null")
    marked = sum(round(share * PATCHES) for share in found.values())
    assert text.count("°") == marked + text.count("° marks a hub word")
    assert "100%" in text.partition("\nhubs ")[2].partition("° marks")[0]
    for fold in ("--fold", "--no-fold"):
        page = said(capsys, "report", images[0], "-m", str(folder), "--format", "html", "--no-null", fold)
        data = Parsed(page).data
        (stage,) = [stage for stage in data["stages"] if stage["words"]]
        hubs = {data["pieces"][row][0]: share for row, share in stage["words"]["cosine"]["hubs"]}
        assert hubs == found


def test_of_features_that_are_noise_nothing_is_above_noise(
    folder: Path, images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "report", images[0], "-m", str(folder), "--format", "text", "--find", "sky")
    # the shuffled image has the same tokens: of 36, one is beyond 95% of them
    assert "3% of tokens beat 95% of noise (by chance: 5%); 0% of patches have a local word" in " ".join(text.split())
    assert "find: cosine of sky; nothing above noise (" in text
    assert "local   no word lies together more than chance\n" in text


def test_an_outlier_below_the_median_is_told_with_its_side_its_ratio_and_its_images(
    folder: Path, images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "report", images[0], "-m", str(folder), "--format", "text", "--no-null")
    z = 0.6745 * (1 - np.median(LENGTHS)) / np.median(np.abs(LENGTHS - np.median(LENGTHS)))
    assert f"  vision.0  3,2 1.000, 0.100× the median, z {z:.1f}\n" in text
    told = said(capsys, "outliers", *images, "-m", str(folder))
    (first, _) = told.split("vision.1  position")
    assert first.endswith(
        "vision.0  position  6 × 6, 3 images: 3 outliers (3%)\n  repeat: 3,2 (20) 3 of 3\n"
        "  3 below the median, 0 above it; none of twice the median\n"
    )
    found = json.loads(said(capsys, "outliers", *images, "-m", str(folder), "--format", "json"))
    assert [image["source"] for image in found["images"]] == images
    (position,) = found["stages"][0]["grids"][0]["positions"]
    assert (position["row"], position["col"], position["count"], position["views"]) == (3, 2, 3, 3)


def test_noise_is_told_of_one_image_and_elsewhere_only_when_asked(
    folder: Path, images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def of(format: str, *words: str) -> str:
        return said(capsys, "report", *words, "-m", str(folder), "--format", format, "--find", "sky")

    one, several = images[:1], images[:2]  # in folders of their own
    for told, times in (
        (of("text", *one), 1),
        (of("text", *several, "--null"), 2),
        (of("text", *one, "--no-null"), 0),
        (of("text", *several), 0),
        (of("text", str(Path(one[0]).parent)), 0),
    ):
        assert told.count("of tokens beat 95% of noise") == told.count("nothing above noise") == times
        assert ("% of noise\n" in told) == (times == 1)  # of every token; with --null in more words
    for kind, name in (("json", '"null"'), ("jsonl", '"null"'), ("csv", "null_percentile")):
        assert name not in of(kind, *one)
        assert name in of(kind, *several, "--null")


def test_maps_of_one_image_are_grey_where_they_are_noise(folder: Path, images: list[str], tmp_path: Path) -> None:
    def drawn(name: str, *words: str) -> bytes:
        words = ("report", *words, "-m", str(folder), "--find", "sky", "--device", "cpu", "--quiet")
        assert main([*words, "--format", name, "-o", str(tmp_path / "drawn")]) == 0
        return (tmp_path / "drawn").read_bytes()

    assert b"nothing above noise" in drawn("svg", images[0])
    assert b"above noise" not in drawn("svg", images[0], "--no-null")
    assert drawn("gif", images[0]) != drawn("gif", images[0], "--no-null")
