"""A lens whose question is withdrawn: it is left, and the session answers on; or the session is ended."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.session.lens_files import SHARPNESS, written
from tests.session.local_engine import Desk, quiet
from tests.session.test_client import WAIT, png
from tests.session.test_engine import request
from tests.waiting import gone, until
from vlmtui.errors import CancelledError, SessionError
from vlmtui.lenses.lens_source import LensSource, lens_call
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import SessionLocation, connect, start_warm
from vlmtui.session.request_control import CallbackEvent, RequestControl
from vlmtui.session.third_party import deadline, guard

BEGUN = """
from pathlib import Path

def begun():
    Path(__file__).with_suffix(".begun").touch()
"""
ENDLESS = {
    "with progress": """
        @lens
        def endless(context: Context) -> Scalars:
            begun()
            while True:
                context.progress(1, 2)
        """,
    "without": """
        @lens
        def endless(context: Context) -> Scalars:
            begun()
            while True:
                pass
        """,
    "that catches exceptions": """
        @lens
        def endless(context: Context) -> Scalars:
            begun()
            while True:
                try:
                    context.states()
                except Exception:
                    pass
        """,
    "that catches all, and returns": """
        @lens
        def endless(context: Context) -> Scalars:
            begun()
            try:
                while True:
                    context.states()
            except BaseException:
                pass
            return Scalars(context.states().mean(-1) if context.k < 0 else [1.0])
        """,
    "in a finally": """
        @lens
        def endless(context: Context) -> Scalars:
            begun()
            try:
                while True:
                    pass
            finally:
                for _ in range(3):
                    sum(range(1000))
        """,
    "at its import": """
        begun()
        while True:
            pass
        """,
    "with a hook in the model": """
        import torch

        @lens
        def endless(context: Context) -> Scalars:
            network = context.model.vlm.network
            torch.set_grad_enabled(False)
            for module in network.modules():
                module.register_forward_hook(lambda *_: 1 / 0)
            begun()
            while True:
                pass
        """,
    "in what it keeps": """
        @lens
        def endless(context: Context) -> Scalars:
            def make():
                begun()
                while True:
                    pass
            return Scalars(context.keep("x", make))
        """,
}


@pytest.fixture(scope="module")
def desk(clip_folder: Path) -> Desk:
    desk = Desk()
    desk.load(m.Load(str(clip_folder), device="cpu"), quiet)
    return desk


@pytest.fixture(scope="module")
def reading(desk: Desk) -> str:
    return desk.read(request(png()), quiet).reading.id


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "STOP_S", 0.05)
    monkeypatch.setattr(guard, "AGAIN_S", 0.02)


def sharp(folder: Path) -> LensSource:
    return written(folder, "sharpness.py", SHARPNESS)


def when_begun(source: LensSource, do) -> threading.Thread:
    """Do this as soon as the lens has begun."""
    mark = Path(source.path).with_suffix(".begun")

    def watch() -> None:
        until(mark.exists)
        do()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("how", ENDLESS)
def test_an_endless_loop_is_left(how: str, desk: Desk, reading: str, tmp_path: Path) -> None:
    source = written(tmp_path, "endless.py", BEGUN + ENDLESS[how].replace("\n        ", "\n"))
    expected = desk.typed(typed_lenses.look(reading, "vision.2", lens_call(sharp(tmp_path)))).result.values
    talk = RequestControl(withdrawn=CallbackEvent())
    watcher = when_begun(source, talk.withdrawn.set)
    body = typed_lenses.look(reading, "vision.2", lens_call(source)).body
    with pytest.raises(CancelledError):
        desk.answer(body, talk)
    watcher.join()
    # nothing of it stays: no exception that comes late, no hook, no mode
    for _ in range(2000):
        pass
    assert torch.is_grad_enabled()
    hooks = (hook for module in desk.state.model.network.modules() for hook in module._forward_hooks.values())
    assert not [hook for hook in hooks if "lens" in hook.__module__]
    desk.state.readings[reading].vision.clear()
    again = desk.typed(typed_lenses.look(reading, "vision.2", lens_call(sharp(tmp_path)))).result.values
    np.testing.assert_array_equal(again, expected)


def test_what_is_withdrawn_before_it_begins_is_not_run(desk: Desk, reading: str, tmp_path: Path) -> None:
    source = written(tmp_path, "quick.py", BEGUN + "begun()\n" + SHARPNESS)
    talk = RequestControl()
    talk.withdrawn.set()
    with pytest.raises(CancelledError):
        desk.answer(typed_lenses.look(reading, "tokens", lens_call(source)).body, talk)
    assert not Path(source.path).with_suffix(".begun").exists()


def test_a_call_of_the_context_is_never_interrupted(desk: Desk, reading: str) -> None:
    """Withdrawn while the session runs the tower for it: it is told that the session is at work, and left after."""
    told: list[int] = []
    talk = RequestControl(withdrawn=CallbackEvent(), still=lambda: told.append(1))
    ours = guard.LensGuard(talk)
    seen: list[BaseException] = []

    def work() -> None:
        try:
            with ours():
                talk.withdrawn.set()
                until(lambda: len(told) > 1)
                for _ in range(10000):
                    pass
        except BaseException as error:
            seen.append(error)
            raise

    with pytest.raises(CancelledError):
        ours.run(work)
    assert [str(error) for error in seen] == ["the request was cancelled"]


def test_many_withdrawals_at_any_moment(desk: Desk, reading: str, tmp_path: Path, monkeypatch) -> None:
    """Whenever it comes, what comes out is the result or that it was withdrawn."""
    monkeypatch.setattr(guard, "STOP_S", 0.0)
    monkeypatch.setattr(guard, "AGAIN_S", 0.001)
    source = written(
        tmp_path,
        "busy.py",
        """
        @lens
        def busy(context: Context) -> Scalars:
            for i in range(40):
                sum(range(200))
                context.progress(i, 40)
                context.boxes()
            return Scalars(context.states().mean(-1))
        """,
    )
    body = typed_lenses.look(reading, "tokens", lens_call(source)).body
    outcomes = set()
    for delay in np.linspace(0, 0.012, 120):
        talk = RequestControl(withdrawn=CallbackEvent())
        timer = threading.Timer(delay, talk.withdrawn.set)
        timer.start()
        try:
            outcomes.add(type(desk.answer(body, talk)))
        except CancelledError:
            outcomes.add(CancelledError)
        timer.join()
    assert outcomes <= {m.Computed, CancelledError}
    assert CancelledError in outcomes


# -- over the line


HOLD = (
    BEGUN
    + """
