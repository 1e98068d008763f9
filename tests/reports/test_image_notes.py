"""What a report says of its images, once for all that are alike; the levels asked for are those that the model gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from pyarrow import parquet

from vlmtui.cli import main

DEEP = np.linspace(100, 4000, 64 * 64).reshape(64, 64).astype(np.uint16)
EIGHT = {
    "auto": DEEP * 255.0 / 4095,  # 12 bits hold the largest
    "full": DEEP / 257.0,
    "image": (DEEP - 100.0) * 255 / 3900,
}
"""The same greys in 8 bits, by what `--levels` says."""


def found(image: Path, capfd: pytest.CaptureFixture[str], *more: str) -> tuple[list[Any], str]:
    """What a report, an answer and a table of many images have of an image, and what the report says beside it."""
    assert main(["report", str(image), "--null", "--format", "json", *more]) == 0
    out, err = capfd.readouterr()
    assert main(["ask", str(image), "What is it?", "--format", "json", *more]) == 0
    answer = json.loads(capfd.readouterr().out)["answer"]
    assert main(["report", str(image), str(image), "-o", str(image.with_suffix(".parquet")), "--fresh", *more]) == 0
    capfd.readouterr()
    table = parquet.read_table(image.with_suffix(".parquet"), columns=["norm", "words"])
    return [json.loads(out)["tokens"], [token["log_prob"] for token in answer["tokens"]], table], err


@pytest.mark.parametrize("levels", EIGHT)
def test_the_model_gets_the_levels_asked_for(
    levels: str, tmp_path: Path, warm_session: None, capfd: pytest.CaptureFixture[str]
) -> None:
    deep, eight = tmp_path / "deep.png", tmp_path / "eight.png"
    Image.fromarray(DEEP).save(deep)
    Image.fromarray(np.round(EIGHT[levels]).astype(np.uint8)).save(eight)
    expected, nothing = found(eight, capfd)
    same, said = found(deep, capfd, "--levels", levels)
    assert same == expected
    assert nothing == ""
    # all 16 bits are what a file of them is taken for
    assert said.startswith(f"vlmtui: {deep}: its levels are scaled from ") if levels != "full" else said == ""


@pytest.mark.parametrize("more", [["--format", "jsonl"], ["-o", "words.parquet"]])
def test_what_is_alike_is_said_once(
    more: list[str],
    tmp_path: Path,
    warm_session: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("album").mkdir()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for i in range(3):
        Image.fromarray(DEEP - i).save(f"album/deep{i}.png")
        Image.new("RGB", (64, 64), (9 * i, 0, 0)).save(f"album/wide{i}.png", icc_profile=profile)
    assert main(["report", "album", *more]) == 0
    lines = [line for line in capfd.readouterr().err.splitlines() if "album/" in line]
    assert [line.partition(": ")[2].partition(": ")[0] for line in lines] == ["album/deep0.png", "album/wide0.png"]
    assert "its levels are scaled from 0 to 4,095" in lines[0]
    assert "its colour profile" in lines[1]
