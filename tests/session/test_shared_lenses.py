"""A lens of one's own in sessions that others share: on another machine, warm, and of an older protocol."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_cli import CHINA, vlmtui
from tests.cli.test_interrupts import heeding
from tests.session.lens_files import HEAD, SHARPNESS, written
from tests.session.ssh_server import HOST, Far
from tests.session.test_client import WAIT
from tests.session.third_party.test_lenses import offer
from tests.waiting import until
from vlmtui._version import __version__
from vlmtui.session import daemon as warm
from vlmtui.session import protocol as m
from vlmtui.session import wire
from vlmtui.session.discovery import HOME, SessionLocation, connect
from vlmtui.session.transport import SSH

COMMAND = f"{sys.executable} -m vlmtui"
NEEDS_SSH = pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh client is installed")


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """A machine that has a package which this one has not."""
    there = tmp_path_factory.mktemp("there")
    offer(there, "far-lenses", "far-away = far_lenses:sharpness", far_lenses=SHARPNESS)
    kept = {name: os.environ[name] for name in ("XDG_STATE_HOME", "HF_HUB_OFFLINE") if name in os.environ}
    path = os.pathsep.join(filter(None, (str(there), os.environ.get("PYTHONPATH"))))
    runtime = str(tmp_path_factory.mktemp("far-runtime"))
    far = Far(tmp_path_factory.mktemp("far"), b"", XDG_RUNTIME_DIR=runtime, PYTHONPATH=path, **kept)
    yield far
    subprocess.run([*COMMAND.split(), "session", "stop", "--quiet"], env=far.environment, check=True)
    far.close()


@pytest.fixture
def ssh(far: Far, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setenv(SSH, far.ssh)
    return "--remote", HOST, "--remote-command", COMMAND


@NEEDS_SSH
def test_a_file_of_this_machine_is_run_on_that_one(ssh: tuple[str, ...], tmp_path: Path) -> None:
    path = Path(written(tmp_path, "sharpness.py", SHARPNESS).path)
    words = ("report", CHINA, *ssh, "--patch", "2,3", "--format", "json", "--lens")

    def value(*more: str) -> float:
        done = vlmtui(*words, *more)
        assert (done.returncode, done.stderr) == (0, b"")
        return json.loads(done.stdout)["tokens"][0]["value"]

    first = value(str(path))
    # the session there outlives the command: a file that was edited since is another
    path.write_text(path.read_text().replace(".mean(-1)", ".mean(-1) * 2"))
    assert value(str(path)) == pytest.approx(2 * first)
    # what packages offer is known there alone
    assert value("far-away", "--lens-option", "power=2") == pytest.approx(first)
    done = vlmtui(*words, "nosuch")
    assert done.stderr == b"vlmtui: there is no lens 'nosuch' here: vlmtui lenses lists them\n"
    listed = vlmtui("lenses", *ssh)
    assert b"far-lenses 1.2" in listed.stdout


@NEEDS_SSH
def test_an_interrupt_leaves_the_lens_and_the_session(ssh: tuple[str, ...], tmp_path: Path) -> None:
    """The lens runs where this machine's files are, as both are the same one: it marks that it has begun."""
    text = (
        "@lens\ndef endless(context: Context) -> Scalars:\n    open(__file__ + '.begun', 'w')\n    while True: pass\n"
    )
    source = written(tmp_path, "endless.py", text)
    client = connect(SessionLocation(HOST, COMMAND))
    try:
        client.welcome.result(WAIT)
        process = subprocess.Popen(
            [sys.executable, "-m", "vlmtui", "report", CHINA, *ssh, "--lens", source.path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=heeding,
        )
        until(Path(f"{source.path}.begun").exists)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == (b"", b"")
        assert process.returncode == 130
        status = client.status().result(WAIT)
        assert (status.pid, status.doing) == (client.pid, "")
    finally:
        client.close()


def test_a_session_of_an_older_protocol_is_passed_over_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    source = written(tmp_path, "sharpness.py", SHARPNESS, HEAD)
    with warm.listening_socket(warm.runtime_folder()) as answering:

        def answer() -> None:
            connection, _ = answering.accept()
            with connection:
                hello = m.Welcome(wire.VERSION - 1, "0.0.1", os.getpid(), "", HOME)
                connection.sendall(wire.PREAMBLE + wire.frame(m.Reply(0, hello)))
                while connection.recv(4096):
                    pass

        threading.Thread(target=answer, daemon=True).start()
        client = connect(SessionLocation())
        try:
            assert client.note == (
                f"this command has a session of its own: the warm session (process {os.getpid()}) is older "
                f"(0.0.1, protocol {wire.VERSION - 1}) than this vlmtui ({__version__}, protocol {wire.VERSION}); "
                "to replace it: vlmtui session stop, then start"
            )
            (told,) = client.describe(source).result(WAIT)
            assert told.name == "sharpness"
        finally:
            client.close()
