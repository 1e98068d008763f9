"""The same on Ray: on this machine, with a worker process killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.batch.desk import desks, pictures
from tests.query.queries import query_of
from tests.waiting import children, gone, until
from vlmtui.batch import ray_engine
from vlmtui.batch import sources as lists
from vlmtui.batch.folder import PartsFolder
from vlmtui.batch.manifest import Manifest, new_manifest, write_manifest
from vlmtui.batch.parts import make_parts
from vlmtui.batch.reader import BatchReader
from vlmtui.batch.sources import SourceList, SourcesDigest
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.query.options import Query
from vlmtui.reports.image_notes import ImageNotes
from vlmtui.session.discovery import SessionLocation

QUERY = query_of("demo", k=3)


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [further for child in found for further in descendants(child)]


def sessions(pid: int) -> list[tuple[int, int]]:
    """The model sessions below a process, each with the process that started it."""
    found = []
    for one in descendants(pid):
        for child in children(one):
            if b"vlmtui.session" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append((child, one))
    return found


def listening(pids: list[int]) -> set[str]:
    """The addresses at which processes listen for others, in hex as the kernel has them."""
    sockets = set()
    for pid in pids:
        for one in Path(f"/proc/{pid}/fd").iterdir():
            try:
                sockets.add(os.readlink(one))
            except OSError:
                continue
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].partition(":")[0])
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="processes and sockets are read from /proc")
def test_a_killed_worker_changes_nothing(command: list[str], unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    folder = PartsFolder(str(out))
    on_ray = [*command, "-o", str(out), "--engine", "ray", "--workers", "2"]
    with subprocess.Popen(on_ray, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        (session, worker), *_ = until(lambda: folder.path.exists() and folder.made() and sessions(run.pid), 200)
        assert listening(descendants(run.pid)) <= {
            "0100007F",
            "0" * 24 + "01000000",
            "0000000000000000FFFF00000100007F",
        }
        os.kill(worker, signal.SIGKILL)
        made = len(folder.made())
        stdout, stderr = run.communicate()
    assert made < 11  # it was not at its end
    assert until(lambda: gone(session))
    assert (run.returncode, stdout) == (1, b"")
    said = stderr.decode().splitlines()
    assert said[0] == "vlmtui: 2 model sessions on Ray, on 1 machine"
    assert sorted(line.partition(".png ")[2][:10] for line in said[1:]) == ["is damaged", "is not an "]
    assert out.read_bytes() == unbroken.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_ray_that_is_not_there(command: list[str], tmp_path: Path) -> None:
    without = "import sys; sys.modules['ray'] = None; from vlmtui.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", without, *command[3:], "-o", str(tmp_path / "out.parquet"), "--engine", "ray"]
    done = subprocess.run(words, capture_output=True)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[-1].endswith("pip install 'vlmtui[ray]'")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("query", "workers", "gpus", "cpus", "expected"),
    [
        (query_of("demo"), None, 0, 16, (4, {"num_cpus": 4})),
        (query_of("demo"), 3, 0, 2, (3, {"num_cpus": 2 / 3})),
        (query_of("demo"), None, 8, 64, (8, {"num_gpus": 1, "num_cpus": 1})),
        (query_of("demo", device="cuda"), 2, 8, 64, (2, {"num_gpus": 1, "num_cpus": 1})),
        (query_of("demo", device="cpu"), None, 8, 64, (16, {"num_cpus": 4})),
    ],
)
def test_what_every_session_is_given(
    query: Query, workers: int | None, gpus: int, cpus: int, expected: tuple[int, dict[str, float]]
) -> None:
    assert ray_engine.actor_shares(query, workers, gpus, cpus) == expected


def test_what_a_cluster_cannot_do(tmp_path: Path) -> None:
    begun = new_manifest(query_of("demo"), SourcesDigest(1, "", None), 4)
    folder = PartsFolder(str(tmp_path / "out.parquet"))
    with pytest.raises(UsageError, match="no machine of this cluster has a GPU"):
        ray_engine.actor_shares(query_of("demo", device="cuda"), None, 0, 4)
    with pytest.raises(UsageError, match="give the device without a number"):
        ray_engine.cluster_job(folder, begun, query_of("demo", device="cuda:1"))
    with pytest.raises(UsageError, match="leave one out"):
        ray_engine.cluster_job(folder, begun, query_of("demo", where=SessionLocation("gpu-box")))


def test_names_start_where_the_command_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = PartsFolder(str(tmp_path / "out.parquet"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    for model, base, expected in (
        ("demo", None, None),
        ("demo", str(tmp_path), str(tmp_path)),
        ("./model", None, str(tmp_path)),
        (str(tmp_path / "model"), None, None),
    ):
        begun = new_manifest(query_of(model), SourcesDigest(1, "", base), 4)
        assert ray_engine.cluster_job(folder, begun, query_of(model)).base == expected


def test_parts_that_are_there_are_told_again_and_not_made(tmp_path: Path) -> None:
    names = [*pictures(tmp_path / "album", 5, bad=(1,)), "/nowhere\udcff.png"]
    out = tmp_path / "out.parquet"

    folder = PartsFolder(str(out))
    with folder.locked():
        lists.write_sources(folder.sources, names)
        begun = new_manifest(QUERY, lists.digest_sources(names), 2)
        write_manifest(folder, begun)
        with SourceList(folder.sources, begun.sources) as sources:
            reader = BatchReader(QUERY, lambda: desks(names, out).start(None), lambda model: None)
            (first, last) = make_parts(folder, begun, sources, [0, 2], QUERY, reader)
    assert [one.source for one in first.failures] == [names[1]]
    assert last.failures[0].name == "/nowhere?.png"
    again = list(ray_engine.PartActor(ray_engine.ClusterJob(str(out), begun, QUERY, None))({"part": [0, 2]}))
    told = [ray_engine.decode_message(row["said"][0]) for row in again]
    assert [(one.part, one.pictures, len(one.failures)) for one in told] == [(0, 2, 1), (2, 2, 1)]
    assert told[1].failures[0].why == last.failures[0].why


def test_notes_come_back_with_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = pictures(tmp_path / "album", 4)
    out = tmp_path / "out.parquet"
    folder = PartsFolder(str(out))
    folder.path.mkdir()
    lists.write_sources(folder.sources, names)
    begun = new_manifest(QUERY, lists.digest_sources(names), 2)
    write_manifest(folder, begun)
    monkeypatch.setattr(
        ray_engine, "connect", lambda where: desks(names, out, note="its levels are scaled").start(None)
    )
    rows = list(ray_engine.PartActor(ray_engine.ClusterJob(str(out), begun, QUERY, None))({"part": [0, 1]}))
    notes = [note for row in rows for note in ray_engine.decode_message(row["said"][0]).notes]
    assert sorted(notes) == [(name, "its levels are scaled") for name in names]
    told: list[str] = []
    as_here = ImageNotes(told.append)
    for source, note in notes:
        as_here.add(source, note)
    assert told == [f"{notes[0][0]}: its levels are scaled"]


def said(folder: PartsFolder, begun: Manifest, base: str | None = None) -> str:
    """What an actor says that is to make the first part."""
    (row,) = ray_engine.PartActor(ray_engine.ClusterJob(str(folder.output), begun, query_of("demo"), base))(
        {"part": [0]}
    )
    with pytest.raises(VlmtuiError) as error:
        ray_engine.decode_message(row["said"][0])
    return str(error.value)


def test_a_machine_that_does_not_see_what_it_needs(tmp_path: Path) -> None:
    begun = new_manifest(query_of("demo"), SourcesDigest(1, "", None), 4)
    folder = PartsFolder(str(tmp_path / "out.parquet"))
    assert "does not see" in said(folder, begun)
    assert "write the report to storage shared by all machines of the cluster" in said(folder, begun)
    folder.path.mkdir()
    write_manifest(folder, begun)
    assert "give full paths for the images and the model" in said(folder, begun, str(tmp_path / "nowhere"))
    other = msgspec.structs.replace(begun, versions={"vlmtui": "0.0.1"})
    write_manifest(folder, other)
    assert "but this report was started with vlmtui 0.0.1: install the same" in said(folder, other)
