"""A desk that answers as a session does, at once and from made-up readings: batches without a model."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tests.reports import made_reports
from vlmtui.errors import ImageError, SessionError
from vlmtui.images.image_file import ImageFile
from vlmtui.reading import ImageInfo, ModelInfo
from vlmtui.reports.run import ReportJob
from vlmtui.session.discovery import SessionLocation
from vlmtui.session.protocol import Outcome

MODEL = made_reports.reading(1, 1).model


class Desk:
    """One session: it dies of the pictures in `deadly`, and of its `dies_at`-th question, counted from 1."""

    def __init__(self, order: Desks) -> None:
        self._of, self.alive = order, True

    def load(self, model: str, **_: Any) -> Future[ModelInfo]:
        return _known(self._of.model)

    def read_many(self, pictures: Sequence[ImageFile], stage: str, *_: Any) -> Future[tuple[Outcome, ...]]:
        self._of.asked.append([picture.source for picture in pictures])
        self._of.heard(len(self._of.asked))
        if len(self._of.asked) == self._of.dies_at or any(p.source in self._of.deadly for p in pictures):
            self.alive = False
        if not self.alive:
            dead: Future[tuple[Outcome, ...]] = Future()
            dead.set_exception(SessionError("the model session was killed (signal 9)"))
            return dead
        return _known(tuple(outcome(picture, self._of.note) for picture in pictures))

    def close(self) -> None:
        self.alive = False


@dataclass(frozen=True)
class Desks(ReportJob):
    """An order whose sessions are desks; it notes what they are asked, and what a person is told."""

    model: ModelInfo = MODEL
    deadly: frozenset[str] = frozenset()
    dies_at: int = 0
    note: str = ""
    heard: Callable[[int], object] = lambda number: None
    asked: list[list[str]] = field(default_factory=list)
    started: list[Desk] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def start(self, progress: object) -> Any:
        self.started.append(Desk(self))
        return self.started[-1]

    @property
    def pictures(self) -> list[str]:
        """All that was asked about, one after the other."""
        return [name for batch in self.asked for name in batch]


def desks(sources: Sequence[str], output: Path, **changes: Any) -> Desks:
    """An order of these pictures."""
    told: list[str] = []
    return Desks(
        tuple(sources),
        SessionLocation(warm=False),
        str(output),
        True,
        lambda error: told.append(str(error)),
        told.append,
        several=True,
        told=told,
        **changes,
    )


def outcome(picture: ImageFile, note: str = "") -> Outcome:
    """What a desk says of a picture: that which its bytes give, or that they are none; with a note, if any."""
    if picture.data.startswith(b"bad"):
        return Outcome.failed(ImageError(f"{picture.source} is not an image that can be opened"))
    seed = zlib.crc32(picture.data)
    info = ImageInfo(picture.source, picture.sha256, 640, 427, (note,) if note else ())
    one = made_reports.reading(2, 3, seed=seed, image=info)
    return Outcome(reading=one, words=made_reports.words(one, 3, seed=seed))


def pictures(folder: Path, count: int, bad: Sequence[int] = ()) -> list[str]:
    """The paths of so many files, no two alike; those in `bad` are no pictures."""
    folder.mkdir(exist_ok=True)
    found = []
    for number in range(count):
        path = folder / f"p{number:03d}.png"
        path.write_bytes(b"bad" if number in bad else b"picture %d" % number)
        found.append(str(path))
    return found


def other(**changes: Any) -> ModelInfo:
    """The desk's model, otherwise held."""
    return msgspec.structs.replace(MODEL, **changes)


def _known(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future
