"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vlmtui.errors import VlmtuiError
from vlmtui.files import (
    PartialFile,
    explain_write_errors,
    is_disk_full,
    remove_dead,
    remove_folder,
    whole_file,
    write_once,
    write_whole,
)


@pytest.mark.parametrize("sync", [False, True])
def test_a_file_appears_at_the_end_and_keeps_its_permissions(tmp_path: Path, sync: bool) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"before")
    path.chmod(0o640)
    with whole_file(path, sync=sync) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["report"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_of_a_file_that_is_not_finished(tmp_path: Path, error: type[BaseException]) -> None:
    def stopped() -> None:
        with whole_file(tmp_path / "report") as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        stopped()
    with PartialFile(tmp_path / "report", tmp_path) as partial:
        partial.file.write(b"given up")
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """And nothing of a living one, or of another file."""
    path = tmp_path / "x.csv"
    writes = "import sys; from pathlib import Path; from vlmtui.files import PartialFile\n"
    writes += "for name in sys.argv[1:]: globals()[name] = PartialFile(Path(name))\nprint(flush=True); input()"
    command = [sys.executable, "-c", writes, path, tmp_path / "y.csv"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        before = sorted(os.listdir(tmp_path))
        assert len(before) == 2
        remove_dead(path)
        assert sorted(os.listdir(tmp_path)) == before
        writer.kill()
    remove_dead(path)
    assert os.listdir(tmp_path) == before[1:]
    assert before[1].startswith(".y.csv.")


def test_a_long_name_has_room_for_what_a_temporary_one_adds(tmp_path: Path) -> None:
    path = tmp_path / f"{'漢' * 83}.csv"
    write_whole(path, b"x")
    assert os.listdir(tmp_path) == [path.name]


def test_the_first_of_several_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_once(tmp_path / "model", b"first")
    write_once(tmp_path / "model", b"second")
    assert (tmp_path / "model").read_bytes() == b"first"

    def without_links(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", without_links)
    write_once(tmp_path / "other", b"first")
    assert sorted(os.listdir(tmp_path)) == ["model", "other"]


def test_a_folder_is_removed(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "one").write_bytes(b"1")
    remove_folder(tmp_path / "parts")
    assert os.listdir(tmp_path) == []


def test_an_error_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(VlmtuiError, match=r"x .*\(No such file or directory\)") as caught, explain_write_errors("x"):
        write_whole(tmp_path / "none" / "x", b"")
    assert not is_disk_full(caught.value)
