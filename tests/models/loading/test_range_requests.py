"""Byte ranges put together into one file: in parallel, resumed, and never more than what is missing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmtui.models.loading import range_requests
from vlmtui.models.loading.range_requests import (
    ByteRange,
    ConnectionLostError,
    Journal,
    RangeDownload,
    coalesce,
    missing_ranges,
)

BODY = {"a": bytes(range(256)) * 40, "b": bytes(reversed(range(256))) * 40}
PIECES = [ByteRange("a", 100, 8, 3000), ByteRange("b", 0, 3008, 5000), ByteRange("a", 3100, 8008, 2000)]
SIZE = 10_008
WANTED = BODY["a"][100:3100] + BODY["b"][:5000] + BODY["a"][3100:5100]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(range_requests, "CHUNK", 1000)
    monkeypatch.setattr(range_requests, "JOURNAL_EVERY", 200)
    monkeypatch.setattr(range_requests, "WAITS_S", (0.0, 0.0))


class Remote:
    """Two files; each answer ends after `cut` bytes, and none comes any more after `dies_after` bytes in all."""

    def __init__(self, cut: int | None = None, dies_after: int | None = None) -> None:
        self.cut, self.dies_after = cut, dies_after
        self.sent = 0
        self.lock = threading.Lock()

    @contextmanager
    def open(self, file: str, start: int, size: int) -> Iterator[Iterator[bytes]]:
        yield self._blocks(BODY[file][start : start + size])

    def _blocks(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), 50):
            with self.lock:
                if self.dies_after is not None and self.sent >= self.dies_after:
                    raise ConnectionLostError("dead")
                if self.cut is not None and at >= self.cut:
                    raise ConnectionLostError("cut")
                self.sent += len(data[at : at + 50])
            yield data[at : at + 50]


def quiet(got: int, wanted: int) -> None:
    pass


def test_everything_in_its_place(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    RangeDownload(tmp_path / "x.part", SIZE, PIECES, Remote().open).run(lambda *note: told.append(note))
    data = (tmp_path / "x.part").read_bytes()
    assert data[8:] == WANTED
    assert len(data) == SIZE
    assert told[0] == (0, 10_000)
    assert told[-1] == (10_000, 10_000)


def test_lines_that_are_cut(tmp_path: Path) -> None:
    remote = Remote(cut=130)
    RangeDownload(tmp_path / "x.part", SIZE, PIECES, remote.open).run(quiet)
    assert (tmp_path / "x.part").read_bytes()[8:] == WANTED
    assert remote.sent == 10_000


def test_what_was_got_is_not_fetched_again(tmp_path: Path) -> None:
    first, second = Remote(dies_after=4321), Remote()
    with pytest.raises(ConnectionLostError, match="dead"):
        RangeDownload(tmp_path / "x.part", SIZE, PIECES, first.open).run(quiet)
    again = RangeDownload(tmp_path / "x.part", SIZE, PIECES, second.open)
    assert again.got == first.sent
    again.run(quiet)
    assert (tmp_path / "x.part").read_bytes()[8:] == WANTED
    assert first.sent + second.sent == 10_000


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    def tell(got: int, wanted: int) -> None:
        raise KeyboardInterrupt

    remote = Remote()
    with pytest.raises(KeyboardInterrupt):
        RangeDownload(tmp_path / "x.part", SIZE, PIECES, remote.open).run(tell)
    assert remote.sent == 0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]


def test_a_torn_journal_and_a_file_of_another_size(tmp_path: Path) -> None:
    target = tmp_path / "x.part"
    target.write_bytes(b"\0" * SIZE)
    journal = Journal(tmp_path / "x.journal")
    assert journal.spans() == []
    journal.path.write_text("8 508\n600 700\n800 9")
    assert journal.spans() == [(8, 508), (600, 700)]
    assert RangeDownload(target, SIZE, PIECES, Remote().open).got == 600
    # a journal that is not this file's is not believed
    target.write_bytes(b"\0" * 5)
    assert RangeDownload(target, SIZE, PIECES, Remote().open).got == 0


def test_an_error_that_will_not_pass_ends_it_at_once(tmp_path: Path) -> None:
    @contextmanager
    def full(file: str, start: int, size: int) -> Iterator[Iterator[bytes]]:
        raise OSError(28, "No space left on device")
        yield iter(())

    with pytest.raises(OSError, match="No space left"):
        RangeDownload(tmp_path / "x.part", SIZE, PIECES, full).run(quiet)


spans = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)).map(lambda s: (s[0], s[0] + s[1])), max_size=8)


@given(spans)
def test_what_is_missing_is_what_was_not_got(got: list[tuple[int, int]]) -> None:
    pieces = [ByteRange("a", 7, 0, 100), ByteRange("b", 0, 100, 50), ByteRange("a", 400, 200, 80)]
    wanted = {(p.file, p.start + i): p.to + i for p in pieces for i in range(p.size)}
    there = {at for first, end in got for at in range(first, end)}
    left = {(p.file, p.start + i): p.to + i for p in missing_ranges(pieces, got) for i in range(p.size)}
    assert left == {source: to for source, to in wanted.items() if to not in there}


def test_neighbours_become_one() -> None:
    pieces = [
        ByteRange("a", 10, 5, 5),
        ByteRange("a", 0, 0, 5),
        ByteRange("a", 15, 10, 5),
        ByteRange("b", 20, 15, 5),
        ByteRange("b", 0, 30, 0),
    ]
    assert coalesce(pieces) == [ByteRange("a", 0, 0, 5), ByteRange("a", 10, 5, 10), ByteRange("b", 20, 15, 5)]
