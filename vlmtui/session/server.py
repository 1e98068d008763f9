"""The session's process: a thread that reads requests, and a worker that does what needs the model, one at a time.

The reader never touches the model, so greetings, status and cancelling are answered whatever is going on. Where the
person has moved on the latest question wins: a newer one of the same kind withdraws the older.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from vlmtui import __version__
from vlmtui.errors import CancelledError, ProtocolError, VlmtuiError
from vlmtui.session import messages as m

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine

_PROGRESS_INTERVAL = 0.1
_SUPERSEDED = "a newer question took its place"


@dataclass
class Job:
    """A request that waits for the worker, or is worked on; a newer one of the same `kind` replaces it."""

    request: m.Request
    kind: str
    withdrawn: threading.Event = field(default_factory=threading.Event)


class Server:
    """Serves one front end over two file descriptors until it goes."""

    def __init__(self, requests: int, replies: int, log: str) -> None:
        self._requests: IO[bytes] = os.fdopen(requests, "rb")
        self._replies: IO[bytes] = os.fdopen(replies, "wb", buffering=0)
        self._log = log
        self._sending = threading.Lock()
        self._wake = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._running: list[Job] = []  # more than one where a quick question is answered amidst a long one
        self._engine: Engine | None = None
        self._doing = "starting"
        self._told = 0.0

    def run(self) -> None:
        """Serve; returns never: the process ends with the front end or at its request."""
        self._note(f"{__version__} on Python {sys.version.split()[0]}, process {os.getpid()}")
        self._write(m.PREAMBLE)
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        self._work()

    # -- the reader's thread

    def _read(self) -> None:
        try:
            m.read_preamble(self._requests.read)
            while (body := m.read_frame(self._requests.read)) is not None:
                self._receive(m.decode_request(body))
        except ProtocolError as error:
            self._note(f"the front end sent something else than the protocol: {error}")
            os._exit(2)
        except BaseException:
            traceback.print_exc()
            os._exit(3)
        # the front end has gone, however it went: nothing may hold the GPU a moment longer
        os._exit(0)

    def _receive(self, request: m.Request) -> None:
        body = request.body
        match body:
            case m.Hello():
                self._send(request.id, m.Welcome(m.VERSION, __version__, os.getpid(), self._log))
            case m.AskStatus():
                self._send(request.id, self._status())
            case m.Cancel(target):
                self._withdraw([job for job in self._known() if job.request.id == target], "the question was withdrawn")
                self._send(request.id, m.Done())
            case m.Shutdown():
                self._send(request.id, m.Done())
                os._exit(0)
            case _:
                job = Job(request, _kind(body))
                self._withdraw([older for older in self._known() if older.kind == job.kind], _SUPERSEDED)
                with self._wake:
                    self._jobs.append(job)
                    self._wake.notify()

    def _known(self) -> list[Job]:
        with self._wake:
            return [*self._jobs, *self._running]

    def _withdraw(self, jobs: list[Job], why: str) -> None:
        """Answer for these jobs at once; what is running of them stops at its next look, and is not heard again."""
        for job in jobs:
            with self._wake:
                if job.withdrawn.is_set() or job not in (*self._jobs, *self._running):
                    continue
                job.withdrawn.set()
                if job in self._jobs:
                    self._jobs.remove(job)
            self._send(job.request.id, m.Failed(CancelledError.kind, why))

    def _status(self) -> m.Status:
        engine = self._engine
        # nothing is imported here: an import in this thread would wait for the worker's
        doing = self._doing
        if engine is None:
            return m.Status(os.getpid(), None, 0, 0, 0, None, None, (), doing)
        return engine.status(doing)

    # -- the worker's thread

    def _work(self) -> None:
        self._import()
        while True:
            with self._wake:
                while not self._jobs:
                    self._doing = ""
                    self._wake.wait()
                job = self._jobs.popleft()
                self._running.append(job)
            self._answer(job)

    def _import(self) -> None:
        self._doing = "importing torch"
        waiting = threading.Event()

        def tell() -> None:
            # whoever asks while torch is being imported is told what it is that takes so long
            while not waiting.wait(_PROGRESS_INTERVAL):
                with self._wake:
                    job = self._jobs[0] if self._jobs else None
                if job is not None:
                    self._send(job.request.id, m.Progress(self._doing))
                    return

        threading.Thread(target=tell, name="telling", daemon=True).start()
        try:
            from vlmtui.session.engine import Engine

            self._engine = Engine()
        except BaseException:
            # without torch there is no session: the log says why, and the front end sees the status
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(4)
        finally:
            waiting.set()

    def _answer(self, job: Job) -> None:
        assert self._engine is not None
        answer: m.Answer
        try:
            answer = self._do(job, self._engine)
        except CancelledError as error:
            answer = m.Failed(error.kind, str(error))
        except VlmtuiError as error:
            traceback.print_exc()
            answer = m.Failed(error.kind, str(error), traceback.format_exc())
        except Exception as error:
            traceback.print_exc()
            known = self._engine.explain(error)
            answer = m.Failed(known.kind, str(known), traceback.format_exc())
        with self._wake:
            self._running.remove(job)
            withdrawn = job.withdrawn.is_set()
        if not withdrawn:
            self._send(job.request.id, answer)

    def _do(self, job: Job, engine: Engine) -> m.Answer:
        def progress(doing: str, done: int = 0, total: int = 0) -> None:
            if job.withdrawn.is_set():
                raise CancelledError(_SUPERSEDED)
            now = time.monotonic()
            if doing == self._doing and now - self._told < _PROGRESS_INTERVAL:
                return
            self._doing, self._told = doing, now
            self._send(job.request.id, m.Progress(doing, done, total))

        def should_stop() -> bool:
            self._quick_ones(job)
            return job.withdrawn.is_set()

        body = job.request.body
        match body:
            case m.Load():
                return engine.load(body, progress)
            case m.Read():
                return engine.read(body, progress)
            case m.FindWords():
                self._doing = "looking for words"
                return engine.words(body, should_stop)
            case _:
                raise ProtocolError(f"the session cannot answer {type(body).__name__}")

    def _quick_ones(self, amidst: Job) -> None:
        """Between the blocks of the words of a whole picture, answer for the one token the cursor has moved to."""
        if amidst.kind != "words of many":
            return
        while True:
            with self._wake:
                quick = next((job for job in self._jobs if job.kind == "words of one"), None)
                # what was asked before it must be done before it
                if quick is None or self._jobs[0] is not quick:
                    return
                self._jobs.popleft()
                self._running.append(quick)
            self._answer(quick)

    # -- both

    def _send(self, request: int, body: m.Answer | m.Note) -> None:
        try:
            data = m.frame(m.Reply(request, body))
        except (VlmtuiError, TypeError, ValueError) as error:
            traceback.print_exc()
            data = m.frame(m.Reply(request, m.Failed(ProtocolError.kind, f"the answer cannot cross the pipe: {error}")))
        self._write(data)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            with self._sending:
                while view:
                    view = view[self._replies.write(view) :]
        except OSError:
            os._exit(0)  # nobody listens any more

    def _note(self, text: str) -> None:
        print(f"vlmtui session: {text}", file=sys.stderr, flush=True)


def _kind(body: m.Question) -> str:
    if isinstance(body, m.FindWords):
        return "words of one" if body.tokens is not None and len(body.tokens) == 1 else "words of many"
    return type(body).__name__
