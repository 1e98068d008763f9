"""The session's process: a thread for each front end that reads its requests, and one worker for what needs the model.

The readers never touch the model, so greetings, status and cancelling are answered whatever is going on. Every front
end gets answers from the model that it has loaded: where another one has put its own in the place, it is loaded again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from vlmtui._version import __version__
from vlmtui.errors import Cancelled, CancelledError, ProtocolError, VlmtuiError
from vlmtui.session import protocol as m
from vlmtui.session import wire
from vlmtui.session.connection import Connection
from vlmtui.session.request_control import RequestControl
from vlmtui.session.scheduler import FrontEnd, RequestQueue, ScheduledRequest, queue_turn, runs_foreign_code

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine

HOME = str(Path(__file__).parents[1])
_PROGRESS_INTERVAL = 0.1
_SUPERSEDED = "a newer question took its place"
_FORGET_S = 600.0
"""How long a front end whose line was cut may take to come back."""
_LAST_WORDS_S = 1.0


class SessionServer:
    """Serves front ends over lines. `private`: there is one, and the process ends with it.

    `end` leaves the process in order, with this status.
    """

    def __init__(self, log: str, private: bool, end: Callable[[int], None] = os._exit) -> None:
        self._log = log
        self._private = private
        self._end = end
        self._jobs = RequestQueue()
        self._fronts: list[FrontEnd] = []
        self._lock = threading.Lock()  # of the list of fronts, and of who is at which line
        self._engine: Engine | None = None
        self._doing = "importing torch"
        self._told = 0.0
        self._active = time.monotonic()
        write_log(f"{__version__} on Python {sys.version.split()[0]}, process {os.getpid()}")

    def serve(self, line: Connection) -> None:
        """Answer the front end at this line, in this thread, until it goes."""
        front = FrontEnd(line)
        with self._lock:
            self._fronts.append(front)
        line.send(wire.PREAMBLE)
        status = 0
        try:
            wire.read_preamble(line.read)
            while (body := wire.read_frame(line.read)) is not None:
                if (request := self._understood(front, body)) is not None:
                    front = self._receive(front, line, request)
        except ProtocolError as error:
            write_log(f"a front end sent something else than the protocol: {error}")
            status = 2
        except OSError as error:
            write_log(f"the line to a front end broke: {error}")
        except BaseException:
            traceback.print_exc()
            status = 3
        if self._private:
            if status:
                line.finish(_LAST_WORDS_S)
            # the front end has gone, however it went: nothing may hold the GPU a moment longer
            os._exit(status)
        self._gone(front, line)

    def quiet(self) -> float:
        """For how many seconds nobody has used the session: 0 while somebody does."""
        with self._lock:
            used = any(front.line is not None and front.asked for front in self._fronts)
        return 0.0 if used or self._jobs.busy else time.monotonic() - self._active

    # -- the readers' threads

    def _understood(self, front: FrontEnd, body: bytes) -> m.Request | None:
        """The request in a frame. One that is not understood is answered so; raised is where it has not even a number.

        The line itself is well then, and all that this front end had read here is kept.
        """
        try:
            return m.decode_request(body)
        except ProtocolError as error:
            number = m.request_id(body)
            if number is None:
                raise
            write_log(f"a question was not understood: {error}")
            self._send(front, number, m.Failed(ProtocolError.kind, str(error)))
            return None

    def _receive(self, front: FrontEnd, line: Connection, request: m.Request) -> FrontEnd:
        """Answer, or pass on to the worker; the front end that it came from, which `Hello` may tell."""
        body = request.body
        match body:
            case m.Hello():
                return self._greet(front, line, request.id, body)
            case m.AskStatus():
                self._send(front, request.id, self._status())
            case m.Cancel(target):
                self._withdraw(
                    lambda job: job.front is front and job.request.id == target, "the question was withdrawn"
                )
                self._when_left(front, request.id, target)
            case m.Leave():
                front.client = ""
                self._send(front, request.id, m.Done())
            case m.Shutdown():
                write_log("ended because it was told to stop")
                self._send(front, request.id, m.Done())
                line.finish(_LAST_WORDS_S)
                self._end(0)
            case _:
                front.asked = True
                self._active = time.monotonic()
                job = ScheduledRequest(front, request)
                for older in self._jobs.add(job):
                    self._send(older.front, older.request.id, m.Failed(CancelledError.kind, _SUPERSEDED))
                if self._engine is None:
                    self._send(front, request.id, m.Progress(self._doing))
                elif self._jobs.running_for_another(front):
                    self._send(front, request.id, m.Progress("waiting for another front end's question"))
        return front

    def _greet(self, front: FrontEnd, line: Connection, request: int, hello: m.Hello) -> FrontEnd:
        resumed = False
        with self._lock:
            if hello.resume:
                known = next((one for one in self._fronts if one.client and one.client == hello.client), None)
                if known is not None:
                    self._fronts.remove(front)
                    if known.line is not None:
                        known.line.close()
                    known.line, front, resumed = line, known, True
            else:
                front.client = hello.client
        self._send(front, request, m.Welcome(wire.VERSION, __version__, os.getpid(), self._log, HOME, resumed))
        if hello.resume and not resumed:
            line.finish(_LAST_WORDS_S)
            line.close()  # what it is about to repeat makes no sense without what went before
        return front

    def _gone(self, front: FrontEnd, line: Connection) -> None:
        """A front end's line has ended. One that may come back is waited for, and its questions go on."""
        line.finish(0)
        line.close()
        now = time.monotonic()
        with self._lock:
            if front.line is line:
                front.line, front.left = None, now
                if front.asked:
                    self._active = now
            self._fronts = [
                one for one in self._fronts if one.line is not None or (one.client and now - one.left < _FORGET_S)
            ]
            forgotten = front not in self._fronts
        if forgotten:
            self._jobs.withdraw(lambda job: job.front is front)

    def _withdraw(self, which: Callable[[ScheduledRequest], bool], why: str) -> None:
        """Answer for these jobs at once; what is running of them is not heard again."""
        for job in self._jobs.withdraw(which):
            self._send(job.front, job.request.id, m.Failed(CancelledError.kind, why))

    def _when_left(self, front: FrontEnd, number: int, target: int) -> None:
        """Answer the request `number`, which has withdrawn `target`: at once, but where a lens that is not built in
        runs for it, when that has really left."""
        job = self._jobs.running(front, target)
        if job is None or not runs_foreign_code(job.request.body):
            self._send(front, number, m.Done())
            return
        job.cancels.append(number)
        job.left.then(lambda: self._send(front, number, m.Done()))

    def _status(self) -> m.Status:
        engine = self._engine
        # nothing is imported here: an import in this thread would wait for the worker's
        doing = self._doing
        with self._lock:
            clients = sum(front.line is not None and front.asked for front in self._fronts)
        idle = 0.0 if self._jobs.busy else time.monotonic() - self._active
        if engine is None:
            return m.Status(os.getpid(), None, 0, 0, 0, None, None, (), doing, clients, idle)
        return msgspec.structs.replace(engine.status(doing), clients=clients, idle=idle)

    # -- the worker's thread

    def work(self) -> None:
        """Import torch, then answer what needs the model, one question at a time; never returns."""
        self._import()
        while True:
            self._answer(self._jobs.next(self._rest))

    def _rest(self) -> None:
        self._doing = ""
        if self._engine is not None:
            self._engine.rest()

    def _import(self) -> None:
        try:
            from vlmtui.session.engine import Engine

            self._engine = Engine()
        except BaseException:
            # without torch there is no session: the log says why, and the front end sees the status
            traceback.print_exc()
            sys.stderr.flush()
            self._end(4)

    def _answer(self, job: ScheduledRequest) -> None:
        assert self._engine is not None
        answer: m.Answer
        try:
            answer = self._do(job, self._engine)
        except (CancelledError, Cancelled) as error:
            answer = m.Failed(CancelledError.kind, str(error))
        except VlmtuiError as error:
            traceback.print_exc()
            answer = m.Failed(error.kind, str(error), traceback.format_exc())
        except Exception as error:
            traceback.print_exc()
            known = self._engine.state.explain(error)
            answer = m.Failed(known.kind, str(known), traceback.format_exc())
        self._active = time.monotonic()
        if self._jobs.done(job):
            self._send(job.front, job.request.id, answer)

    def _do(self, job: ScheduledRequest, engine: Engine) -> m.Answer:
        front = job.front

        def progress(doing: str, done: int = 0, total: int = 0) -> None:
            if job.withdrawn.is_set():
                raise CancelledError(_SUPERSEDED)
            now = time.monotonic()
            if doing == self._doing and now - self._told < _PROGRESS_INTERVAL:
                return
            self._doing, self._told = doing, now
            self._send(front, job.request.id, m.Progress(doing, done, total))

        def should_stop() -> bool:
            while (quick := self._jobs.quick(job)) is not None:
                self._answer(quick)
            return job.withdrawn.is_set()

        def tell(note: m.Note) -> None:
            self._send(front, job.request.id, note)

        def still() -> None:
            for number in job.cancels:
                self._send(front, number, m.Progress(self._doing))

        control = RequestControl(progress, should_stop, tell, lambda: self._jobs.following(job), job.withdrawn, still)
        body = job.request.body
        match body:
            case m.Load():
                loaded = engine.state.load(body, progress)
                front.load, front.holds = body, engine.state.origin
                return loaded
            case m.Read() | m.ReadMany() | m.Compute(reading="") if (
                front.load is not None and front.holds != engine.state.origin
            ):
                engine.state.load(front.load, progress)
                front.holds = engine.state.origin
            case m.Compute() if doing := queue_turn(body).doing:
                self._doing = doing
        return engine.answer(body, control)

    # -- both

    def _send(self, front: FrontEnd, request: int, body: m.Answer | m.Note) -> None:
        line = front.line
        if line is None or (line.crowded and isinstance(body, m.Note)):
            return
        try:
            data = wire.frame(m.Reply(request, body))
        except (VlmtuiError, TypeError, ValueError) as error:
            traceback.print_exc()
            data = wire.frame(
                m.Reply(request, m.Failed(ProtocolError.kind, f"the answer cannot cross the pipe: {error}"))
            )
        line.send(data)


def write_log(text: str) -> None:
    """A line for the log."""
    print(f"vlmtui session: {text}", file=sys.stderr, flush=True)
