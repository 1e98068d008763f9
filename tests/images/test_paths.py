"""Names of images as people type and paste them, folders with what they leave out, and pages for files."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from tests.images.test_decoding import encoded, gradient
from vlmtui.errors import ImageError
from vlmtui.images import image_file, paths
from vlmtui.images.download import file_address
from vlmtui.images.image_file import read_source, shown_name
from vlmtui.images.paths import local_name
from vlmtui.reports.per_image import ImageFailure
from vlmtui.reports.run import error_naming_image
from vlmtui.reports.select.sources import expand_sources

NAMES = ("a b.png", "it's.png", "50%20.png", "(1) & #2?.png", "é ü.png", 'say "hi".png')


@pytest.mark.parametrize("name", NAMES)
def test_what_a_terminal_pastes_is_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"bytes")
    escaped = "".join(c if c.isalnum() or c in "/._-" else f"\\{c}" for c in str(path))
    quoted = "'" + str(path).replace("'", "'\\''") + "'"
    address = f"file://{quote(str(path))}"
    for pasted in (str(path), escaped, quoted, f"{escaped} ", f"{path} ", address, f"'{address}'",
                   f"file://localhost{quote(str(path))}", f"file:{quote(str(path))}"):  # fmt: skip
        found = read_source(pasted)
        assert (found.data, found.source) == (b"bytes", str(path)), pasted
    assert expand_sources([quoted, address])[0] == (str(path), str(path))


def test_a_file_of_the_very_name_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("'a.png'", "a.png", "~thumb.png"):
        Path(name).write_bytes(name.encode())
    assert read_source("'a.png'").data == b"'a.png'"
    assert read_source("~thumb.png").data == b"~thumb.png"


@pytest.mark.parametrize("name", ["'gone.png'", "gone\\ .png", "'", "it's", "'a' 'b'", "~nobody-of-this-name/a.png"])
def test_a_name_without_a_file_is_said_as_it_was_given(name: str) -> None:
    assert local_name(name) == name
    with pytest.raises(ImageError) as caught:
        read_source(name)
    assert str(caught.value) == f"{name} does not exist: check the path"


def test_file_addresses_are_of_this_machine() -> None:
    with pytest.raises(ImageError, match="on another machine"):
        read_source("file://elsewhere/a.png")
    with pytest.raises(ImageError, match=r"^/no/such\.png does not exist"):
        read_source("file:///no/such.png")


def test_an_address_with_the_name_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"bytes")
    address = f"file://{socket.gethostname()}{quote(str(tmp_path))}/a%20b.png"
    assert read_source(address).source == str(tmp_path / "a b.png")
    assert expand_sources([address])[0] == (str(tmp_path / "a b.png"),)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("file://C:/a.png", "file://C:/a.png has a path of Windows"),
        ("file:///c:/a%20b.png", "/c:/a b.png does not exist, and it is a path of Windows"),
        ("file:C:/a.png", "C:/a.png does not exist, and it is a path of Windows"),
        ("C:\\a.png", "C:\\a.png does not exist, and it is a path of Windows"),
        ("\\\\host\\share\\a.png", "\\\\host\\share\\a.png does not exist, and it is a path of Windows"),
    ],
)
def test_a_path_of_windows_is_called_one(name: str, said: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_source(name)
    assert str(caught.value) == f"{said}: give the path of the file on this machine"


def test_an_address_of_another_machine_stops_no_other_image() -> None:
    words = ["a.png", "file://elsewhere/a.png", "file://C:/a.png"]
    assert expand_sources(words) == (tuple(words), True)


def test_a_folder_says_what_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "reads_heic", lambda: False)
    for name in ("a.png", "b.HEIC", "c.heif", "d.svg", "e.jxl", "notes.txt", ".hidden.heic"):
        (tmp_path / name).write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.png")
    told: list[str] = []
    assert expand_sources([str(tmp_path)], on_note=told.append)[0] == (str(tmp_path / "a.png"),)
    (note,) = told
    assert note.startswith(f"left out of {tmp_path}: ")
    for part in ("2 files (HEIC is read with pip install 'vlmtui[heic]')", "1 file (drawings", "1 file (JPEG XL",
                 "1 file (not a regular"):  # fmt: skip
        assert part in note
    monkeypatch.setattr(paths, "reads_heic", lambda: True)
    assert len(expand_sources([str(tmp_path)])[0]) == 3


def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_file, "PIPE_S", 0.05)
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(ImageError, match="a pipe into which nothing is written"):
        read_source(str(pipe))
    with pytest.raises(ImageError, match="is a device"):
        read_source("/dev/zero")
    # a writer that has begun may take longer, and not without end
    monkeypatch.setattr(image_file, "SILENT_S", 0.1)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, b"x")
    with pytest.raises(ImageError, match="a pipe into which nothing is written"):
        read_source(str(pipe))
    os.close(writer)
    # what a shell's <(command) gives
    data = encoded(gradient_image())
    monkeypatch.setattr(image_file, "PIPE_S", 10.0)
    monkeypatch.setattr(image_file, "SILENT_S", 10.0)
    threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True).start()
    assert read_source(str(pipe)).data == data
    # a slow one, which takes longer than a pipe without a writer is waited for
    monkeypatch.setattr(image_file, "PIPE_S", 0.01)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, data[:9])
    threading.Timer(0.1, lambda: (os.write(writer, data[9:]), os.close(writer))).start()
    assert read_source(str(pipe)).data == data


def gradient_image() -> Image.Image:
    return Image.fromarray(gradient())


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("https://huggingface.co/o/m/blob/main/a b.png", "https://huggingface.co/o/m/resolve/main/a b.png"),
        ("https://huggingface.co/datasets/o/d/blob/main/x/1.jpg", "https://huggingface.co/datasets/o/d/resolve/main/x/1.jpg"),
        ("https://github.com/o/r/blob/v1/blob/a.png", "https://github.com/o/r/raw/v1/blob/a.png"),
        ("https://gitlab.com/g/r/-/blob/main/a.png?ref_type=heads", "https://gitlab.com/g/r/-/raw/main/a.png"),
        ("https://codeberg.org/o/r/src/branch/main/a.png", "https://codeberg.org/o/r/raw/branch/main/a.png"),
        ("https://commons.wikimedia.org/wiki/File:A_b.jpg", "https://commons.wikimedia.org/wiki/Special:FilePath/A_b.jpg"),
        ("https://drive.google.com/file/d/1aB-_c/view?usp=x", "https://drive.google.com/uc?export=download&id=1aB-_c"),
        ("https://example.org/gallery/7", ""),
    ],
)  # fmt: skip
def test_the_address_of_the_file_behind_a_page(page: str, file: str) -> None:
    assert file_address(page) == file


def test_what_a_path_is_where_it_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    Path("a.txt").touch()
    Path("gone.png").symlink_to("nothing.png")
    Path("round.png").symlink_to("round.png")
    said = {
        "gone.png": "gone.png is a link to nothing.png, which does not exist: check the link",
        "round.png": "round.png is a link that leads back to itself: check the link",
        "a.txt/b.png": "a.txt/b.png does not exist, since a.txt is no folder: check the path",
        "x" * 300: f"{'x' * 300} does not exist, since the name is too long: check the path",
        "socket": "socket is a socket, not a file: name an image file",
        "file:": "file: names no file: give its path",
        "file://": "file:// names no file: give its path",
        "http:/a/b.png": "http:/a/b.png is no address: write http:// and the host",
        "data:image/png;base64,"
        + "A" * 999: "data:image/png;base64,AA… is no address that is read: save the image in it as a file",
    }
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name, sentence in said.items():
            with pytest.raises(ImageError) as caught:
                read_source(name)
            assert str(caught.value) == sentence


def test_a_password_of_an_address_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for name in ("user:secret", ":secret", "user:sec:ret"):
            with pytest.raises(ImageError, match="cannot be reached") as caught:
                read_source(f"http://{name}@127.0.0.1:{taken.getsockname()[1]}/a.png")
            assert "sec" not in str(caught.value)
            assert "@127.0.0.1" in str(caught.value)


def test_a_password_of_an_address_is_in_no_report() -> None:
    address = "https://user:sec:ret@images.example/a.png?b=c:d@e"
    assert shown_name(address) == "https://user:…@images.example/a.png?b=c:d@e"
    assert shown_name("https://images.example:80/a@b:c.png") == "https://images.example:80/a@b:c.png"
    failure = ImageFailure(address, ImageError("is damaged"))
    assert "sec" not in failure.name + str(error_naming_image(failure))
