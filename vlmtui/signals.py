"""Leaving in order when told to by a signal: a file half written is taken away, the session ended."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

_AGAIN = 0.01  # seconds


def exit_on_signals() -> None:
    """From now on SIGTERM, SIGHUP and SIGINT leave by an exception, whatever Python is doing.

    An exception that a signal raises while Python runs a finaliser is reported by it and lost: the program would go on
    as if it had not been told. Such a one is raised again.
    """
    told: list[int] = []

    def leave(number: int, frame: FrameType | None) -> None:
        told.append(number)
        _raise(number)

    def again(number: int, frame: FrameType | None) -> None:
        _raise(told[-1])

    def unraisable(lost: Any) -> None:
        if told and isinstance(lost.exc_value, KeyboardInterrupt | SystemExit):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        else:
            sys.__unraisablehook__(lost)

    sys.unraisablehook = unraisable
    signal.signal(signal.SIGALRM, again)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup stays in force
            signal.signal(number, leave)


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
