"""Progress of a batch: images done, rate, and time left."""

from __future__ import annotations

import time
from collections.abc import Callable

from vlmtui.batch.manifest import Manifest
from vlmtui.batch.parts import FinishedPart
from vlmtui.session.protocol import Progress
from vlmtui.session.reconnecting import OnProgress


class BatchProgress:
    """Counts the images that are done, those of earlier commands included, and reports them.

    The rate is measured from the first part on: before that, a model is loaded.
    """

    def __init__(
        self, manifest: Manifest, made: set[int], progress: OnProgress, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._all, self._parts, self._progress, self._clock = manifest.sources.count, manifest.parts, progress, clock
        self.done = sum(len(manifest.places(part)) for part in made)
        self._here, self._began = len(made), 0.0
        self._since: int | None = None

    def add(self, made: FinishedPart) -> None:
        """Count one more part."""
        self.done += made.pictures
        self._here += 1
        if self._since is None:
            self._began, self._since = self._clock(), self.done
        self._progress(Progress(self.line()))

    def joining(self, part: int) -> None:
        """Report that a part is joined to the table."""
        self._progress(Progress(f"joining part {part + 1:,} of {self._parts:,}"))

    def line(self) -> str:
        """`1,280 of 1,000,000 images, 41 a second, 6 h 44 min left, part 20 of 15,625`."""
        said = [f"{self.done:,} of {self._all:,} images"]
        past = self._clock() - self._began
        if self._since is not None and self.done > self._since and past > 0:
            rate = (self.done - self._since) / past
            said += [
                f"{rate:.3g} per second" if rate < 100 else f"{rate:.0f} per second",
                f"{_duration(self._left(rate))} left",
            ]
        return ", ".join([*said, f"part {self._here:,} of {self._parts:,}"])

    def sentence(self) -> str:
        """What is done, for a command that stops early."""
        return f"{self.done:,} of {self._all:,} images are done; run the same command again to resume"

    def _left(self, rate: float) -> float:
        return (self._all - self.done) / rate


def _duration(seconds: float) -> str:
    """`50 s`, `7 min`, `6 h 44 min`, `12 days 3 h`."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} days {hours % 24} h"
