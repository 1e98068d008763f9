"""A session on another machine, through the real ssh client and a real ssh server."""

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

from tests.cli.test_cli import CHINA, refused, vlmtui
from tests.session.ssh_server import ASKS, HOST, PASSWORD, Far
from tests.session.test_client import WAIT, png
from tests.terminal import Terminal
from tests.waiting import gone, until
from vlmtui.errors import SessionError, UsageError
from vlmtui.session import reconnecting
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import SessionLocation, connect
from vlmtui.session.transport import SSH

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh client is installed")

COMMAND = f"{sys.executable} -m vlmtui"
BANNER = b"Welcome to far!\r\nYou have mail.\n\x93vlm"


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """A machine with a runtime folder of its own, whose warm session is ended at the end."""
    runtime = tmp_path_factory.mktemp("far-runtime")
    kept = {name: os.environ[name] for name in ("XDG_STATE_HOME", "HF_HUB_OFFLINE", "PYTHONPATH") if name in os.environ}
    far = Far(tmp_path_factory.mktemp("far"), BANNER, XDG_RUNTIME_DIR=str(runtime), **kept)
    yield far
    subprocess.run([*COMMAND.split(), "session", "stop", "--quiet"], env=far.environment, check=True)
    far.close()


@pytest.fixture(autouse=True)
def ssh(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SSH, far.ssh)


@pytest.fixture
def client(far: Far) -> Iterator[SessionClient]:
    """A front end here of the session there."""
    client = connect(SessionLocation(HOST, COMMAND))
    yield client
    client.close()


def test_no_virtual_environment_on_the_path(far: Far) -> None:
    said = refused(vlmtui(CHINA, "--remote", HOST, "--format", "json"))
    assert said.startswith("vlmtui: vlmtui cannot be run on far")
    assert "not found" in said
    assert "--remote-command" in said


def test_with_its_path_the_report_is_that_of_the_far_session(far: Far) -> None:
    words = (CHINA, "--remote", HOST, "--remote-command", COMMAND, "--format", "json", "--patch", "2,3")
    first = vlmtui(*words)
    assert (first.returncode, first.stderr) == (0, b"")
    assert json.loads(first.stdout)["tokens"][0]["row"] == 2
    # the session there has outlived the line, holds the model, and gives the same bytes
    again = vlmtui(*words, "--debug")
    assert again.stdout == first.stdout
    assert again.stderr == b"vlmtui: the session is far\n"
    until(lambda: far.lines == 0)


def test_a_line_that_is_cut_is_taken_up_again(far: Far, client: SessionClient, siglip_folder: Path) -> None:
    notes: list[str] = []
    client._on_line = notes.append
    assert client.load(str(siglip_folder)).result(WAIT).name == str(siglip_folder)
    kept = client.read(png()).result(WAIT)
    before = client.words(kept.id, "l2", 4, (1,)).result(WAIT)
    pid = client.pid
    reading = client.read(png(3000, 3000))
    far.cut()
    assert reading.result(WAIT).image.width == 3000
    assert notes[0] == f"the connection to far was lost: reconnecting (1 of {len(reconnecting.PAUSES_S)})"
    assert notes[-1] == ""
    # the reading from before the cut is still there, and so is the session
    after = client.words(kept.id, "l2", 4, (1,)).result(WAIT)
    assert after.ids.tolist() == before.ids.tolist()
    assert client.pid == pid
    assert client.alive


def test_a_line_that_is_cut_while_nothing_goes_on(far: Far, client: SessionClient) -> None:
    notes: list[str] = []
    client._on_line = notes.append
    client.welcome.result(WAIT)
    far.cut()
    until(lambda: notes[-1:] == [""])
    assert client.status().result(WAIT).pid == client.pid


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_ssh_asks_before_the_screen_is_there(far: Far, password: str) -> None:
    words = (CHINA, "--remote", ASKS, "--remote-command", COMMAND)
    with Terminal([sys.executable, "-m", "vlmtui", *words], (120, 40), **{SSH: far.ssh}) as terminal:
        terminal.until(lambda output: b"password:" in output, WAIT)
        assert b"\x1b[?1049h" not in terminal.output
        terminal.press(f"{password}\n")
        if password == PASSWORD:
            terminal.until(lambda output: terminal.shows("WORDS") and terminal.shows("truecolor"), WAIT)
            terminal.press("q")
            assert terminal.wait(WAIT) == 0
        else:
            assert terminal.wait(WAIT) == 1
            assert b"cannot be reached through ssh" in terminal.output
            assert b"Permission denied" in terminal.output
            assert b"\x1b[?1049h" not in terminal.output


