"""The warm session: several real front ends on one, how it is found, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_cli import CHINA, refused, vlmtui
from tests.session.test_client import WAIT, png
from tests.terminal import Terminal
from tests.waiting import gone, until
from vlmtui._version import __version__
from vlmtui.cli import main
from vlmtui.cli import session as cli_session
from vlmtui.errors import CancelledError, ReadingGoneError, SessionError, UsageError
from vlmtui.session import daemon as warm
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses, wire
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import HOME, SessionLocation, connect, connect_warm


@pytest.fixture(scope="module")
def pid(siglip_folder: Path) -> Iterator[int]:
    """The process of a warm session that `session start -m` began, for all tests that leave it as it is."""
    said = vlmtui("session", "start", "-m", str(siglip_folder), "--device", "cpu").stderr.decode()
    assert f"started; model: {siglip_folder} on cpu in float32" in said
    pid = warm.lock_owner(warm.runtime_folder())
    assert pid is not None
    assert f"(process {pid})" in said
    yield pid
    assert vlmtui("session", "stop").returncode == 0
    until(lambda: gone(pid))


def front() -> SessionClient:
    """Another front end of the warm session."""
    client = connect(SessionLocation())
    assert client.where == "the warm session"
    assert client.note == ""
    return client


@pytest.fixture
def two(pid: int, siglip_folder: Path) -> Iterator[tuple[SessionClient, SessionClient]]:
    """Two front ends with the same model."""
    clients = front(), front()
    for client in clients:
        client.load(str(siglip_folder), device="cpu").result(WAIT)
    yield clients
    for client in clients:
        client.close()


def test_it_is_the_persons_own(pid: int) -> None:
    path = warm.socket_path()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with open(f"/proc/{pid}/net/tcp") as ours:
        listening = {line.split()[9] for line in ours if line.split()[3] == "0A"}
    links = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    assert not {f"socket:[{number}]" for number in listening} & links


def test_later_commands_find_it(pid: int, siglip_folder: Path) -> None:
    words = (CHINA, "-m", str(siglip_folder), "--device", "cpu", "--format", "json", "--debug")
    started = time.monotonic()
    done = vlmtui(*words)
    took = time.monotonic() - started
    assert done.stderr.decode() == f"vlmtui: the session is the warm session, process {pid}\n"
    assert took < 4
    again = vlmtui("session", "start", "-m", str(siglip_folder), "--device", "cpu")
    assert f"(process {pid}) is already running; model: {siglip_folder}" in again.stderr.decode()


def test_a_relative_folder_is_that_of_the_front_end(
    pid: int, siglip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(siglip_folder.parent)
    done = vlmtui(CHINA, "-m", f"./{siglip_folder.name}", "--patch", "0,0", "--debug")
    assert done.returncode == 0
    assert f"process {pid}" in done.stderr.decode()
    assert f"./{siglip_folder.name}" in done.stdout.decode()


def test_what_is_held_is_loaded_at_once(two: tuple[SessionClient, SessionClient], siglip_folder: Path) -> None:
    started = time.monotonic()
    two[1].load(str(siglip_folder), device="cpu").result(WAIT)
    assert time.monotonic() - started < 0.5


def test_the_latest_wins_for_each_front_end_alone(two: tuple[SessionClient, SessionClient]) -> None:
    first, second = two
    mine, theirs = first.read(png()).result(WAIT), second.read(png(seed=1)).result(WAIT)
    assert mine.id != theirs.id
    busy = first.read(png(3000, 3000))  # the worker is at this while the questions come in
    here = second.words(theirs.id, "l2", 3, (4,))
    older, newer = first.words(mine.id, "l2", 3, (1,)), first.words(mine.id, "l2", 3, (2,))
    reading = second.read(png(seed=2))
    assert isinstance(older.exception(WAIT), CancelledError)
    assert newer.result(WAIT).tokens.tolist() == [2]
    assert here.result(WAIT).tokens.tolist() == [4]
    assert busy.result(WAIT).image.width == 3000
    assert reading.result(WAIT).image.source == "2.png"


def test_whoever_waits_for_another_front_end_is_told(two: tuple[SessionClient, SessionClient]) -> None:
    notes: list[str] = []
    begun = threading.Event()
    busy = two[0].read(png(3000, 3000), on_progress=lambda note: begun.set())
    assert begun.wait(WAIT)
    two[1].read(png(), on_progress=lambda note: notes.append(note.doing)).result(WAIT)
    assert notes[0] == "waiting for another client's request"
    busy.result(WAIT)


def test_each_reads_with_its_own_model(
    two: tuple[SessionClient, SessionClient], siglip_folder: Path, clip_folder: Path
) -> None:
    first, second = two
    before = first.read(png()).result(WAIT)
    words = first.words(before.id, "l2", 3, (1,)).result(WAIT)
    rows = first.vocabulary(1).result(WAIT).norms
    assert second.load(str(clip_folder), device="cpu").result(WAIT).name == str(clip_folder)
    assert second.read(png()).result(WAIT).model.name == str(clip_folder)
    # a model has taken the place of the first one's, and its readings are gone with it: reading again helps
    assert isinstance(first.words(before.id, "l2", 3, (1,)).exception(WAIT), ReadingGoneError)
    after = first.read(png()).result(WAIT)
    assert after.model.name == str(siglip_folder)
    assert first.words(after.id, "l2", 3, (1,)).result(WAIT).ids.tolist() == words.ids.tolist()
    # a load that fails leaves both as they are
    assert second.load("/no/such/folder").exception(WAIT) is not None
    assert second.read(png()).result(WAIT).model.name == str(clip_folder)
    # what needs no reading is asked of its own model, too
    assert first.vocabulary(1).result(WAIT).norms.tolist() == rows.tolist()
    assert second.vocabulary(1).result(WAIT).norms.tolist() != rows.tolist()


READS = """
import sys
from tests.session.test_client import png
from vlmtui.session.discovery import SessionLocation, connect
client = connect(SessionLocation())
client.load(sys.argv[1], device="cpu").result()
client.read(png(4000, 3000), on_progress=lambda note: print("reading", flush=True)).result()
"""


def test_one_front_end_is_killed_and_the_other_goes_on(
    pid: int, siglip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = front()
    client.load(str(siglip_folder), device="cpu").result(WAIT)
    reading = client.read(png()).result(WAIT)
    before = client.words(reading.id, "l2", 3).result(WAIT)

    def fronts() -> int:
        return client.status().result(WAIT).clients

    # an explorer, killed while it is looked at
    explorer = [sys.executable, "-m", "vlmtui", CHINA, "-m", str(siglip_folder), "--device", "cpu"]
    with Terminal(explorer, (120, 40)) as terminal:
        until(lambda: terminal.read(0) is not None and fronts() == 2)
        os.kill(terminal.pid, signal.SIGKILL)
        until(lambda: fronts() == 1)
    # another front end, killed while it reads
    reads = subprocess.Popen(
        [sys.executable, "-c", READS, str(siglip_folder)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert reads.stdout is not None
    assert reads.stdout.readline() == b"reading\n"
    reads.kill()
    reads.wait()
    reads.stdout.close()
    after = client.words(reading.id, "l2", 3).result(WAIT)
    assert after.ids.tolist() == before.ids.tolist()
    assert client.read(png()).result(WAIT).id != reading.id
    until(lambda: fronts() == 1)
    assert client.pid == pid
    client.close()


def test_one_that_does_not_read_holds_up_nobody(two: tuple[SessionClient, SessionClient]) -> None:
    reading = two[0].read(png()).result(WAIT)
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(str(warm.socket_path()))
    question = typed_lenses.words(reading.id, "l2", 400).body
    silent.sendall(wire.PREAMBLE + b"".join(wire.frame(m.Request(i, question)) for i in range(1, 300)))
    assert two[0].words(reading.id, "l2", 3, (1,)).result(WAIT).k == 3
    silent.close()


def test_one_that_speaks_something_else_is_sent_away(two: tuple[SessionClient, SessionClient]) -> None:
    for junk in (wire.PREAMBLE + b"\x00\x00\x00\x02hi", wire.PREAMBLE + b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(str(warm.socket_path()))
            other.sendall(junk)
            other.shutdown(socket.SHUT_WR)
            while other.recv(4096):
                pass
    assert two[0].status().result(WAIT).clients == 2


def test_status(pid: int, siglip_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["session", "status"]) == 0
    lines = dict(line.split(None, 1) for line in capfd.readouterr().out.splitlines())
    assert lines["process"] == str(pid)
    assert lines["model"].endswith("on cpu")
    assert lines["clients"] == "0"
    assert "MB" in lines["memory"] or "GB" in lines["memory"]
    assert lines["current"] == "idle"
    assert lines["socket"] == str(warm.socket_path())
    assert Path(lines["log"]).exists()
    assert lines["idle"].startswith("for")
    assert main(["session", "status", "--format", "json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["schema"], told["process"], told["clients"], told["current"]) == ("vlmtui/session/1", pid, 0, None)
    assert f"{told['model']['name']}, {told['model']['dtype']} on {told['model']['device']}" == lines["model"].strip()
    assert (told["socket"], told["log"]) == (lines["socket"], lines["log"])
    assert told["memory"] > 0


# --- sessions of another kind ----------------------------------------------------------------------------------


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another runtime folder, without a warm session."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return warm.runtime_folder()


@pytest.mark.parametrize(
    ("welcome", "said"),
    [
        ((wire.VERSION - 1, "0.0.1", HOME), f"is older (0.0.1, protocol {wire.VERSION - 1}) than this vlmtui"),
        ((wire.VERSION, "0.0.9", HOME), "is older (0.0.9"),
        ((wire.VERSION + 1, "99.0", HOME), "is older than the warm session"),
        ((wire.VERSION, __version__, "/elsewhere/vlmtui"), "belongs to another installation (/elsewhere/vlmtui)"),
    ],
)
def test_one_of_another_version_is_not_used(runtime: Path, welcome: tuple[int, str, str], said: str) -> None:
    version, release, home = welcome
    with warm.listening_socket(runtime) as answering:

        def welcome_all() -> None:
            # a client of a test before may look for a session as well
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = answering.accept()
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                hello = m.Welcome(version, release, os.getpid(), "", home)
                connection.sendall(wire.PREAMBLE + wire.frame(m.Reply(0, hello)))
                while connection.recv(4096):
                    pass

        threading.Thread(target=welcome_all, daemon=True).start()
        with pytest.raises(SessionError) as raised:
            connect_warm()
    assert said in str(raised.value)
    assert str(raised.value).endswith("; to replace it: vlmtui session stop, then start")


def test_a_command_that_cannot_use_it_says_so_and_goes_on(runtime: Path) -> None:
    runtime.chmod(0o755)
    client = connect(SessionLocation())
    client.close()
    assert client.where == "its own session"
    assert "can be read by others (mode 755)" in client.note
    assert client.note.startswith("this command has a session of its own: ")
    assert client.note.endswith(f"chmod 700 {runtime}")
    assert "chmod 700" in refused(vlmtui("session", "start"))


def test_a_link_in_the_folders_place(runtime: Path, tmp_path: Path) -> None:
    runtime.rmdir()
    runtime.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SessionError, match="is not a folder"):
        warm.runtime_folder()


@pytest.mark.parametrize("name", ["session.sock", "session.lock"])
def test_a_folder_in_the_place_of_the_socket_or_the_lock(runtime: Path, name: str) -> None:
    (runtime / name).mkdir()
    with pytest.raises(SessionError, match=rf"{name} is a folder, and a warm session needs the name: remove it"):
        warm.connect_socket()
    with pytest.raises(SessionError, match="remove it"):
        warm.start_daemon(1.0)
    client = connect(SessionLocation())
    client.close()
    assert client.note.startswith("this command has a session of its own: ")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else(runtime: Path) -> None:
    os.chown(runtime, 12345, 12345)
    with pytest.raises(SessionError, match="belongs to another user"):
        warm.runtime_folder()


def test_a_path_too_long_for_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    path = warm.socket_path()
    assert len(os.fsencode(path)) < 108
    assert path == warm.socket_path()
    warm.listening_socket(path.parent).close()
    path.unlink()
    path.parent.rmdir()


def test_what_a_dead_one_left_is_cleared_away(runtime: Path) -> None:
    warm.listening_socket(runtime).close()
    assert warm.socket_path().exists()
    assert connect_warm() is None
    assert not warm.socket_path().exists()
    assert "there is no warm session: vlmtui session start" in refused(vlmtui("session", "status"))
    assert vlmtui("session", "stop").stderr == b"there is no warm session\n"


def test_two_are_started_at_once_and_one_comes_of_it_that_ends_when_nobody_asks(runtime: Path) -> None:
    command = [sys.executable, "-m", "vlmtui", "session", "start", "--idle", "2s"]
    starting = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in starting]
    pid = warm.lock_owner(runtime)
    assert pid is not None
    assert [process.returncode for process in starting] == [0, 0]
    assert all(f"(process {pid})" in one for one in said)
    until(lambda: gone(pid))
    assert not warm.socket_path().exists()


def test_one_that_hangs_is_stopped_all_the_same(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    warm.start_daemon(60)
    pid = warm.lock_owner(runtime)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(cli_session, "_STOP_S", 0.2)
    assert main(["session", "stop"]) == 0
    assert f"the warm session (process {pid}) has ended" in capfd.readouterr().err
    until(lambda: gone(pid))
    # killed, it has left its socket behind
    assert connect_warm() is None


@pytest.mark.parametrize(("word", "seconds"), [("30m", 1800), ("90s", 90), ("2h", 7200), ("45", 45), ("1.5m", 90)])
def test_times(word: str, seconds: float) -> None:
    assert cli_session.parse_idle(word) == seconds


@pytest.mark.parametrize("word", ["", "0", "soon", "-1m", "5y", "1m30s", "99999d"])
def test_times_that_are_none(word: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        cli_session.parse_idle(word)


# --- readings that nobody can ask about ------------------------------------------------------------------------


def test_readings_are_let_go_with_their_client(two: tuple[SessionClient, SessionClient]) -> None:
    """A front end that leaves takes its readings along, and one that lets one go as well; others keep theirs."""
    one, other = two
    left = one.read(png()).result(WAIT).id
    forgotten, kept = (other.read(png()).result(WAIT).id for _ in range(2))
    assert other.words(left, "l2", 1).result(WAIT).k == 1
    other.let_go(forgotten)
    latest = other.read(png()).result(WAIT).id
    with pytest.raises(ReadingGoneError):
        other.words(forgotten, "l2", 1).result(WAIT)
    one.close()

    def is_gone() -> bool:
        return isinstance(other.words(left, "l2", 1).exception(WAIT), ReadingGoneError)

    until(is_gone)
    assert other.words(kept, "l2", 1).result(WAIT).k == 1
    other.forget_all()
    assert isinstance(other.words(latest, "l2", 1).exception(WAIT), ReadingGoneError)
