"""A file is written whole or not at all."""

from __future__ import annotations

import os
import resource
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.reports.output import target as target_module
from vlmtui.reports.output.target import check_target, target


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with target(str(path)) as to:
        to.write("first ")
        to.flush()
        assert not path.exists()
        to.write("second ▁")
    assert path.read_text(encoding="utf-8") == "first second ▁"
    assert os.listdir(tmp_path) == ["report.json"]


def test_after_an_error_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(0o640)
    with suppress(RuntimeError), target(str(path)) as to:
        to.write("new")
        raise RuntimeError
    assert path.read_text() == "old"
    with target(str(path)) as to:
        to.write("new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["report.json"]


def test_where_nothing_was_written_there_is_no_file(tmp_path: Path) -> None:
    with target(str(tmp_path / "x")):
        pass
    assert os.listdir(tmp_path) == []


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with target(str(tmp_path / "link")) as to:
        to.write("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "x"


def test_a_folder_and_a_place_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(VlmtuiError, match=r"the folder ~no-such-user does not exist; make it first"),
        target("~no-such-user/x.json"),
    ):
        pass
    with pytest.raises(UsageError, match="the name of the output file is empty: give one with -o"):
        check_target("")
    with pytest.raises(VlmtuiError, match="is a folder"):
        check_target(str(tmp_path))
    with pytest.raises(VlmtuiError, match=r"the folder .* does not exist"):
        check_target(str(tmp_path / "no" / "report"))


def test_a_full_disk_is_one_sentence() -> None:
    def fill() -> None:
        with target("/dev/full") as to:
            to.write("x" * 100_000)
            to.flush()

    with pytest.raises(VlmtuiError, match="No space left") as caught:
        fill()
    assert "\n" not in str(caught.value)


def test_a_device_is_written_to_and_not_replaced() -> None:
    with target("/dev/null") as to:
        to.write("x")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("size", [200, 200_000])
def test_a_disk_that_fills_up_leaves_no_file(tmp_path: Path, size: int) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        with target(str(tmp_path / "report")) as to:
            to.write("x" * size)

    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(VlmtuiError, match="cannot be written"):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []


def test_a_name_that_is_too_long_and_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(VlmtuiError, match=r"cannot be written \(File name too long\): choose another place"):
        check_target(str(tmp_path / f"{'x' * 300}.json"))
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(VlmtuiError, match=r"photo\.jpg is a file, not a folder; choose another place"):
        check_target(str(tmp_path / "photo.jpg" / "x.json"))


def test_a_pipe_is_written_to_where_something_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    monkeypatch.setattr(target_module, "PIPE_S", 0.1)
    with pytest.raises(VlmtuiError, match=r"pipe\.json is a pipe from which nothing reads"), target(str(pipe)):
        pass
    # more than a pipe holds: its writer waits for the reader
    monkeypatch.setattr(target_module, "PIPE_S", 10.0)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    with target(str(pipe)) as to:
        to.write("x" * 1_000_000)
    reader.join(10)
    assert list(map(len, read)) == [1_000_000]


def test_what_a_killed_command_left_is_removed(tmp_path: Path) -> None:
    for name in (".x.csv.0123456789ab.new", ".x.csv.0123456789ab.old", ".y.csv.0123456789ab.new"):
        (tmp_path / name).write_text("half")
    with target(str(tmp_path / "x.csv")) as to:
        to.write("whole")
    assert sorted(os.listdir(tmp_path)) == [".x.csv.0123456789ab.old", ".y.csv.0123456789ab.new", "x.csv"]
