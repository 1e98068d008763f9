"""Lists of names in a file: as they were, a million of them in little memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from vlmtui.batch import sources as lists
from vlmtui.batch.sources import Sources


def test_names_come_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a.png", "", "b c\n.png", "broken\udcff.png", "https://example.org/ö.jpg", "~/x", "/y"]
    lists.write(tmp_path / "sources", names)
    with Sources(tmp_path / "sources") as sources:
        assert len(sources) == 7
        assert list(sources.names(range(7))) == names
        assert sources.names(range(3, 5)) == tuple(names[3:5])
        assert sources.names(range(1, 2)) == ("",)


def test_what_identifies_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = lists.frozen(["/a.png", "~/b.png", "https://example.org/c.png"])
    assert (whole.count, whole.base) == (3, None)
    assert lists.frozen(["/a.png", "b.png"]).base == str(tmp_path)
    assert len({lists.frozen(names).sha256 for names in (["/a", "/b"], ["/b", "/a"], ["/a/b"], ["/a"])}) == 4


def test_a_million_names_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "sources"
    lists.write(path, (f"/photographs/2026/album/{number:09d}.jpeg" for number in range(1_000_000)))
    tracemalloc.start()
    try:
        with Sources(path) as sources:
            assert len(sources) == 1_000_000
            assert sources.names(range(999_998, 1_000_000))[1] == "/photographs/2026/album/000999999.jpeg"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20  # as texts they would take twice that, and a list of them more