def test_a_session_that_has_ended_is_no_cut_line(far: Far, client: SessionClient) -> None:
    client.status().result(WAIT)
    assert client.pid is not None
    os.kill(client.pid, signal.SIGKILL)
    until(lambda: not client.alive)
    error = client.status().exception(WAIT)
    assert isinstance(error, SessionError)
    assert f"the model session on far has ended: the warm session (process {client.pid}) has ended" in str(error)
    until(lambda: gone(client.pid))
    # the next one is another, in the place of the one that was killed
    with_new = connect(SessionLocation(HOST, COMMAND))
    assert with_new.welcome.result(WAIT).pid != client.pid
    with_new.close()


def test_a_session_that_ends_while_the_line_is_cut(
    far: Far, client: SessionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.status().result(WAIT)
    assert client.pid is not None
    cut = threading.Event()
    client._on_line = lambda sentence: cut.set()
    monkeypatch.setattr(reconnecting, "PAUSES_S", (0.5,))
    far.cut()
    assert cut.wait(WAIT)
    os.kill(client.pid, signal.SIGKILL)
    until(lambda: not client.alive)
    said = str(client.status().exception(WAIT))
    assert "the session on far cannot be used: the connected session has ended in the meantime" in said


def test_a_line_that_stays_cut(far: Far, client: SessionClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client.welcome.result(WAIT)
    monkeypatch.setenv(SSH, far.ssh.replace("config", "no-such-config"))
    monkeypatch.setattr(reconnecting, "PAUSES_S", (0.0, 0.0))
    far.cut()
    until(lambda: not client.alive)
    assert "far cannot be reached through ssh: " in str(client.status().exception(WAIT))


@pytest.mark.parametrize(("version", "older"), [(1, "update the session"), (99, "update this vlmtui")])
def test_versions_that_differ(version: int, older: str, tmp_path: Path) -> None:
    there = tmp_path / "vlmtui"
    there.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "from vlmtui.session import protocol as m, wire\n"
        "out = sys.stdout.buffer\n"
        f"out.write(wire.PREAMBLE + wire.frame(m.Reply(1, m.Welcome({version}, '9.9', 1, '')))); out.flush()\n"
        "sys.stdin.buffer.read()\n"
    )
    there.chmod(0o755)
    said = refused(vlmtui(CHINA, "--remote", HOST, "--remote-command", str(there)))
    assert f"the session uses protocol version {version} and this vlmtui " in said
    assert older in said


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/no/such/vlmtui", "with --remote-command"),
        ("echo", "does not use vlmtui's protocol"),
        ("echo broken >&2; exit 3;", "ended with status 3: broken"),
    ],
)
def test_what_is_no_vlmtui_there(command: str, said: str) -> None:
    assert said in refused(vlmtui(CHINA, "--remote", HOST, "--remote-command", command))


def test_a_host_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(vlmtui(CHINA, "--remote", "no-such-host.invalid"))
    assert said.startswith("vlmtui: no-such-host.invalid cannot be reached through ssh: ")
    assert "check that `ssh no-such-host.invalid` works" in said
    monkeypatch.setenv(SSH, "/no/such/ssh -x")
    assert "'/no/such/ssh' cannot be run" in refused(vlmtui(CHINA, "--remote", HOST))


def test_a_question_after_a_host_was_not_reached_says_so_too() -> None:
    client = connect(SessionLocation("no-such-host.invalid"), may_ask=False)
    try:
        with pytest.raises(SessionError, match=r"^no-such-host.invalid cannot be reached"):
            client.welcome.result(WAIT)
        until(lambda: not client.alive)
        with pytest.raises(SessionError, match=r"^no-such-host.invalid cannot be reached"):
            client.status().result(WAIT)
    finally:
        client.close()


@pytest.mark.parametrize("host", ["-oProxyCommand=touch /tmp/x", "", "a b", "a\nb", "a\x1b[2J"])
def test_hosts_that_are_none(host: str) -> None:
    with pytest.raises(UsageError, match="is not a host"):
        SessionLocation(host)


@pytest.mark.parametrize("command", ["-x", "", " ", "a\nb"])
def test_commands_that_are_none(command: str) -> None:
    with pytest.raises(UsageError, match="is not a command"):
        SessionLocation(HOST, command)


@pytest.mark.parametrize("host", ["http://box", "@box", "me@", ":22", "box:22", "ssh://box:0", "me@box:x", "box:99999"])
def test_what_ssh_would_look_for_in_vain(host: str) -> None:
    with pytest.raises(
        UsageError, match=r"is not a host: give a (name as for ssh|port, from 1 to 65535, as in ssh://)"
    ):
        SessionLocation(host)


@pytest.mark.parametrize(
    "host", ["box", "me@box", "a@b@box", "::1", "me@fe80::1%eth0", "ssh://me@box:2222", "ssh://box"]
)
def test_hosts_as_ssh_takes_them(host: str) -> None:
    SessionLocation(host)
