"""What the front ends hold: a session started as a process of its own, and questions to it as futures. No torch.

A future fails with the `VlmtuiError` that the session answered with, or with a `SessionError` that gives the reason
that can be known when the session died.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from vlmtui import __version__
from vlmtui.errors import CancelledError, ProtocolError, SessionError, UsageError, VlmtuiError, from_kind
from vlmtui.image import MAX_PIXELS, SourceBytes
from vlmtui.reading import METRICS, Metric, ModelInfo, Reading, Words
from vlmtui.session import messages as m
from vlmtui.session.logs import log_folder, new_log

__all__ = ["SessionClient", "log_folder"]

OnProgress = Callable[[m.Progress], None]

_SIGNALS = {
    signal.SIGKILL: "killed (signal 9): often the system ran out of memory",
    signal.SIGSEGV: "crashed (signal 11, a fault in native code)",
    signal.SIGBUS: "crashed (signal 7, a fault in native code)",
    signal.SIGABRT: "aborted (signal 6, an error in native code)",
    signal.SIGTERM: "ended by somebody (signal 15)",
}


@dataclass(frozen=True)
class _Pending:
    future: Future[Any]
    unpack: Callable[[Any], Any]
    on_progress: OnProgress | None


class SessionClient:
    """A private session: started at once, killed with `close()`, and gone when this process goes."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, on_death: Callable[[str], None] | None) -> None:
        self.log = log
        self.pid = process.pid
        self._process = process
        self._on_death = on_death
        self._lock = threading.Lock()
        self._pending: dict[int, _Pending] = {}
        self._ids = itertools.count(1)
        self._outbox: queue.SimpleQueue[m.Request | None] = queue.SimpleQueue()
        self._death: str | None = None
        self._closed = False
        threading.Thread(target=self._write, name="session-writer", daemon=True).start()
        self._reader = threading.Thread(target=self._read, name="session-reader", daemon=True)
        self._reader.start()
        self._ask(m.Hello(release=__version__), _same_version)

    @classmethod
    def start(cls, on_death: Callable[[str], None] | None = None) -> SessionClient:
        """Start a session and return at once; it begins to import torch by itself.

        `on_death` is called from another thread with the reason, once, should the session die by itself.
        Raises `SessionError` when it cannot even be started.
        """
        try:
            log = new_log()
            # -P: a torch.py in the folder where somebody looks at pictures must not be imported
            command = [sys.executable, "-P", "-m", "vlmtui.session", "--log", str(log)]
            with log.open("ab") as errors:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,
                )
        except OSError as error:
            raise SessionError(f"the model session could not be started ({error}): run vlmtui doctor") from error
        return cls(process, log, on_death)

    @property
    def alive(self) -> bool:
        """Whether there is still somebody to ask."""
        return self._death is None and not self._closed and self._process.poll() is None

    def load(
        self,
        model: str,
        *,
        revision: str | None = None,
        processor: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        on_progress: OnProgress | None = None,
    ) -> Future[ModelInfo]:
        """Hold this model from now on."""
        return self._ask(m.Load(model, revision, processor, device, dtype), lambda done: done.model, on_progress)

    def read(
        self,
        image: SourceBytes,
        *,
        max_pixels: int = MAX_PIXELS,
        prompt: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> Future[Reading]:
        """Look at a picture with the model held; questions are answered in the order asked, so a load may go before."""
        body = m.Read(image.source, image.data, image.sha256, max_pixels, prompt)
        return self._ask(body, lambda done: done.reading, on_progress)

    def words(
        self, reading_id: str, metric: Metric, k: int, tokens: tuple[int, ...] | None = None, all_tokens: bool = False
    ) -> Future[Words]:
        """The k nearest word-pieces of some tokens of a reading, or of all of them."""
        if metric not in METRICS:  # the session would take it for a broken pipe
            return _failed(UsageError(f"there is no metric {metric!r}: choose one of {', '.join(METRICS)}"))
        which = None if tokens is None else tuple(int(token) for token in tokens)
        return self._ask(m.FindWords(reading_id, metric, int(k), which, all_tokens), lambda done: done.words)

    def status(self) -> Future[m.Status]:
        """What the session is and holds; answered whatever else is going on."""
        return self._ask(m.AskStatus(), lambda status: status)

    def cancel(self, future: Future[Any]) -> None:
        """Withdraw a question: its future fails with `CancelledError` now. What cannot be stopped runs on unheard."""
        with self._lock:
            target = next((i for i, pending in self._pending.items() if pending.future is future), None)
            pending = self._pending.pop(target) if target is not None else None
        if target is not None and pending is not None:
            self._ask(m.Cancel(target), lambda done: done)
            _fail(pending.future, CancelledError("the question was withdrawn"))

    def close(self) -> None:
        """End the session at once, whatever it does, and reap it. What is pending fails with `CancelledError`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._kill()
        self._outbox.put(None)
        self._fail_all(CancelledError("the session was closed"))
        try:
            self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            # a driver may hold a killed process for a while: nobody at a terminal waits for that
            threading.Thread(target=self._process.wait, name="session-reaper", daemon=True).start()

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()

    def _ask(
        self, body: m.Question, unpack: Callable[[Any], Any], on_progress: OnProgress | None = None
    ) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            reason = self._death or ("it was closed" if self._closed else None)
            number = next(self._ids)
            if reason is None:
                self._pending[number] = _Pending(future, unpack, on_progress)
        if reason is None:
            self._outbox.put(m.Request(number, body))
        else:
            _fail(future, SessionError(f"there is no model session any more: {reason}"))
        return future

    # -- the writer's thread: a large picture must not hold up whoever sends it

    def _write(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pipe.write(m.PREAMBLE)
            pipe.flush()
            while (request := self._outbox.get()) is not None:
                try:
                    data = m.frame(request)
                except VlmtuiError as error:
                    self._settle(request.id, error)
                    continue
                except (TypeError, ValueError, OverflowError) as error:
                    self._settle(request.id, ProtocolError(f"the question cannot cross the pipe: {error}"))
                    continue
                pipe.write(data)
                pipe.flush()
        except (OSError, ValueError):
            pass  # it died; the reader finds out why
        finally:
            with contextlib.suppress(OSError):
                pipe.close()

    # -- the reader's thread

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        said = None
        try:
            self._listen(pipe)
        except ProtocolError as error:
            said = str(error)
        except (OSError, ValueError):
            pass
        finally:
            pipe.close()
        if said is not None:
            self._kill()  # what no longer speaks the protocol is of no use, and must not stay behind
        self._died(said)

    def _listen(self, pipe: IO[bytes]) -> None:
        m.read_preamble(pipe.read)
        while (body := m.read_frame(pipe.read)) is not None:
            reply = m.decode_reply(body)
            if isinstance(reply.body, m.Progress):
                self._tell(reply.id, reply.body)
            else:
                self._settle(reply.id, reply.body)

    def _tell(self, number: int, note: m.Progress) -> None:
        with self._lock:
            pending = self._pending.get(number)
        if pending is not None and pending.on_progress is not None:
            try:
                pending.on_progress(note)
            except Exception as error:  # the caller's own mistake must not stop the reader: it goes to the caller
                self._settle(number, error)

    def _settle(self, number: int, answer: Any) -> None:
        with self._lock:
            pending = self._pending.pop(number, None)
        if pending is None:
            return
        if isinstance(answer, m.Failed):
            error = from_kind(answer.kind, answer.message)
            if answer.detail:
                error.add_note(answer.detail)
            _fail(pending.future, error)
            return
        if isinstance(answer, Exception):
            _fail(pending.future, answer)
            return
        try:
            value = pending.unpack(answer)
        except ProtocolError as error:
            _fail(pending.future, error)
            raise
        except AttributeError:
            _fail(pending.future, ProtocolError(f"the session answered with {type(answer).__name__}"))
            return
        with contextlib.suppress(InvalidStateError):  # the caller had cancelled it
            pending.future.set_result(value)

    def _died(self, said: str | None) -> None:
        try:
            status: int | None = self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._kill()
            status = None
        reason = self._reason(status, said)
        with self._lock:
            self._death = reason
            tell = self._on_death if not self._closed else None
        self._outbox.put(None)
        self._fail_all(SessionError(reason))
        if tell is not None:
            tell(reason)

    def _reason(self, status: int | None, said: str | None) -> str:
        if said is not None:
            what = f"ended: {said}"
        elif status is None:
            what = "closed its pipe"
        elif status < 0:
            what = _SIGNALS.get(signal.Signals(-status), f"ended by signal {-status}")
            what = f"was {what}" if not what.startswith("crashed") else what
        else:
            what = f"ended with status {status}{_last_words(self.log)}"
        return f"the model session {what}; its log is {self.log}"

    def _fail_all(self, error: VlmtuiError) -> None:
        with self._lock:
            pending, self._pending = list(self._pending.values()), {}
        for one in pending:
            # one exception for each: raising adds a traceback to it
            _fail(one.future, type(error)(str(error)))


def _fail(future: Future[Any], error: Exception) -> None:
    with contextlib.suppress(InvalidStateError):  # the caller had cancelled it
        future.set_exception(error)


def _failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def _same_version(welcome: m.Welcome) -> m.Welcome:
    if welcome.version != m.VERSION:
        older = "this end" if welcome.version > m.VERSION else "the session"
        raise ProtocolError(
            f"the session speaks version {welcome.version} of the protocol and this end {m.VERSION}: bring {older} "
            "up to date"
        )
    return welcome


def _last_words(log: Path) -> str:
    """The last line of the log, which is where Python says why it stopped."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4096))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f" ({lines[-1].strip()[:200]})" if lines else ""
