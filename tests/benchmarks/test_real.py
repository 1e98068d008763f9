"""Figures beside published ones, on the demo model; each is also counted here in another way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.real import __main__ as figures
from benchmarks.real.depicted import DEPICTED, names_object, tokens_within
from vlmtui import ImageReading, Session, open_session


@pytest.fixture(scope="module")
def session(module_warm_session: None) -> Iterator[Session]:
    with open_session("demo", device="cpu") as session:
        yield session


@pytest.fixture(scope="module")
def readings(session: Session) -> list[ImageReading]:
    return [session.read(figures.SAMPLES / name) for name in ("china.jpg", "scene-town.png")]


def test_high_norms_are_counted_over_all_images(session: Session, readings: list[ImageReading]) -> None:
    measured = {what: found for what, _, found in figures.high_norms(session, readings)}
    last = [one.data.norms_at(f"vision.{session.model.vision_layers}").tolist() for one in readings]
    above = sum(norm > 30 for norms in last for norm in norms)
    twice = sum(norm > 2 * sorted(norms)[len(norms) // 2] for norms in last for norm in norms)
    total = sum(map(len, last))
    assert measured["patches of norm above 30 after the last block"].startswith(f"{above} of {total} ")
    assert measured["patches of more than twice their image's median norm there"].startswith(f"{twice} of {total} ")


def test_the_largest_position_comes_first(session: Session, readings: list[ImageReading]) -> None:
    ((_, _, found),) = figures.positions(session, readings)
    norms = readings[0].position()
    row, col = np.argwhere(norms == norms.max())[0]
    assert found.startswith(f"{norms[row, col]:.3g} at {row}, {col} (")


def test_tokens_above_noise_are_those_of_the_report(session: Session, readings: list[ImageReading]) -> None:
    ((_, _, found),) = figures.nearer_than_noise(session, readings[1:])
    # by hand: more than 95% of the shuffled image's scores are smaller
    shuffled = readings[1].null("cosine", k=1).shuffled
    assert shuffled is not None
    first = [readings[1].words(row, col, k=1, metric="cosine")[0].score for row in range(14) for col in range(14)]
    above = sum((shuffled.scores < score).mean() > 0.95 for score in first)
    assert found.startswith(f"{above} of 196 ")
    assert 0 < above < 196


def test_what_a_model_has_not_is_one_row(capsys: pytest.CaptureFixture[str], module_warm_session: None) -> None:
    with open_session("demo-vit", device="cpu") as tower:
        figures._print(figures.nearer_than_noise(tower, [tower.read(figures.SAMPLES / "china.jpg")]))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("| | | ")


def test_an_object_is_named_by_a_word_of_its_own() -> None:
    cat = DEPICTED[1]
    assert names_object("Two cats.", cat)
    assert not names_object("A category", cat)


def test_tokens_within_a_box_have_their_middle_there(readings: list[ImageReading]) -> None:
    reading = readings[0].data  # 640×427, 14×14 tokens
    assert tokens_within(reading, (0, 0, reading.image.width, reading.image.height)) == list(range(196))
    within = tokens_within(reading, (0, 0, reading.image.width / 2, reading.image.height / 2))
    assert {(reading.places[i].row, reading.places[i].col) for i in within} == {
        (row, col) for row in range(7) for col in range(7)
    }
