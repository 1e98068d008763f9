"""Guard of a foreign lens, from a file or another package: runs its code so that it can be interrupted.

When its question is withdrawn, `Cancelled` is raised at its next call of the context. After `STOP_S` seconds it is
raised in the lens's own code, wherever that is, and again until the lens stops. Inside a call of the context nothing is
ever raised from outside, as the model could be left half changed. Code that holds the interpreter's lock cannot be
interrupted; then the front end ends the session.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import torch

from vlmtui.errors import Cancelled, CancelledError
from vlmtui.session.request_control import RequestControl

T = TypeVar("T")

STOP_S = 2.0
"""Seconds that a lens has to call its context, before it is interrupted."""
AGAIN_S = 0.1
"""Seconds until `Cancelled` is raised again in a lens that has caught it."""
_STILL_S = 1.0
"""Seconds between notes that the session's own code runs."""
_OWN = 0
_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
)


class LensGuard:
    """One run of a lens, in the thread that calls `run`. Calling the guard returns the context manager that every call
    of the lens's context enters."""

    def __init__(self, control: RequestControl) -> None:
        self._control = control
        self._thread = 0
        self._lock = threading.Lock()  # held while an exception is raised in the lens, or ruled out
        self._depth = 1  # of calls of the context; `_OWN` while the lens's own code runs
        self._over = threading.Event()
        self._left = False

    def run(self, work: Callable[[], T]) -> T:
        """Run `work` and return its result; `CancelledError` where nobody waits for it any more, however it ended."""
        withdrawn = self._control.withdrawn
        if withdrawn.is_set():
            raise CancelledError("the request was cancelled")
        self._thread = threading.get_ident()
        withdrawn.then(self._begin)
        found: list[T] = []
        try:
            try:
                self._depth = _OWN
                found.append(work())
            finally:
                self._close()
        except BaseException as error:
            self._close()  # again, where `Cancelled` came while it was closed
            if withdrawn.is_set() or (self._left and isinstance(error, Cancelled)):
                raise CancelledError("the request was cancelled") from error
            raise
        if withdrawn.is_set():
            raise CancelledError("the request was cancelled")
        return found[0]

    def __call__(self) -> _GuardedCall:
        return _GuardedCall(self)

    def enter(self) -> int:
        """Begin a call of the context; the depth before it. Raises `Cancelled` where nobody waits any more."""
        if threading.get_ident() != self._thread:  # a thread that the lens has started
            self._check()
            return 1
        before = self._depth
        if before != _OWN:
            self._depth = before + 1
            return before
        try:
            with self._lock:
                self._depth = 1
            _clear(self._thread)
            self._check()
        except BaseException:
            self._depth = _OWN
            raise
        return before

    def leave(self, before: int, error: BaseException | None) -> None:
        """End a call of the context."""
        if threading.get_ident() != self._thread:
            return
        self._depth = before
        if before == _OWN and (self._control.withdrawn.is_set() or isinstance(error, CancelledError)):
            self._left = True
            raise Cancelled("the request was cancelled") from error

    def _check(self) -> None:
        if self._control.withdrawn.is_set():
            raise Cancelled("the request was cancelled")

    def _close(self) -> None:
        """End the run: nothing is raised any more, and an exception that is still pending is removed."""
        with self._lock:
            self._depth = 1
            self._over.set()
        _clear(self._thread)

    # -- in another thread, once the request is withdrawn

    def _begin(self) -> None:
        if not self._over.is_set():
            threading.Thread(target=self._watch, name="lens-watcher", daemon=True).start()

    def _watch(self) -> None:
        if self._over.wait(STOP_S):
            return
        rounds = 0
        while True:
            with self._lock:
                if self._over.is_set():
                    return
                own = self._depth == _OWN
                if own:
                    _raise(self._thread, Cancelled)
            if not own and rounds % max(1, round(_STILL_S / AGAIN_S)) == 0:
                self._control.still()
            rounds += 1
            if self._over.wait(AGAIN_S):
                return


class _GuardedCall:
    """The context manager of a call of the context."""

    __slots__ = ("_before", "_guard")

    def __init__(self, guard: LensGuard) -> None:
        self._guard = guard

    def __enter__(self) -> None:
        self._before = self._guard.enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._guard.leave(self._before, error)


class GuardedModel:
    """`context.model` for a foreign lens: every use of it is a guarded call of the context."""

    def __init__(self, inside: object, guard: Callable[[], AbstractContextManager[Any]]) -> None:
        self._inside, self._guard = inside, guard

    def __getattr__(self, name: str) -> Any:
        with self._guard():
            found = getattr(self._inside, name)
        if not callable(found):
            return found

        def called(*args: Any, **options: Any) -> Any:
            with self._guard():
                return found(*args, **options)

        return called


@contextmanager
def torch_state_restored(network: Callable[[], torch.nn.Module | None], owns: Callable[[str], bool]) -> Iterator[None]:
    """Remove a lens's hooks from the model afterwards, and restore the gradient mode and default dtype of torch.

    `owns` says whether a file is the lens's. Other hooks stay: transformers sets its own when a model is run.
    """
    gradients, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        model = network()
        for module in model.modules() if model is not None else ():
            for name in _HOOKS:
                hooks = getattr(module, name, None) or {}
                for number in [number for number, hook in hooks.items() if owns(_file_of(hook))]:
                    del hooks[number]


def _file_of(hook: Any) -> str:
    """The file of the code of a callable; "" where it has none."""
    while isinstance(hook, partial):
        hook = hook.func
    function = getattr(hook, "__func__", hook)
    if not hasattr(function, "__code__"):
        function = getattr(type(hook), "__call__", None)  # noqa: B004
    return str(getattr(getattr(function, "__code__", None), "co_filename", ""))


def _raise(thread: int, kind: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))


def _clear(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), None)
