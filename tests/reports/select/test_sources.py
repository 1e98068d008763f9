"""Which pictures are meant: arguments, folders, patterns, lists."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.reports.select.sources import expand_sources


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Pictures by name only, in folders; beside them what is none."""
    for name in ("b.jpg", "a.PNG", "note.txt", ".hidden.png", "sub/c.webp", "sub/deep/d.gif", ".git/x.png", "e[1].png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def names(folder: Path, *found: str) -> tuple[str, ...]:
    return tuple(str(folder / name) for name in found)


def test_words_are_taken_as_they_are() -> None:
    assert expand_sources(["no-such.png"]) == (("no-such.png",), False)
    assert expand_sources(["b", "a"]) == (("b", "a"), True)
    assert expand_sources(["-"]) == (("-",), False)
    assert expand_sources(["https://example.org/*.jpg?x=[1]"]) == (("https://example.org/*.jpg?x=[1]",), False)


def test_a_folder_is_its_pictures_in_order(album: Path) -> None:
    expected = names(album, "a.PNG", "b.jpg", "e[1].png", "sub/c.webp", "sub/deep/d.gif")
    assert expand_sources([str(album)]) == (expected, True)
    one = album / "sub" / "deep"
    assert expand_sources([str(one)]) == ((str(one / "d.gif"),), True)


def test_links_to_folders_are_not_followed(album: Path) -> None:
    (album / "sub" / "loop").symlink_to(album)
    (album / "sub" / "linked.png").symlink_to(album / "b.jpg")
    assert expand_sources([str(album / "sub")])[0] == names(album / "sub", "c.webp", "linked.png", "deep/d.gif")


def test_a_pattern_is_what_fits(album: Path) -> None:
    assert expand_sources([str(album / "*.[jP]*")]) == (names(album, "a.PNG", "b.jpg"), True)
    assert expand_sources([str(album / "**" / "*.gif")]) == (names(album, "sub/deep/d.gif"), True)
    # a file of that very name comes first
    assert expand_sources([str(album / "e[1].png")]) == (names(album, "e[1].png"), False)


def test_what_stands_for_nothing_is_named_where_it_fails(album: Path) -> None:
    (album / "none").mkdir()
    words = [str(album / "none"), str(album / "*.bmp")]
    assert expand_sources(words) == (tuple(words), True)


@pytest.mark.parametrize(
    "data",
    [
        b"a.png\nb c.png\r\n \t\n\n*.jpg\n   ",
        b"a.png\0b c.png\0*.jpg\0",
        b"a.png\rb c.png\r\r*.jpg\r",
        b"a.png\rb c.png\n*.jpg",
    ],
)
def test_lists(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "list"
    listed.write_bytes(data)
    assert expand_sources([], str(listed)) == (("a.png", "b c.png", "*.jpg"), True)
    assert expand_sources(["first.png"], str(listed))[0][0] == "first.png"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert expand_sources([], "-")[0] == ("a.png", "b c.png", "*.jpg")


@pytest.mark.parametrize("data", ["BMW.png\r\nID3.png".encode("utf-8-sig"), b"BMW.png\n\nID3.png\n"])
def test_a_list_with_a_mark_and_names_that_begin_as_files_do(data: bytes, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_bytes(data)
    assert expand_sources([], str(listed))[0] == ("BMW.png", "ID3.png")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_bytes(b"\xff.png\n")
    ((name,), _) = expand_sources([], str(listed))
    assert os.fsencode(name) == b"\xff.png"


def test_a_name_with_bytes_that_no_text_has_is_that_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a\rb\x01.png").touch()
    Path("list").write_bytes(b"a\rb\x01.png\nc.png")
    assert expand_sources([], "list")[0] == ("a\rb\x01.png", "c.png")


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes_are_not_a_list(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = random.Random(seed).randbytes(3000)
    (tmp_path / "list").write_bytes(data)
    with pytest.raises(VlmtuiError, match=r"/list is not a list of images: name a text file with one image per line$"):
        expand_sources([], str(tmp_path / "list"))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    with pytest.raises(VlmtuiError, match=r"^standard input is not a list of images: "):
        expand_sources([], "-")


def test_lists_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    with pytest.raises(VlmtuiError, match="names no image"):
        expand_sources([], str(tmp_path / "empty"))
    (tmp_path / "utf16").write_text("a.png\n", encoding="utf-16")
    with pytest.raises(VlmtuiError, match="utf16 is in UTF-16: save it as UTF-8"):
        expand_sources([], str(tmp_path / "utf16"))
    for number, data in enumerate([b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\n", b"PAR1\x15\x04\n\0PAR1", b"PK\x03\x04\n\0"]):
        (tmp_path / f"{number}").write_bytes(data)
        with pytest.raises(VlmtuiError, match=f"{number} is not a list of images"):
            expand_sources([], str(tmp_path / f"{number}"))
    with pytest.raises(VlmtuiError, match="cannot be read"):
        expand_sources([], str(tmp_path / "no-such"))
    for name in ("", " "):
        with pytest.raises(VlmtuiError, match="--from is empty: name a file"):
            expand_sources([], name)
    with pytest.raises(VlmtuiError, match="--from /dev/zero is a device, which may have no end"):
        expand_sources([], "/dev/zero")
    with pytest.raises(UsageError, match="standard input"):
        expand_sources(["-"], "-")
