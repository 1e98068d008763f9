"""Server of a session: a thread for each front end reads its requests, and one worker answers what needs the model.

The readers never touch the model, so greetings, status and cancelling are answered whatever is going on. Every front
end gets its answers from the model that it has loaded: where another front end has loaded its own since, the model is
loaded again.
"""

from __future__ import annotations

import gc
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
_SUPERSEDED = "replaced by a newer request"
_FORGET_S = 600.0
"""How long a front end whose connection was cut may take to come back."""
_LAST_WORDS_S = 1.0


class SessionServer:
    """Serves front ends over connections. Where it is `private` there is one front end, and the process ends with it.

    `end` ends the process in good order, with the given exit status.
    """

    def __init__(self, log: str, private: bool, end: Callable[[int], None] = os._exit) -> None:
        self._log = log
        self._private = private
        self._end = end
        self._queue = RequestQueue()
        self._front_ends: list[FrontEnd] = []
        self._lock = threading.Lock()  # guards the list of front ends, and which connection is whose
        self._engine: Engine | None = None
        self._doing = "importing torch"
        self._reported_at = 0.0
        self._active_at = time.monotonic()
        write_log(f"{__version__} on Python {sys.version.split()[0]}, process {os.getpid()}")

    def serve(self, connection: Connection) -> None:
        """Answer the front end at this connection, in this thread, until it goes."""
        front_end = FrontEnd(connection)
        with self._lock:
            self._front_ends.append(front_end)
        connection.send(wire.PREAMBLE)
        status = 0
        try:
            wire.read_preamble(connection.read)
            while (body := wire.read_frame(connection.read)) is not None:
                if (request := self._decode(front_end, body)) is not None:
                    front_end = self._receive(front_end, connection, request)
        except ProtocolError as error:
            write_log(f"a client sent something other than the protocol: {error}")
            status = 2
        except OSError as error:
            write_log(f"the connection to a client was lost: {error}")
        except BaseException:
            traceback.print_exc()
            status = 3
        if self._private:
            if status:
                connection.finish(_LAST_WORDS_S)
            # the front end has gone, in whatever way: nothing may occupy the GPU a moment longer
            os._exit(status)
        self._disconnect(front_end, connection)

    def quiet(self) -> float:
        """For how many seconds nobody has used the session; 0 while somebody does."""
        with self._lock:
            used = any(one.connection is not None and one.active for one in self._front_ends)
        return 0.0 if used or self._queue.busy else time.monotonic() - self._active_at

    # -- in the readers' threads

    def _decode(self, front_end: FrontEnd, body: bytes) -> m.Request | None:
        """The request in a frame; one that cannot be understood is answered with the error.

        `ProtocolError` where it has not even an id. Otherwise the connection, and what is kept for this front end,
        stay in use.
        """
        try:
            return m.decode_request(body)
        except ProtocolError as error:
            request_id = m.request_id(body)
            if request_id is None:
                raise
            write_log(f"a request was not understood: {error}")
            self._send(front_end, request_id, m.Failed(ProtocolError.kind, str(error)))
            return None

    def _receive(self, front_end: FrontEnd, connection: Connection, request: m.Request) -> FrontEnd:
        """Answer a request, or queue it for the worker; the front end at the connection, which `Hello` may tell."""
        body = request.body
        match body:
            case m.Hello():
                return self._greet(front_end, connection, request.id, body)
            case m.AskStatus():
                self._send(front_end, request.id, self._status())
            case m.Cancel(target):
                self._withdraw(
                    lambda one: one.front_end is front_end and one.request.id == target, "the request was cancelled"
                )
                self._answer_cancel(front_end, request.id, target)
            case m.Leave():
                front_end.client = ""
                self._send(front_end, request.id, m.Done())
            case m.Shutdown():
                write_log("ended by session stop")
                self._send(front_end, request.id, m.Done())
                connection.finish(_LAST_WORDS_S)
                self._end(0)
            case _:
                front_end.active = True
                self._active_at = time.monotonic()
                for older in self._queue.add(ScheduledRequest(front_end, request)):
                    self._send(older.front_end, older.request.id, m.Failed(CancelledError.kind, _SUPERSEDED))
                if self._engine is None:
                    self._send(front_end, request.id, m.Progress(self._doing))
                elif self._queue.serves_another(front_end):
                    self._send(front_end, request.id, m.Progress("waiting for another client's request"))
        return front_end

    def _greet(self, front_end: FrontEnd, connection: Connection, request_id: int, hello: m.Hello) -> FrontEnd:
        resumed = False
        with self._lock:
            if hello.resume:
                known = next((one for one in self._front_ends if one.client and one.client == hello.client), None)
                if known is not None:
                    self._front_ends.remove(front_end)
                    if known.connection is not None:
                        known.connection.close()
                    known.connection, front_end, resumed = connection, known, True
            else:
                front_end.client = hello.client
        welcome = m.Welcome(wire.VERSION, __version__, os.getpid(), self._log, HOME, resumed)
        self._send(front_end, request_id, welcome)
        if hello.resume and not resumed:
            connection.finish(_LAST_WORDS_S)
            connection.close()  # what it is about to repeat makes no sense without what went before
        return front_end

    def _disconnect(self, front_end: FrontEnd, connection: Connection) -> None:
        """End a connection. A front end that may come back is waited for, and its requests go on."""
        connection.finish(0)
        connection.close()
        now = time.monotonic()
        with self._lock:
            if front_end.connection is connection:
                front_end.connection, front_end.left_at = None, now
                if front_end.active:
                    self._active_at = now
            here = [
                one
                for one in self._front_ends
                if one.connection is not None or (one.client and now - one.left_at < _FORGET_S)
            ]
            gone = [one for one in self._front_ends if one not in here]
            self._front_ends = here
        for left in gone:
            self._queue.withdraw(lambda one, left=left: one.front_end is left)  # type: ignore[misc]
            # its readings are of no use to anybody else
            for number, reading in enumerate(tuple(left.readings), 1):
                self._queue.add(ScheduledRequest(left, m.Request(-number, m.Forget(reading))))

    def _withdraw(self, which: Callable[[ScheduledRequest], bool], why: str) -> None:
        """Withdraw requests and answer them at once; the answers of those that run will not be sent."""
        for one in self._queue.withdraw(which):
            self._send(one.front_end, one.request.id, m.Failed(CancelledError.kind, why))

    def _answer_cancel(self, front_end: FrontEnd, request_id: int, target: int) -> None:
        """Answer the request `request_id`, which has withdrawn `target`.

        At once, unless a foreign lens runs for `target`: then as soon as that has really stopped.
        """
        running = self._queue.find_running(front_end, target)
        if running is None or not runs_foreign_code(running.request.body):
            self._send(front_end, request_id, m.Done())
            return
        running.cancels.append(request_id)
        running.finished.then(lambda: self._send(front_end, request_id, m.Done()))

    def _status(self) -> m.Status:
        engine = self._engine
        # nothing is imported here: an import in this thread would wait for the worker's
        doing = self._doing
        with self._lock:
            clients = sum(one.connection is not None and one.active for one in self._front_ends)
        idle = 0.0 if self._queue.busy else time.monotonic() - self._active_at
        if engine is None:
            return m.Status(os.getpid(), None, 0, 0, 0, None, None, (), doing, clients, idle)
        return msgspec.structs.replace(engine.status(doing), clients=clients, idle=idle)

    # -- in the worker's thread

    def work(self) -> None:
        """Import torch, then answer what needs the model, one request at a time; never returns."""
        self._import()
        while True:
            self._answer(self._queue.next(self._rest))

    def _rest(self) -> None:
        self._doing = ""
        if self._engine is not None:
            self._engine.rest()

    def _import(self) -> None:
        # to go through all that was imported takes a quarter of a second: the imports would do it several times, and
        # every load once
        gc.disable()
        try:
            from vlmtui.session.engine import Engine

            self._engine = Engine()
            gc.freeze()
            gc.enable()
        except BaseException:
            # without torch there is no session: the log says why, and the front end sees the exit status
            traceback.print_exc()
            sys.stderr.flush()
            self._end(4)

    def _answer(self, scheduled: ScheduledRequest) -> None:
        assert self._engine is not None
        answer: m.Answer
        try:
            answer = self._compute(scheduled, self._engine)
        except (CancelledError, Cancelled) as error:
            answer = m.Failed(CancelledError.kind, str(error))
        except VlmtuiError as error:
            traceback.print_exc()
            answer = m.Failed(error.kind, str(error), traceback.format_exc())
        except Exception as error:
            traceback.print_exc()
            explained = self._engine.state.explain(error)
            answer = m.Failed(explained.kind, str(explained), traceback.format_exc())
        self._active_at = time.monotonic()
        if isinstance(answer, m.ReadDone):
            scheduled.front_end.readings.add(answer.reading.id)
        if isinstance(scheduled.request.body, m.Forget):
            scheduled.front_end.readings.discard(scheduled.request.body.reading)
        if self._queue.finish(scheduled):
            self._send(scheduled.front_end, scheduled.request.id, answer)

    def _compute(self, scheduled: ScheduledRequest, engine: Engine) -> m.Answer:
        front_end, request_id, body = scheduled.front_end, scheduled.request.id, scheduled.request.body

        def progress(doing: str, done: int = 0, total: int = 0) -> None:
            if scheduled.withdrawn.is_set():
                raise CancelledError(_SUPERSEDED)
            now = time.monotonic()
            if doing == self._doing and now - self._reported_at < _PROGRESS_INTERVAL:
                return
            self._doing, self._reported_at = doing, now
            self._send(front_end, request_id, m.Progress(doing, done, total))

        def should_stop() -> bool:
            while (quick := self._queue.next_quick(scheduled)) is not None:
                self._answer(quick)
            return scheduled.withdrawn.is_set()

        def tell(note: m.Note) -> None:
            self._send(front_end, request_id, note)

        def following() -> m.Question | None:
            return self._queue.following(scheduled)

        def still() -> None:
            for cancel in scheduled.cancels:
                self._send(front_end, cancel, m.Progress(self._doing))

        control = RequestControl(progress, should_stop, tell, following, scheduled.withdrawn, still)
        match body:
            case m.Load():
                loaded = engine.state.load(body, progress)
                front_end.load, front_end.origin = body, engine.state.origin
                return loaded
            case m.Read() | m.ReadMany() | m.Compute(reading="") if (
                front_end.load is not None and front_end.origin != engine.state.origin
            ):
                engine.state.load(front_end.load, progress)
                front_end.origin = engine.state.origin
            case m.Compute() if doing := queue_turn(body).doing:
                self._doing = doing
        return engine.answer(body, control)

    # -- in any thread

    def _send(self, front_end: FrontEnd, request_id: int, body: m.Answer | m.Note) -> None:
        connection = front_end.connection
        if connection is None or (connection.crowded and isinstance(body, m.Note)):
            return
        try:
            data = wire.frame(m.Reply(request_id, body))
        except (VlmtuiError, TypeError, ValueError) as error:
            traceback.print_exc()
            failed = m.Failed(ProtocolError.kind, f"the result cannot be sent: {error}")
            data = wire.frame(m.Reply(request_id, failed))
        connection.send(data)


def write_log(text: str) -> None:
    """Write a line to the log."""
    print(f"vlmtui session: {text}", file=sys.stderr, flush=True)
