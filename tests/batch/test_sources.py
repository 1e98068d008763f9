"""Lists of names in a file, in little memory, and files read ahead: in order, errors in their places, within bounds."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from vlmtui.batch import sources as lists
from vlmtui.batch.sources import SourceList
from vlmtui.errors import ImageError, VlmtuiError
from vlmtui.images.image_file import ImageFile


def test_names_come_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a.png", "", "b c\n.png", "broken\udcff.png", "https://example.org/ö.jpg", "~/x", "/y"]
    lists.write_sources(tmp_path / "sources", names)
    with SourceList(tmp_path / "sources", lists.digest_sources(names)) as sources:
        assert len(sources) == 7
        assert list(sources.names(range(7))) == names
        assert sources.names(range(3, 5)) == tuple(names[3:5])
        assert sources.names(range(1, 2)) == ("",)


@pytest.mark.parametrize(
    ("now", "why"),
    [(None, "cannot be read"), (b"", "is empty"), (b"a.png\0b", "has changed"), (b"a.png\0c.png\0", "has changed")],
)
def test_a_list_that_is_not_as_it_was_written(now: bytes | None, why: str, tmp_path: Path) -> None:
    path = tmp_path / "sources"
    if now is not None:
        path.write_bytes(now)
    with pytest.raises(VlmtuiError, match=f"sources {why}.*: start again with --fresh"):
        SourceList(path, lists.digest_sources(["a.png", "b.png"]))


def test_what_identifies_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = lists.digest_sources(["/a.png", "~/b.png", "https://example.org/c.png"])
    assert (whole.count, whole.base) == (3, None)
    assert lists.digest_sources(["/a.png", "b.png"]).base == str(tmp_path)
    assert len({lists.digest_sources(names).sha256 for names in (["/a", "/b"], ["/b", "/a"], ["/a/b"], ["/a"])}) == 4


def test_a_million_names_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "sources"
    names = lambda: (f"/photographs/2026/album/{number:09d}.jpeg" for number in range(1_000_000))  # noqa: E731
    lists.write_sources(path, names())
    written = lists.digest_sources(names())
    tracemalloc.start()
    try:
        with SourceList(path, written) as sources:
            assert len(sources) == 1_000_000
            assert sources.names(range(999_998, 1_000_000))[1] == "/photographs/2026/album/000999999.jpeg"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20  # as texts they would take twice that, and a list of them more


def test_in_the_order_of_the_names(tmp_path: Path) -> None:
    names = []
    for number in range(300):
        path = tmp_path / f"{number}.png"
        names.append(str(path))
        if number % 7:
            path.write_bytes(b"%d" % number)
    found = list(lists.read_ahead(names))
    assert [name for name, _ in found] == names
    for number, (name, one) in enumerate(found):
        if number % 7:
            assert isinstance(one, ImageFile)
            assert (one.source, one.data) == (name, b"%d" % number)
        else:
            assert isinstance(one, ImageError)


def test_what_is_held_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_BYTES", 4 << 20)
    large = tmp_path / "large.png"
    large.write_bytes(bytes(1 << 20))
    tracemalloc.start()
    try:
        for _, found in lists.read_ahead([str(large)] * 100):
            assert isinstance(found, ImageFile)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # the bound, and what each thread is at, read in parts that are then put together
    assert peak < (4 + 2 * lists.THREADS + 2) << 20


def test_names_are_asked_for_as_files_are_taken(tmp_path: Path) -> None:
    asked = []

    def names() -> object:
        for number in range(10_000):
            asked.append(number)
            yield str(tmp_path / f"{number}.png")

    found = lists.read_ahead(names())  # type: ignore[arg-type]
    next(found)
    found.close()
    assert len(asked) <= lists.MOST_FILES
