"""What the line of progress says."""

from __future__ import annotations

import pytest

from tests.query.queries import query_of
from vlmtui.batch.manifest import Manifest, new_manifest
from vlmtui.batch.parts import FinishedPart
from vlmtui.batch.progress import BatchProgress
from vlmtui.batch.sources import SourcesDigest
from vlmtui.session.protocol import Progress


def begun(count: int) -> Manifest:
    return new_manifest(query_of("demo"), SourcesDigest(count, "", None), 64)


def test_rate_and_time_are_those_since_the_first_part() -> None:
    said: list[str] = []
    now = 1000.0

    def progress(progress: Progress) -> None:
        said.append(progress.doing)

    tally = BatchProgress(begun(1_000_000), {0, 1}, progress, lambda: now)
    assert tally.sentence() == "128 of 1,000,000 images are done; run the same command again to resume"
    tally.add(FinishedPart(2, 64, ()))
    now += 2
    tally.add(FinishedPart(3, 64, ()))
    tally.joining(7)
    assert said == [
        "192 of 1,000,000 images, part 3 of 15,625",
        "256 of 1,000,000 images, 32 per second, 8 h 41 min left, part 4 of 15,625",
        "joining part 8 of 15,625",
    ]


@pytest.mark.parametrize(("seconds", "left"), [(1e-3, "10 s"), (1, "2 h 47 min"), (36, "4 days 4 h"), (0.05, "8 min")])
def test_the_time_left_in_words(seconds: float, left: str) -> None:
    now = 0.0
    tally = BatchProgress(begun(10_000 + 1024), set(), lambda progress: None, lambda: now)
    for part in range(16):
        now = part * seconds * 64
        tally.add(FinishedPart(part, 64, ()))
    assert f"{left} left" in tally.line()


def test_the_last_part_may_be_smaller() -> None:
    one = begun(130)
    assert (one.parts, [len(one.places(part)) for part in range(3)]) == (3, [64, 64, 2])
    assert BatchProgress(one, {2}, lambda progress: None).done == 2
