"""Scheduler of a session: one queue for the requests of all front ends, and which request supersedes which."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from vlmtui.lenses.base import LensSchedule
from vlmtui.lenses.lens_source import LensSource
from vlmtui.lenses.registry import find_lens
from vlmtui.session import protocol as m
from vlmtui.session.connection import Connection
from vlmtui.session.request_control import CallbackEvent


@dataclass(eq=False)
class FrontEnd:
    """A front end: its connection, None while that is cut; the model it works with, and what that was loaded from.

    `client` is the word by which it is recognised when it connects again; `left_at` is when its connection was lost,
    on the monotonic clock; `active` says whether it has ever asked for more than the session's status. `readings` are
    the ids of its readings that it has not let go.
    """

    connection: Connection | None
    client: str = ""
    load: m.Load | None = None
    origin: object = None
    left_at: float = 0.0
    active: bool = False
    readings: set[str] = field(default_factory=set)


@dataclass(eq=False)
class ScheduledRequest:
    """A request that waits for the worker, or that it is working on.

    `withdrawn` is set when nobody waits for the answer any more, `finished` when the worker has stopped working on it.
    `cancels` are the ids of the requests that withdraw it, and are answered once it has finished.
    """

    front_end: FrontEnd
    request: m.Request
    withdrawn: CallbackEvent = field(default_factory=CallbackEvent)
    finished: CallbackEvent = field(default_factory=CallbackEvent)
    cancels: list[int] = field(default_factory=list)

    def replaces(self, other: ScheduledRequest) -> bool:
        """Whether the user has moved on from `other` to this request: the latest of a front end and of a kind wins.

        Idle work gives way to whatever is asked next.
        """
        if self.front_end is not other.front_end or self.request.id <= other.request.id:
            return False
        if isinstance(self.request.body, m.ReadMany) and isinstance(other.request.body, m.ReadMany):
            return False  # these are pipelined: the one is read while the other is being sent
        return supersedes(self.request.body, other.request.body)


def supersedes(body: m.Question, other: m.Question) -> bool:
    """Whether a question replaces an earlier one of the same front end."""
    if isinstance(body, m.Hello | m.AskStatus | m.Cancel | m.Leave | m.Shutdown | m.Forget):
        return False  # these ask for no result
    return request_kind(body) == request_kind(other) or (is_idle(other) and not is_idle(body))


def runs_foreign_code(body: m.Question) -> bool:
    """Whether answering it runs the code of a lens that is not built in."""
    if isinstance(body, m.Describe):
        return body.lens is None or _is_foreign(body.lens)
    return isinstance(body, m.Compute) and _is_foreign(body.lens)


def _is_foreign(lens: LensSource) -> bool:
    return lens.foreign or find_lens(lens.name) is None


def request_kind(body: m.Question) -> str:
    """The kind of a question; those of one kind replace each other: loading, reading, words of one patch, of many."""
    if isinstance(body, m.Compute):
        if group := queue_turn(body).group:
            return group
        # a question to the model alone, such as to read texts, is no earlier question about a reading
        of = "" if body.reading else " of none"
        return f"{body.lens.name} {body.lens.sha256}{' of one' if _of_one_entry(body) else of}"
    if isinstance(body, m.Describe) and body.lens is not None:
        return f"{type(body).__name__} {body.lens.shown} {body.lens.sha256}"
    return type(body).__name__


def is_idle(body: m.Question) -> bool:
    """Whether it is idle work, asked for because there was nothing else to do."""
    return isinstance(body, m.Compute) and body.idle


def may_interrupt(body: m.Question, running: m.Question) -> bool:
    """Whether a question is quick enough to be answered in the middle of `running`, which takes long."""
    allowed = _allowed_amidst(running)
    return bool(allowed) and _is_quick(body) and (allowed == "any" or _runs_no_model(body))


def queue_turn(body: m.Question) -> LensSchedule:
    """How a question is scheduled: as its built-in lens says, or by default."""
    lens = find_lens(body.lens.name) if isinstance(body, m.Compute) and not body.lens.foreign else None
    return lens.turn if lens else LensSchedule()


def _of_one_entry(body: m.Compute) -> bool:
    return body.entries is not None and len(body.entries) == 1


def _is_quick(body: m.Question) -> bool:
    """Whether it is about a single patch or token."""
    if not isinstance(body, m.Compute):
        return False
    beside = queue_turn(body).beside
    return beside == "always" or (beside == "one" and _of_one_entry(body))


def _runs_no_model(body: m.Question) -> bool:
    """Whether it is answered from what is kept of a reading, without running the model."""
    return isinstance(body, m.Compute) and body.stage == "tokens" and not body.idle and not queue_turn(body).runs


def _allowed_amidst(running: m.Question) -> str:
    """Which quick questions may be answered in the middle of it: "any", "tokens" (no run of the model), or none, ""."""
    match running:
        case m.Generate():  # the model itself is being run
            return "tokens"
        case m.ReadMany():
            return "any"
        case m.Compute():
            return "" if _is_quick(running) else queue_turn(running).lets_in
    return ""


class RequestQueue:
    """The requests of all front ends, first come, first served. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[ScheduledRequest] = deque()
        self._running: list[ScheduledRequest] = []  # several where a quick question interrupts a long one

    def add(self, new: ScheduledRequest) -> list[ScheduledRequest]:
        """Add a request, and list those that are withdrawn for it; that may be itself.

        A front end that has reconnected repeats its requests: one that is known is not added again.
        """
        with self._changed:
            known = [*self._waiting, *self._running]
            if any(new.front_end is one.front_end and new.request.id == one.request.id for one in known):
                return []
            if any(one.replaces(new) for one in known):
                return [new]
            self._waiting.append(new)
            self._changed.notify()
        return self.withdraw(new.replaces)

    def withdraw(self, which: Callable[[ScheduledRequest], bool]) -> list[ScheduledRequest]:
        """Withdraw requests, and list them: one that waits is dropped, one that runs stops when it next checks."""
        with self._changed:
            found = [one for one in (*self._waiting, *self._running) if which(one) and not one.withdrawn.is_set()]
            for one in found:
                one.withdrawn.set()
                if one in self._waiting:
                    self._waiting.remove(one)
        return found

    def next(self, on_idle: Callable[[], None]) -> ScheduledRequest:
        """The next request, which is running from then on; `on_idle` is called before waiting where there is none."""
        with self._changed:
            if not self._waiting:
                on_idle()
            while not self._waiting:
                self._changed.wait()
            first = self._waiting.popleft()
            self._running.append(first)
        return first

    def next_quick(self, running: ScheduledRequest) -> ScheduledRequest | None:
        """A quick question that may be answered between two blocks, or two tokens, of `running`; None without one."""
        with self._changed:
            passed: list[FrontEnd] = []
            for one in self._waiting:
                # a front end's requests are answered in their order
                if may_interrupt(one.request.body, running.request.body) and one.front_end not in passed:
                    self._waiting.remove(one)
                    self._running.append(one)
                    return one
                passed.append(one.front_end)
        return None

    def following(self, running: ScheduledRequest) -> m.Question | None:
        """The question that comes next, where the same front end has asked it already."""
        with self._changed:
            first = self._waiting[0] if self._waiting else None
        return first.request.body if first is not None and first.front_end is running.front_end else None

    def finish(self, one: ScheduledRequest) -> bool:
        """End the work on a request; whether its answer is still wanted."""
        with self._changed:
            self._running.remove(one)
            wanted = not one.withdrawn.is_set()
        one.finished.set()
        return wanted

    def find_running(self, front_end: FrontEnd, request_id: int) -> ScheduledRequest | None:
        """The running request of a front end with this id; None where it does not run."""
        with self._changed:
            found = (one for one in self._running if one.front_end is front_end and one.request.id == request_id)
            return next(found, None)

    @property
    def busy(self) -> bool:
        """Whether any request waits or runs."""
        with self._changed:
            return bool(self._waiting or self._running)

    def serves_another(self, front_end: FrontEnd) -> bool:
        """Whether the worker is at a request of another front end."""
        with self._changed:
            return any(one.front_end is not front_end for one in self._running)
