"""Signal handling: an orderly exit, which removes unfinished files and ends the session."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

_AGAIN = 0.01  # seconds until a lost exception is raised again
_told: list[int] = []


def told_to_exit() -> int | None:
    """The signal that last told to exit, after `exit_on_signals`; None where none did.

    A library may make another error of the exception that a signal raises: what is said of it is then of no use.
    """
    return _told[-1] if _told else None


def exit_on_signals() -> None:
    """Exit by an exception on SIGTERM, SIGHUP and SIGINT, whatever Python is doing.

    If a signal handler raises while Python runs a finaliser, Python prints the exception and discards it, and the
    program would continue. Such an exception is raised again.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        _told.append(number)
        _raise(number)

    def again(number: int, frame: FrameType | None) -> None:
        _raise(_told[-1])

    def unraisable(lost: Any) -> None:
        if _told and isinstance(lost.exc_value, KeyboardInterrupt | SystemExit):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        else:
            sys.__unraisablehook__(lost)

    sys.unraisablehook = unraisable
    signal.signal(signal.SIGALRM, again)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) != signal.SIG_IGN:  # a signal that nohup ignores stays ignored
            signal.signal(number, leave)


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
