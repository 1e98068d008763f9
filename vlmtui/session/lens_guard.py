"""Running code that is not vlmtui's own so that it can be left: a lens from a file, or from another package.

When its question is withdrawn, `Cancelled` is raised at its next call of the context. After `STOP_S` seconds it is
raised in its own code, wherever that is, and again until it has left. Inside a call of the context nothing is ever
raised from outside: the model could be left half changed. What holds the interpreter's lock cannot be left at all, and
the front end ends the session.
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
"""How long a lens is given to call its context."""
AGAIN_S = 0.1
"""One that has caught it is told again."""
_STILL_S = 1.0
_OWN = 0
_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
)


class LensGuard:
    """One run of such code, in the thread that `run` is called in. Called, it gives what every call of the context is
    inside of."""

    def __init__(self, control: RequestControl) -> None:
        self._control = control
        self._thread = 0
        self._lock = threading.Lock()  # held while it is decided that an exception may be raised in the lens's code
        self._depth = 1  # of calls of the context, or of what is not the lens; `_OWN` while its own code runs
        self._over = threading.Event()
        self._left = False

    def run(self, work: Callable[[], T]) -> T:
        """What `work` gives; `CancelledError` where that is not waited for any more, whatever became of it."""
        withdrawn = self._control.withdrawn
        if withdrawn.is_set():
            raise CancelledError("the question was withdrawn")
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
            self._close()  # also where the last one came while it was closed
            if withdrawn.is_set() or (self._left and isinstance(error, Cancelled)):
                raise CancelledError("the question was withdrawn") from error
            raise
        if withdrawn.is_set():
            raise CancelledError("the question was withdrawn")
        return found[0]

    def __call__(self) -> _Inside:
        return _Inside(self)

    def enter(self) -> int:
        """A call of the context begins; how deep that is. Raises `Cancelled` where nobody waits any more."""
        if threading.get_ident() != self._thread:  # a thread of the lens's own
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
        """It has ended."""
        if threading.get_ident() != self._thread:
            return
        self._depth = before
        if before == _OWN and (self._control.withdrawn.is_set() or isinstance(error, CancelledError)):
            self._left = True
            raise Cancelled("nobody waits for this any more") from error

    def _check(self) -> None:
        if self._control.withdrawn.is_set():
            raise Cancelled("nobody waits for this any more")

    def _close(self) -> None:
        """The lens has returned: nothing is raised any more, and what was not raised yet is taken back."""
        with self._lock:
            self._depth = 1
            self._over.set()
        _clear(self._thread)

    # -- another thread's, from when it is withdrawn

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


class _Inside:
    """A call of the context."""

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
    """What stands behind the context, for a lens that is not built in: every method is a call of the context."""

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
    """Afterwards the model has no hook of such code, and torch the gradient mode and dtype that it had.

    `owns` says whether a file is that code's. The hooks of others stay: transformers sets its own as a model is run.
    """
    gradients, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        held = network()
        for module in held.modules() if held is not None else ():
            for name in _HOOKS:
                hooks = getattr(module, name, None) or {}
                for number in [number for number, hook in hooks.items() if owns(_file_of(hook))]:
                    del hooks[number]


def _file_of(hook: Any) -> str:
    """The file that a function, or whatever is called like one, comes from; "" where that is none."""
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