import ctypes

@lens
def hold(context: Context) -> Scalars:
    begun()
    ctypes.PyDLL(None).sleep(1000)
"""
)
REASON = "the lens hold.py did not stop, and its session was ended"


@pytest.fixture
def client(siglip_folder: Path) -> Iterator[SessionClient]:
    client = SessionClient.start()
    client.load(str(siglip_folder), device="cpu").result(WAIT)
    yield client
    client.close()


def test_a_session_answers_on(client: SessionClient, tmp_path: Path) -> None:
    kept = client.read(png()).result(WAIT)
    expected = client.look(kept.id, "tokens", lens_call(sharp(tmp_path))).result(WAIT).numbers
    source = written(tmp_path, "endless.py", BEGUN + ENDLESS["without"].replace("\n        ", "\n"))
    endless = client.look(kept.id, "tokens", lens_call(source))
    until(Path(source.path).with_suffix(".begun").exists)
    client.cancel(endless)
    assert isinstance(endless.exception(WAIT), CancelledError)
    (told,) = client._deadlines
    again = client.look(kept.id, "tokens", lens_call(sharp(tmp_path))).result(WAIT)
    np.testing.assert_array_equal(again.numbers, expected)
    told.wait()
    assert client.alive
    until(lambda: not client._deadlines)


def test_one_that_holds_the_lock_is_the_end_of_its_session(
    client: SessionClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "END_S", 0.5)
    died: list[str] = []
    client._on_death = died.append
    kept = client.read(png()).result(WAIT)
    source = written(tmp_path, "hold.py", HOLD)
    held = client.look(kept.id, "tokens", lens_call(source))
    until(Path(source.path).with_suffix(".begun").exists)
    newer = client.look(kept.id, "vision.1", lens_call(source))  # the session cannot even say that it takes its place
    assert isinstance(held.exception(WAIT), CancelledError)
    assert str(newer.exception(WAIT)) == f"{REASON}; its log is {client.log}"
    until(lambda: died == [f"{REASON}; its log is {client.log}"])
    until(lambda: gone(client.pid))


def test_the_others_of_a_warm_session_are_told(
    siglip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "END_S", 0.5)
    start_warm(600).cut()
    one, other = connect(SessionLocation()), connect(SessionLocation())
    try:
        assert one.shared
        for client in (one, other):
            client.load(str(siglip_folder), device="cpu").result(WAIT)
        kept = one.read(png()).result(WAIT)
        source = written(tmp_path, "hold.py", HOLD)
        one.look(kept.id, "tokens", lens_call(source))
        until(Path(source.path).with_suffix(".begun").exists)
        theirs = other.read(png())
        began = time.monotonic()
        one.close()  # what Ctrl-C comes to: it waits, and ends the session
        assert 0.5 <= time.monotonic() - began < 5
        said = str(theirs.exception(WAIT))
        assert said == f"the warm session (process {other.pid}) has ended ({REASON}); its log is {other.log}"
        until(lambda: gone(one.pid))
    finally:
        one.close()
        other.close()
        subprocess.run([sys.executable, "-m", "vlmtui", "session", "stop", "--quiet"], check=True)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh client is installed")
def test_at_the_far_end_it_is_told_to_stop(
    siglip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import os

    from tests.session.ssh_server import HOST, Far
    from vlmtui.session.transport import SSH

    monkeypatch.setattr(deadline, "END_S", 0.5)
    kept = {name: os.environ[name] for name in ("XDG_STATE_HOME", "HF_HUB_OFFLINE", "PYTHONPATH") if name in os.environ}
    runtime = tmp_path_factory.mktemp("far-runtime")
    far = Far(tmp_path_factory.mktemp("far"), b"", XDG_RUNTIME_DIR=str(runtime), **kept)
    monkeypatch.setenv(SSH, far.ssh)
    client = connect(SessionLocation(HOST, f"{sys.executable} -m vlmtui"))
    try:
        client.load(str(siglip_folder), device="cpu").result(WAIT)
        reading = client.read(png()).result(WAIT)
        source = written(tmp_path, "hold.py", HOLD)
        held = client.look(reading.id, "tokens", lens_call(source))
        until(Path(source.path).with_suffix(".begun").exists)
        client.cancel(held)
        waiting = client.read(png())
        error = waiting.exception(WAIT)
        assert isinstance(error, SessionError)
        assert str(error) == REASON
        until(lambda: gone(client.pid))
    finally:
        client.close()
        far.close()
