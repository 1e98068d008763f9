"""What front ends have asked of the model: one queue for all of them, and whose question takes the place of which."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from vlmtui.lenses.base import LensSchedule
from vlmtui.lenses.registry import find_lens
from vlmtui.lenses.source import LensSource
from vlmtui.session import protocol as m
from vlmtui.session.connection import Connection
from vlmtui.session.request_control import CallbackEvent


@dataclass(eq=False)
class FrontEnd:
    """A front end: its line, None while that is cut; the model it works with, and what that was made from.

    `client` is the word by which it is known again; `left` when its line was lost; `asked` whether it has ever asked
    for more than how the session is.
    """

    line: Connection | None
    client: str = ""
    load: m.Load | None = None
    holds: object = None
    left: float = 0.0
    asked: bool = False


@dataclass(eq=False)
class ScheduledRequest:
    """A request that waits for the worker, or is worked on. `left` is set when the worker has done with it.

    `cancels` are the numbers of the requests that withdraw it, and are answered then.
    """

    front: FrontEnd
    request: m.Request
    withdrawn: CallbackEvent = field(default_factory=CallbackEvent)
    left: CallbackEvent = field(default_factory=CallbackEvent)
    cancels: list[int] = field(default_factory=list)

    def replaces(self, other: ScheduledRequest) -> bool:
        """Whether the person has moved on from `other` to this: the latest of a front end and of a kind wins.

        What was asked because there was nothing else to do gives way to whatever is asked next.
        """
        if self.front is not other.front or self.request.id <= other.request.id:
            return False
        if isinstance(self.request.body, m.ReadMany) and isinstance(other.request.body, m.ReadMany):
            return False  # nobody has moved on: the one is read while the other is on its way
        return supersedes(self.request.body, other.request.body)


def supersedes(body: m.Question, other: m.Question) -> bool:
    """Whether a question takes the place of an earlier one of the same front end."""
    if isinstance(body, m.Hello | m.AskStatus | m.Cancel | m.Leave | m.Shutdown):
        return False  # these wait for nobody
    return request_kind(body) == request_kind(other) or (is_idle(other) and not is_idle(body))


def runs_foreign_code(body: m.Question) -> bool:
    """Whether code that is not vlmtui's own is run for it: that of a lens which is not built in."""
    if isinstance(body, m.Describe):
        return body.lens is None or _of_others(body.lens)
    return isinstance(body, m.Compute) and _of_others(body.lens)


def _of_others(lens: LensSource) -> bool:
    return lens.foreign or find_lens(lens.name) is None


def request_kind(body: m.Question) -> str:
    """Questions of one kind take each other's place: loading, reading, words of one patch, words of many."""
    if isinstance(body, m.Compute):
        if group := queue_turn(body).group:
            return group
        # what is asked of the model alone, such as to read texts, is no earlier question about a reading
        of = "" if body.reading else " of none"
        return f"{body.lens.name} {body.lens.sha256}{' of one' if _alone(body) else of}"
    if isinstance(body, m.Describe) and body.lens is not None:
        return f"{type(body).__name__} {body.lens.shown} {body.lens.sha256}"
    return type(body).__name__


def is_idle(body: m.Question) -> bool:
    """Whether it was asked because there was nothing else to do."""
    return isinstance(body, m.Compute) and body.idle


def may_interrupt(body: m.Question, amidst: m.Question) -> bool:
    """Whether a question is for one patch, and may be answered amidst another, which takes long."""
    lets_in = _lets_in(amidst)
    return bool(lets_in) and _quick(body) and (lets_in == "any" or _at_rest(body))


def queue_turn(body: m.Question) -> LensSchedule:
    """A question's turn in the queue: that of the built-in lens that it asks for."""
    lens = find_lens(body.lens.name) if isinstance(body, m.Compute) and not body.lens.foreign else None
    return lens.turn if lens else LensSchedule()


