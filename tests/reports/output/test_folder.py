"""A picture each, into a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.reports.output.folder import image_files, is_folder, make_folder

SAMPLES = Path(__file__).parents[3] / "sample_images"


def test_names_are_the_pictures_own_and_each_is_there_once() -> None:
    sources = ("a/one.jpg", "b/One.png", "b/one", "-", "https://there/two.webp?size=3", "https://there/", ".hidden")
    names = [os.path.basename(name) for name in image_files("out/", sources, "png")]
    assert names == [f"{name}.png" for name in ("one", "One-2", "one-3", "picture", "two", "picture-2", ".hidden")]
    names = list(image_files("out", ("one-2.jpg", "one.jpg", "a/one.jpg"), "svg"))
    assert names == ["out/one-2.svg", "out/one.svg", "out/one-3.svg"]
    assert len(os.path.basename(image_files("out", ("x" * 5000 + ".png",), "png")[0])) < 120


def test_no_picture_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "one.png").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for folder in (tmp_path, tmp_path / "link"):
        with pytest.raises(UsageError, match="is one of the images: name another folder"):
            image_files(str(folder), ("x.jpg", str(tmp_path / "one.png")), "png")


def test_what_is_a_folder_and_what_cannot_be_one(tmp_path: Path) -> None:
    assert is_folder("new/")
    assert is_folder(str(tmp_path))
    assert not is_folder(str(tmp_path / "new"))
    assert not is_folder(None)
    (tmp_path / "file").touch()
    with pytest.raises(VlmtuiError, match="is not a folder"):
        make_folder(str(tmp_path / "file"))
    with pytest.raises(VlmtuiError, match="cannot be written"):
        make_folder(str(tmp_path / "no" / "where"))


def test_a_folder_of_pictures_becomes_a_folder_of_drawings(tmp_path: Path, warm_session: None) -> None:
    (tmp_path / "album" / "deep").mkdir(parents=True)
    for name in ("deep/china.jpg", "china.png", "town.png"):
        shutil.copy(SAMPLES / ("china.jpg" if "china" in name else "scene-town.png"), tmp_path / "album" / name)
    (tmp_path / "album" / "bad.png").write_bytes(b"no picture")
    command = [sys.executable, "-m", "vlmtui", "report", "album", "--format", "png", "-o", "drawn/", "--size", "400"]
    done = subprocess.run([*command, "--device", "cpu"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "bad.png" in done.stderr
    drawn = tmp_path / "drawn"
    assert sorted(os.listdir(drawn)) == ["china-2.png", "china.png", "town.png"]
    for file in drawn.iterdir():
        with Image.open(file) as image:
            assert max(image.size) >= 400
