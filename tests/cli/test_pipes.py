"""Reports in pipes: real processes, a tiny model, what other programs do with what comes out."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.images.test_decoding import encoded

COMMAND = [sys.executable, "-m", "vlmtui", "report"]
pytestmark = pytest.mark.usefixtures("warm_session")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder: three pictures, and one that is none."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "sub").mkdir()
    for number, name in enumerate(("b.png", "a.png", "sub/c.png")):
        (folder / name).write_bytes(encoded(Image.new("RGB", (70, 50), (number * 80, 90, 20))))
    (folder / "bad.jpg").write_bytes(b"no picture")
    return folder


def report(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *words], input=stdin, capture_output=True)


def test_a_folder_and_a_list_say_the_same(album: Path, clip_folder: Path) -> None:
    names = [str(album / name) for name in ("a.png", "b.png", "bad.jpg", "sub/c.png")]
    options = ["-m", str(clip_folder), "--format", "csv", "-k", "2", "--rows", "0-1", "--where", "col<2 or norm>z3"]
    folder = report(str(album), *options)
    assert folder.returncode == 1
    assert folder.stderr.count(b"\n") == 1
    assert b"bad.jpg is not an image" in folder.stderr
    rows = list(csv.DictReader(io.StringIO(folder.stdout.decode(), newline="")))
    assert list(dict.fromkeys(row["image"] for row in rows)) == names
    assert [row["error"] != "" for row in rows if row["image"] == names[2]] == [True]
    assert {row["row"] for row in rows} == {"0", "1", ""}
    listed = report("--from", "-", *options, stdin="\0".join(names).encode())
    assert listed.stdout == folder.stdout


def test_a_folder_without_pictures_is_told_and_the_others_go_on(album: Path, clip_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    options = ["-m", str(clip_folder), "--format", "csv", "-k", "2"]
    done = report(str(tmp_path), str(album / "a.png"), *options)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"contains no images: " in done.stderr
    first, second, *_ = csv.DictReader(io.StringIO(done.stdout.decode(), newline=""))
    assert first["image"] == str(tmp_path)
    assert "contains no images: " in first["error"]
    assert second["image"] == str(album / "a.png")


def test_a_reader_that_has_enough_is_no_error(album: Path, clip_folder: Path) -> None:
    pictures = ["-m", str(clip_folder), *[str(album / "a.png")] * 40]
    with subprocess.Popen(
        [*COMMAND, *pictures, "--format", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        first = json.loads(done.stdout.readline())
        done.stdout.close()
        assert done.stderr.read() == b""
        assert done.wait() == 0
    assert first["index"] == 0


def test_a_table_is_whole_or_not_there(album: Path, clip_folder: Path, tmp_path: Path) -> None:
    import duckdb

    out = tmp_path / "out.parquet"
    assert report(str(album), "-m", str(clip_folder), "-k", "2", "-o", str(out)).returncode == 1
    found = duckdb.connect().execute(
        "select image, count(norm), count(error) from read_parquet(?) group by 1", [str(out)]
    )
    assert sorted((Path(name).name, norms, errors) for name, norms, errors in found.fetchall()) == [
        ("a.png", 25, 0),
        ("b.png", 25, 0),
        ("bad.jpg", 0, 1),
        ("c.png", 25, 0),
    ]
    before = out.read_bytes()
    assert report(str(album), "-m", str(tmp_path / "no-model"), "-o", str(out)).returncode == 1
    assert out.read_bytes() == before
    assert os.listdir(tmp_path) == ["out.parquet"]


def test_a_folder_of_one_is_a_list(album: Path, clip_folder: Path) -> None:
    done = report(str(album / "sub"), "-m", str(clip_folder), "--format", "json", "--fields", "norm,word")
    assert (done.returncode, done.stderr) == (0, b"")
    (one,) = json.loads(done.stdout)
    assert len(one["tokens"]) == 25
    assert list(one["tokens"][0]) == ["norm", "word"]
