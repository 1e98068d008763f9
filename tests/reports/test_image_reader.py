"""Many pictures, one session: what goes on, what stops, and that nothing stays behind. The session is played."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.images.test_decoding import encoded
from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.errors import ModelError, OutOfMemoryError, ReadingGoneError, SessionError, UsageError, VlmtuiError
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.patches import PatchPosition
from vlmtui.reports.image_reader import read_reports
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.per_image import ImageFailure


def done(value: Any) -> Future[Any]:
    """A future that is, with a value or an error."""
    future: Future[Any] = Future()
    if isinstance(value, Exception):
        future.set_exception(value)
    else:
        future.set_result(value)
    return future


class Played:
    """Plays `SessionClient`: answers from lists, and notes what it was asked."""

    def __init__(self, *reads: Any, load: Any = None) -> None:
        self.reading = made_reports.reading(3, 4)
        self._load = load or self.reading.model
        self._reads = list(reads)
        self.asked: list[Any] = []
        self.closed = False

    def forget_all(self) -> None:
        pass

    def load(self, model: str, **options: Any) -> Future[Any]:
        self.asked.append(("load", model))
        return done(self._load)

    def read(self, image: Any, **options: Any) -> Future[Any]:
        self.asked.append(("read", image.source))
        return done((self._reads.pop(0) if self._reads else None) or self.reading)

    def words(self, reading: str, metric: str, k: int, tokens: Any = None, **_: Any) -> Future[Any]:
        self.asked.append(("words", tokens))
        return done(made_reports.words(self.reading, k))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    """Three pictures."""
    names = [str(tmp_path / f"{i}.png") for i in range(3)]
    for name in names:
        Path(name).write_bytes(encoded(Image.new("RGB", (4, 4))))
    return names


def run(names: list[str], *sessions: Played, **query: Any) -> list[Any]:
    waiting = list(sessions)
    return list(read_reports(tuple(names), query_of("tiny", **query), lambda: waiting.pop(0)))  # type: ignore[arg-type,return-value]


def test_the_model_is_loaded_once(photos: list[str]) -> None:
    session = Played()
    found = run(photos, session)
    assert [type(one) for one in found] == [ImageReport] * 3
    assert [what for what, _ in session.asked] == ["load", "read", "words", "read", "words", "read", "words"]
    assert session.closed


def test_no_session_for_pictures_that_cannot_be_read(tmp_path: Path) -> None:
    (found,) = run([str(tmp_path / "no.png")])
    assert isinstance(found, ImageFailure)


def test_a_picture_that_fails_does_not_stop_the_rest(photos: list[str]) -> None:
    Path(photos[0]).write_bytes(b"no picture")
    session = Played(OutOfMemoryError("too large: choose a smaller dtype"), None)
    found = run(photos, session)
    assert [type(one) for one in found] == [ImageFailure, ImageFailure, ImageReport]
    assert isinstance(found[1].error, OutOfMemoryError)
    assert session.closed


def test_a_session_that_dies_is_replaced(photos: list[str]) -> None:
    first, second = Played(None, SessionError("it was killed")), Played()
    found = run(photos, first, second)
    assert [type(one) for one in found] == [ImageReport, ImageFailure, ImageReport]
    assert first.closed
    assert second.closed
    assert [name for what, name in second.asked if what == "read"] == [photos[2]]


def test_a_reading_that_is_gone_is_read_again(photos: list[str]) -> None:
    class Shared(Played):
        """A session in which another front end loads its model between a reading and its words, so many times."""

        gone = 2

        def words(self, *question: Any, **options: Any) -> Future[Any]:
            self.gone -= 1
            return (
                super().words(*question, **options) if self.gone < 0 else done(ReadingGoneError("no longer in memory"))
            )

    session = Shared()
    (found,) = run(photos[:1], session)
    assert isinstance(found, ImageReport)
    assert [name for what, name in session.asked if what == "read"] == [photos[0]] * 3
    session = Shared()
    session.gone = 99
    (failed,) = run(photos[:1], session)
    assert isinstance(failed, ImageFailure)
    assert failed.why.endswith("again and again: wait for it, or add --no-warm")


@pytest.mark.parametrize("error", [ModelError("there is no such model"), SessionError("it died at once")])
def test_a_model_that_cannot_be_loaded_stops_it_all(photos: list[str], error: VlmtuiError) -> None:
    session = Played(load=error)
    with pytest.raises(type(error)):
        run(photos, session)
    assert session.closed


def test_a_stage_that_is_not_there_stops_it_all(photos: list[str]) -> None:
    session = Played()
    with pytest.raises(UsageError, match=r"vision\.0"):
        run(photos, session, stage="llm.99")
    assert session.closed


def test_only_the_patch_is_asked_for(photos: list[str]) -> None:
    session = Played()
    (found,) = run(photos[:1], session, patches=(PatchPosition(None, 1, 1),))
    assert found.entries == (5,)
    assert ("words", (5,)) in session.asked
    (missing,) = run(photos[:1], Played(), patches=(PatchPosition(None, 9, 9),))
    assert missing.error.exit_status == 2


def test_no_words_are_asked_for_at_a_vision_stage(photos: list[str]) -> None:
    session = Played()
    (found,) = run(photos[:1], session, stage="vision.1")
    assert found.words is None
    assert not [what for what, _ in session.asked if what == "words"]


def test_a_report_that_nobody_wants_any_more_ends_its_session(photos: list[str]) -> None:
    session = Played()
    making = read_reports(tuple(photos), query_of("tiny"), lambda: session)  # type: ignore[arg-type,return-value]
    next(making)
    making.close()
    assert session.closed


@pytest.mark.parametrize(
    ("stage", "asked", "said"),
    [
        (
            "llm.2",
            {"metric": "l2"},
            "--metric l2 is not used at llm.2: words there are ordered by their logits",
        ),
        (
            "vision.1",
            {"metric": "omp"},
            "--metric omp is not used at vision.1: a vision stage has words only with --lens",
        ),
        ("vision.1", {"metric": "omp", "lens": ChosenLens("projector")}, ""),
        ("vision.1", {}, ""),
        ("llm.2", {}, ""),
        ("tokens", {"metric": "omp"}, ""),
    ],
)
def test_a_metric_that_a_stage_has_no_use_for_is_told_of(stage, asked, said):
    unused = ImageReport(query_of("tiny", **asked), made_reports.reading(), stage, (0,), None).unused_option
    assert unused.startswith(said)
    assert bool(unused) == bool(said)