def _alone(body: m.Compute) -> bool:
    return body.entries is not None and len(body.entries) == 1


def _quick(body: m.Question) -> bool:
    """Whether it is for one patch."""
    if not isinstance(body, m.Compute):
        return False
    beside = queue_turn(body).beside
    return beside == "always" or (beside == "one" and _alone(body))


def _at_rest(body: m.Question) -> bool:
    """Whether it is answered from what is kept of a reading, without running the model."""
    return isinstance(body, m.Compute) and body.stage == "tokens" and not body.idle and not queue_turn(body).runs


def _lets_in(amidst: m.Question) -> str:
    """Which quick questions may be answered amidst it: "any", or "tokens", those that do not run the model."""
    match amidst:
        case m.Generate():  # the model is at work
            return "tokens"
        case m.ReadMany():
            return "any"
        case m.Compute():
            return "" if _quick(amidst) else queue_turn(amidst).lets_in
    return ""


class RequestQueue:
    """First come, first served. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._waiting: deque[ScheduledRequest] = deque()
        self._running: list[ScheduledRequest] = []  # more than one where a quick question is answered amidst a long one

    def add(self, job: ScheduledRequest) -> list[ScheduledRequest]:
        """Take in a job; those that are withdrawn for it, which may be itself: a line that was cut repeats itself."""
        with self._wake:
            known = [*self._waiting, *self._running]
            if any(job.front is other.front and job.request.id == other.request.id for other in known):
                return []
            if any(other.replaces(job) for other in known):
                return [job]
            self._waiting.append(job)
            self._wake.notify()
        return self.withdraw(job.replaces)

    def withdraw(self, which: Callable[[ScheduledRequest], bool]) -> list[ScheduledRequest]:
        """Take back these jobs, and list them: what waits is dropped, what runs stops at its next look."""
        with self._wake:
            found = [job for job in (*self._waiting, *self._running) if which(job) and not job.withdrawn.is_set()]
            for job in found:
                job.withdrawn.set()
                if job in self._waiting:
                    self._waiting.remove(job)
        return found

    def next(self, on_idle: Callable[[], None]) -> ScheduledRequest:
        """The next job, as soon as there is one; `on_idle` is called where that must be waited for."""
        with self._wake:
            if not self._waiting:
                on_idle()
            while not self._waiting:
                self._wake.wait()
            job = self._waiting.popleft()
            self._running.append(job)
        return job

    def quick(self, amidst: ScheduledRequest) -> ScheduledRequest | None:
        """A question for one patch that may be answered between two blocks, or two tokens, of `amidst`."""
        with self._wake:
            before: list[FrontEnd] = []
            for job in self._waiting:
                # what its front end asked before it must be done before it
                if may_interrupt(job.request.body, amidst.request.body) and job.front not in before:
                    self._waiting.remove(job)
                    self._running.append(job)
                    return job
                before.append(job.front)
        return None

    def following(self, running: ScheduledRequest) -> m.Question | None:
        """What comes after a job, where that is already known and of the same front end."""
        with self._wake:
            first = self._waiting[0] if self._waiting else None
        return first.request.body if first is not None and first.front is running.front else None

    def done(self, job: ScheduledRequest) -> bool:
        """The job is done; whether its answer is still wanted."""
        with self._wake:
            self._running.remove(job)
            wanted = not job.withdrawn.is_set()
        job.left.set()
        return wanted

    def running(self, front: FrontEnd, number: int) -> ScheduledRequest | None:
        """The job that is worked on for this request of a front end."""
        with self._wake:
            there = (job for job in self._running if job.front is front and job.request.id == number)
            return next(there, None)

    @property
    def busy(self) -> bool:
        """Whether anything waits or runs."""
        with self._wake:
            return bool(self._waiting or self._running)

    def running_for_another(self, front: FrontEnd) -> bool:
        """Whether the worker is at a question of another front end than this."""
        with self._wake:
            return any(job.front is not front for job in self._running)
