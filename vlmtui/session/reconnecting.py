"""Reconnecting client of a session: sends questions, matches answers to them, and survives a cut connection.

After a connection to another machine was cut it connects again, and repeats the questions without an answer.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import secrets
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from vlmtui._version import __version__
from vlmtui.errors import CancelledError, ProtocolError, SessionError, UsageError, VlmtuiError
from vlmtui.lenses.validation import validated
from vlmtui.session import protocol as m
from vlmtui.session import wire
from vlmtui.session.pending_question import PendingQuestion, fail_future
from vlmtui.session.scheduler import runs_foreign_code, supersedes
from vlmtui.session.third_party.deadline import LensDeadline
from vlmtui.session.transport import Link, PipeLink

OnProgress = Callable[[m.Progress], None]
OnAnswerProgress = Callable[[m.AnswerProgress], None]

PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
"""Seconds to wait before each attempt to connect again."""


class ReconnectingClient:
    """A front end's end of the link to a session.

    `on_death` is called once, from another thread, with the reason, should the session die by itself or be lost.
    `again` makes a new link where the session outlives this one; `on_line` is called with a sentence when that is
    being tried, and with "" when it has succeeded. `note` is what the user should know of how this session was
    chosen, or "".
    """

    def __init__(
        self,
        link: Link,
        on_death: Callable[[str], None] | None = None,
        again: Callable[[], Link] | None = None,
        on_line: Callable[[str], None] | None = None,
        note: str = "",
    ) -> None:
        self.note = note
        self.on_progress: OnProgress | None = None
        """Called, from another thread, with the progress of questions that have no callback of their own."""
        self.readings: set[str] = set()
        """The ids of readings that the session keeps for this client."""
        self._let_go: deque[str] = deque()
        self._link = link
        self._on_death = on_death
        self._again = again
        self._on_line = on_line
        self._name = secrets.token_hex(16) if again else ""
        self._lock = threading.Lock()
        self._pending: dict[int, PendingQuestion] = {}
        self._ids = itertools.count(1)
        self._outbox: queue.SimpleQueue[m.Request | None] = queue.SimpleQueue()
        self._death: str | None = None
        self._closed = False
        self._deadlines: list[LensDeadline] = []  # of foreign lenses that were told to stop and have not yet
        self._closing = threading.Event()
        self.welcome = self._open(link, resume=False)
        """The session's greeting: its version, process and log."""
        self._reader = threading.Thread(target=self._read, name="session-reader", daemon=True)
        self._reader.start()

    @property
    def where(self) -> str:
        """The name of the session, for the user."""
        return self._link.where

    @property
    def shared(self) -> bool:
        """Whether the session serves other front ends too, and outlives this one."""
        return not isinstance(self._link, PipeLink)

    @property
    def far(self) -> bool:
        """Whether it is on another machine."""
        return self._again is not None

    @property
    def pid(self) -> int | None:
        """The process id of the session on its machine; None until it has greeted."""
        return self._link.pid

    @property
    def log(self) -> Path | None:
        """The path of the session's log on its machine; None until it has greeted."""
        return self._link.log

    @property
    def alive(self) -> bool:
        """Whether questions can still be asked."""
        return self._death is None and not self._closed and (self._again is not None or self._link.alive)

    def cancel(self, future: Future[Any]) -> None:
        """Withdraw a question: its future fails with `CancelledError` now, and its answer is ignored."""
        with self._lock:
            target = next((i for i, pending in self._pending.items() if pending.future is future), None)
            pending = self._pending.pop(target) if target is not None else None
        if target is not None and pending is not None:
            self._withdraw(target, pending.body)
            pending.fail(CancelledError("the request was cancelled"))

    def leave_lenses(self) -> None:
        """Withdraw the questions to foreign lenses, and wait until these have stopped.

        Where one does not, the session is ended. A second Ctrl-C ends the wait.
        """
        with self._lock:
            futures = [one.future for one in self._pending.values() if runs_foreign_code(one.body)]
        for future in futures:
            self.cancel(future)
        with contextlib.suppress(KeyboardInterrupt):
            for deadline in list(self._deadlines):
                deadline.wait()

    def close(self) -> None:
        """Disconnect; a private session ends with it, at once. Pending questions fail with `CancelledError`.

        In a shared session a foreign lens that runs for this front end is stopped first.
        """
        if self.shared:
            self.leave_lenses()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            link, outbox = self._link, self._outbox
        self._closing.set()
        if self._name:
            outbox.put(m.Request(next(self._ids), m.Leave()))
        else:
            link.cut()
        outbox.put(None)
        self._fail_all(CancelledError("the session was closed"))
        link.reap()

    def ask(
        self,
        body: m.Question,
        unpack: Callable[[Any], Any],
        on_progress: OnProgress | None = None,
        on_token: OnAnswerProgress | None = None,
    ) -> Future[Any]:
        """Ask a question; the future is of what `unpack` makes of the answer. The callbacks are called from another
        thread, before that."""
        future: Future[Any] = Future()
        superseded: list[tuple[int, PendingQuestion]] = []
        with self._lock:
            reason = "it was closed; open another" if self._closed else self._death
            number = next(self._ids)
            if reason is None:
                # the session withdraws what this supersedes; whether a foreign lens really stops is watched here
                superseded = [
                    (earlier, one)
                    for earlier, one in self._pending.items()
                    if runs_foreign_code(one.body) and supersedes(body, one.body)
                ]
                for earlier, _ in superseded:
                    del self._pending[earlier]
                self._pending[number] = PendingQuestion(body, future, unpack, on_progress or self.on_progress, on_token)
                self._outbox.put(m.Request(number, body))
        if reason is not None:
            met = self.welcome.done() and self.welcome.exception() is None
            lost = f"the connection to {self.where}" if self.shared else "the model session"
            fail_future(future, SessionError(f"{lost} has ended: {reason}" if met else reason))
        for earlier, one in superseded:
            self._withdraw(earlier, one.body)
            one.fail(CancelledError("replaced by a newer request"))
        return future

    def _withdraw(self, target: int, body: m.Question) -> None:
        """Withdraw a question; where a foreign lens may run for it, see to it that it stops."""
        if not runs_foreign_code(body):
            self.ask(m.Cancel(target), lambda done: done)
            return
        lens = getattr(body, "lens", None)
        deadline = LensDeadline(lens.shown if lens is not None else "of another package", self._end)
        self._deadlines.append(deadline)
        stopped = self.ask(m.Cancel(target), lambda done: done, lambda note: deadline.extend())

        def met(_: object) -> None:
            deadline.met()
            with contextlib.suppress(ValueError):
                self._deadlines.remove(deadline)

        stopped.add_done_callback(met)

    def _end(self, lens: str) -> None:
        """End the session, for all front ends: a lens does not stop, and blocks everything else."""
        with self._lock:
            link, closed = self._link, self._closed
        if not closed and self._death is None:
            link.end(f"the lens {lens} did not stop, and its session was ended")

    def _open(self, link: Link, resume: bool) -> Future[m.Welcome]:
        """Begin to use a link: a greeting, then all questions without an answer."""

        def welcomed(welcome: m.Welcome) -> m.Welcome:
            _same_version(welcome)
            link.pid, link.log = welcome.pid, Path(welcome.log)
            if resume and not welcome.resumed:
                raise ProtocolError("the connected session has ended in the meantime")
            return welcome

        future: Future[m.Welcome] = Future()
        hello = m.Hello(release=__version__, client=self._name, resume=resume)
        with self._lock:
            waiting = sorted(self._pending.items())
            number = next(self._ids)
            self._pending[number] = PendingQuestion(hello, future, welcomed, None)
            self._link = link
            outbox: queue.SimpleQueue[m.Request | None] = queue.SimpleQueue()
            self._outbox = outbox
            outbox.put(m.Request(number, hello))
            for known, one in waiting:
                if not isinstance(one.body, m.Hello):
                    outbox.put(m.Request(known, one.body))
            if self._closed:
                outbox.put(None)
        threading.Thread(target=self._write, args=(link, outbox), name="session-writer", daemon=True).start()
        return future

    # -- in the writer's thread: a large image must not hold up whoever sends it

    def _write(self, link: Link, outbox: queue.SimpleQueue[m.Request | None]) -> None:
        try:
            link.write(wire.PREAMBLE)
            while (request := outbox.get()) is not None:
                try:
                    validated(request)  # an error goes to whoever asked, and the session never sees the request
                    data = wire.frame(request)
                except VlmtuiError as error:
                    self._settle(request.id, error)
                    continue
                except OverflowError:
                    said = "the request cannot be sent: a number in it has more than 64 bits: give a smaller one"
                    self._settle(request.id, UsageError(said))
                    continue
                except UnicodeEncodeError:
                    said = "the request cannot be sent: a text in it is not valid Unicode: type it again"
                    self._settle(request.id, UsageError(said))
                    continue
                except Exception as error:  # no argument, however wrong, may end this thread
                    self._settle(request.id, UsageError(f"the request cannot be sent: {error}"))
                    continue
                link.write(data)
        except (OSError, ValueError):
            pass  # the session died; the reader finds out why
        finally:
            link.end_of_writing()

    # -- in the reader's thread

    def _read(self) -> None:
        try:
            self._follow()
        except Exception as error:  # whatever went wrong here, nobody may wait for ever
            self._link.cut()
            self._died(f"its answers could not be read ({type(error).__name__}: {error})")

    def _follow(self) -> None:
        """Receive answers from one link after the other, until there is none."""
        link, greeting, tried = self._link, self.welcome, 0
        while True:
            fault = self._listen(link)
            if fault is not None and not link.at_end:
                link.cut()  # what no longer speaks the protocol must not be left running
            reason = link.why(fault)
            self._outbox.put(None)
            if _done_well(greeting):
                tried = 0
            known = _done_well(self.welcome)  # there is no second attempt at a session that was never reached
            if self._closed or not (known and link.was_cut and self._again and tried < len(PAUSES_S)):
                return self._died(reason)
            self._report_line(f"the connection to {link.where} was lost: reconnecting ({tried + 1} of {len(PAUSES_S)})")
            if self._closing.wait(PAUSES_S[tried]):
                return self._died(reason)
            tried += 1
            try:
                link = self._again()
            except VlmtuiError as error:
                return self._died(str(error))
            greeting = self._open(link, resume=True)
            greeting.add_done_callback(lambda hello: self._report_line("") if _done_well(hello) else None)

    def _listen(self, link: Link) -> str | None:
        """Receive answers until the link ends; a sentence where the other end no longer spoke the protocol."""
        try:
            wire.read_preamble(link.read)
            while (body := wire.read_frame(link.read)) is not None:
                self._deliver(body)
        except ProtocolError as error:
            return str(error)
        except (OSError, ValueError):
            pass
        finally:
            link.end_of_reading()
        return None

    def _deliver(self, body: bytes) -> None:
        """Give a reply to whoever waits for it, also one that cannot be understood; `ProtocolError` without an id."""
        try:
            reply = m.decode_reply(body)
        except ProtocolError as error:
            number = m.request_id(body)
            if number is None:
                raise
            self._settle(number, error)
            return
        if isinstance(reply.body, m.Note):
            self._notify(reply.id, reply.body)
        else:
            self._settle(reply.id, reply.body)

    def _report_line(self, sentence: str) -> None:
        if self._on_line is not None and not self._closed:
            self._on_line(sentence)

    def _notify(self, number: int, note: m.Note) -> None:
        with self._lock:
            pending = self._pending.get(number)
        if pending is not None:
            try:
                pending.notify(note)
            except Exception as error:  # an error of the caller's own callback goes to the caller
                self._settle(number, error)

    def _settle(self, number: int, answer: Any) -> None:
        """Give an answer, or an error, to whoever waits for it; `ProtocolError` for a greeting of another version."""
        with self._lock:
            pending = self._pending.pop(number, None)
        if pending is not None:
            pending.settle(answer)

    def _died(self, reason: str) -> None:
        with self._lock:
            self._death = reason
            tell = self._on_death if not self._closed else None
        self._fail_all(SessionError(reason))
        if tell is not None:
            tell(reason)

    def _fail_all(self, error: VlmtuiError) -> None:
        with self._lock:
            pending, self._pending = list(self._pending.values()), {}
        for one in pending:
            # an exception of its own for each: raising adds a traceback to it
            one.fail(type(error)(str(error)))


def _done_well(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _same_version(welcome: m.Welcome) -> m.Welcome:
    if welcome.version != wire.VERSION:
        older = "this vlmtui" if welcome.version > wire.VERSION else "the session"
        raise ProtocolError(
            f"the session uses protocol version {welcome.version} and this vlmtui {wire.VERSION}: update {older}"
        )
    return welcome
