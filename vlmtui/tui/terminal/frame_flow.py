"""Flow of frames: when the next one may be sent, by the terminal's answers to what was sent before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

TRIES = 2
"""Questions without an answer after which a terminal that has never answered is asked no more."""
FIRST_PATIENCE_S = 1.0
"""How long the answer of a terminal that has not answered yet is waited for."""
PATIENCE_S = 2.0
SLOWEST = 4_000.0
"""Bytes a second of the slowest line: a longer frame is waited for longer."""


class FrameFlow:
    """One frame in flight: after each the terminal is asked where its cursor is, and it answers when it has read the
    frame. Frames and answers may be noted in different threads. `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._answers = False
        self._tries = 0
        self._unanswered = 0
        self._deadline = 0.0

    @property
    def answers(self) -> bool:
        """Whether the terminal has ever answered."""
        return self._answers

    @property
    def waits_for_answer(self) -> bool:
        """Whether an answer is on its way."""
        return self._unanswered > 0

    @property
    def asks(self) -> bool:
        """Whether the next frame ends with a question."""
        return self._answers or self._tries < TRIES

    def sent(self, size: int) -> None:
        """Note that a frame of `size` bytes was sent with a question."""
        with self._lock:
            self._unanswered += 1
            self._tries += 1
            patience = PATIENCE_S + size / SLOWEST if self._answers else FIRST_PATIENCE_S
            self._deadline = self._clock() + patience

    def answered(self) -> None:
        """Note an answer of the terminal."""
        with self._lock:
            self._answers = True
            self._tries = 0
            self._unanswered = max(0, self._unanswered - 1)

    def wait(self) -> float:
        """Seconds until the next frame may be sent though no answer has come; 0 where it may be sent now."""
        with self._lock:
            left = self._deadline - self._clock()
            if not self._unanswered or left <= 0:
                # an answer that was lost must not slow down all that follows
                self._unanswered = 0
                return 0.0
            return left
