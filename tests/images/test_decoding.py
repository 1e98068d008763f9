"""Pictures of every kind against pixels worked out independently, and everything that is no picture."""

from __future__ import annotations

import io
import os
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from vlmtui.errors import ImageError
from vlmtui.images import download
from vlmtui.images.decoding import decode
from vlmtui.images.image_file import read_source


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png(width: int, height: int, bits: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG written by hand: `rows` are the filtered scanlines, `extra` whole chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND")
    )


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gradient(width: int = 6, height: int = 4) -> np.ndarray:
    """A picture in which every pixel is another, uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 40, y * 60, (x + y) * 20], axis=-1).astype(np.uint8)


# --- pictures that are read -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (7, 3000), (3000, 7), (2, 1)])
def test_any_shape(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    expected = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    picture = decode(encoded(Image.fromarray(expected)), "x")
    assert (picture.width, picture.height) == size
    np.testing.assert_array_equal(picture.rgb, expected)


def test_alpha_goes_over_white() -> None:
    rgb = gradient()
    alpha = np.array([[0, 51, 102, 153, 204, 255]] * 4, dtype=np.uint8)
    picture = decode(encoded(Image.fromarray(np.dstack([rgb, alpha]))), "x")
    share = alpha[..., None] / 255.0
    expected = rgb * share + 255.0 * (1 - share)
    assert np.abs(picture.rgb - expected).max() <= 1
    assert picture.rgb[0, 0].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(picture.rgb[:, -1], rgb[:, -1])


def test_grey_with_alpha() -> None:
    values = np.array([[[0, 255], [0, 0], [100, 128]]], dtype=np.uint8)
    picture = decode(encoded(Image.fromarray(values, "LA")), "x")
    assert picture.rgb[0, :2].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert abs(int(picture.rgb[0, 2, 0]) - round(100 * 128 / 255 + 127)) <= 1


def test_palette_with_a_see_through_colour() -> None:
    palette = chunk(b"PLTE", bytes([200, 10, 20, 0, 90, 180, 7, 8, 9])) + chunk(b"tRNS", bytes([255, 0, 128]))
    picture = decode(png(3, 1, 8, 3, b"\x00\x00\x01\x02", palette), "x")
    assert picture.rgb[0, 0].tolist() == [200, 10, 20]
    assert picture.rgb[0, 1].tolist() == [255, 255, 255]
    assert np.abs(picture.rgb[0, 2] - np.array([131, 131, 132], float)).max() <= 1.5


def test_palette_without() -> None:
    palette = chunk(b"PLTE", bytes([200, 10, 20, 0, 90, 180]))
    assert decode(png(2, 1, 8, 3, b"\x00\x01\x00", palette), "x").rgb.tolist() == [[[0, 90, 180], [200, 10, 20]]]


def test_rgb_with_one_see_through_colour() -> None:
    keyed = chunk(b"tRNS", struct.pack(">HHH", 10, 20, 30))
    picture = decode(png(2, 1, 8, 2, b"\x00" + bytes([10, 20, 30, 40, 50, 60]), keyed), "x")
    assert picture.rgb.tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_sixteen_bit_grey_is_scaled() -> None:
    values = [0, 257, 30000, 65535]
    rows = b"\x00" + b"".join(struct.pack(">H", v) for v in values)
    picture = decode(png(4, 1, 16, 0, rows), "x")
    assert picture.rgb[0, :, 0].tolist() == [round(v / 257) for v in values]
    assert (picture.rgb[..., 0] == picture.rgb[..., 2]).all()


def test_a_dark_sixteen_bit_picture_stays_dark() -> None:
    picture = decode(png(2, 1, 16, 0, b"\x00" + struct.pack(">HH", 200, 514)), "x", levels="full")
    assert picture.rgb[0, :, 0].tolist() == [1, 2]


def test_sixteen_bit_tiff_and_colour_png() -> None:
    tiff = Image.fromarray(np.array([[0, 65535, 32896]], dtype=np.uint16))
    assert decode(encoded(tiff, "TIFF"), "x").rgb[0, :, 0].tolist() == [0, 255, 128]
    rows = b"\x00" + struct.pack(">HHH", 65535, 32896, 0)
    assert np.abs(decode(png(1, 1, 16, 2, rows), "x").rgb[0, 0] - np.array([255.0, 128, 0])).max() <= 1


def test_one_bit() -> None:
    assert decode(png(8, 1, 1, 0, b"\x00\xaa"), "x").rgb[0, :, 1].tolist() == [255, 0] * 4


def test_cmyk_jpeg() -> None:
    flat = np.zeros((16, 16, 4), np.uint8)
    flat[...] = (0, 255, 255, 0)  # no cyan, all magenta and yellow: red
    picture = decode(encoded(Image.fromarray(flat, "CMYK"), "JPEG", quality=95), "x")
    assert np.abs(picture.rgb[8, 8].astype(int) - [255, 0, 0]).max() <= 6


UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    # how the stored pixels are turned to stand upright, by the table of the EXIF standard (tag 274)
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a[::-1].transpose(1, 0, 2),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a[:, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("turn", UPRIGHT)
def test_exif_turns(turn: int) -> None:
    stored = gradient()
    exif = Image.Exif()
    exif[274] = turn
    for kind in ("PNG", "TIFF"):
        picture = decode(encoded(Image.fromarray(stored), kind, exif=exif.tobytes()), "x")
        np.testing.assert_array_equal(picture.rgb, UPRIGHT[turn](stored), err_msg=kind)


def test_the_turn_comes_before_the_limit_is_said() -> None:
    exif = Image.Exif()
    exif[274] = 6
    picture = decode(encoded(Image.fromarray(gradient(30, 20)), "JPEG", exif=exif.tobytes()), "x")
    assert (picture.width, picture.height) == (20, 30)


@pytest.mark.parametrize("format", ["GIF", "TIFF", "WEBP", "PNG", "MPO"])
def test_the_first_frame(format: str) -> None:
    red, blue = Image.new("RGB", (16, 16), (250, 0, 0)), Image.new("RGB", (16, 16), (0, 0, 250))
    data = encoded(red, format, save_all=True, append_images=[blue])
    picture = decode(data, "x")
    assert picture.rgb[8, 8, 0] > 230
    assert picture.rgb[8, 8, 2] < 20


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_png_with_a_long_text_is_read(kind: bytes) -> None:
    """Such as the workflow that made it; Pillow's own limit is 1 MB."""
    extra = chunk(kind, b"a\0\0" + zlib.compress(b" " * (3 << 20)))
    assert decode(png(2, 1, 8, 0, b"\0\x10\x20", extra), "x").rgb[0, :, 0].tolist() == [16, 32]
    extra = chunk(kind, b"a\0\0" + zlib.compress(b" " * (80 << 20)))
    with pytest.raises(ImageError, match="Decompressed data too large"):
        decode(png(2, 1, 8, 0, b"\0\x10\x20", extra), "x")


def test_decoding_leaves_pillows_own_limit_as_it_was() -> None:
    before, text = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
    decode(encoded(Image.fromarray(gradient())), "x")
    with pytest.raises(ImageError):
        decode(b"no", "x")
    assert (before, text) == (Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK)


# --- what is no picture -----------------------------------------------------------------------------------------


def bomb() -> bytes:
    """30,000 × 30,000 grey pixels in a few kilobytes."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(b"\x00" * (1 + 3750)) for _ in range(30_000)) + rows.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND")


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    import tracemalloc

    data = bomb()
    assert len(data) < 1_000_000
    tracemalloc.start()
    with pytest.raises(ImageError, match=r"30000×30000 pixels.*200,000,000.*--max-pixels"):
        decode(data, "bomb.png")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_max_pixels_is_exact() -> None:
    data = encoded(Image.fromarray(gradient(6, 4)))
    assert decode(data, "x", max_pixels=24).width == 6
    with pytest.raises(ImageError, match="limit of 23"):
        decode(data, "x", max_pixels=23)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_truncated_file_is_refused(format: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), format)
    with pytest.raises(ImageError, match=r"damaged or truncated|not an image"):
        decode(data[: int(len(data) * share)], "photo")


@pytest.mark.parametrize("data", [b"", b"hello, this is text\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a"])
def test_what_is_no_picture(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data, "note.png")
    assert "note.png" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "missing", "unreadable", "nul"])
def test_paths_that_are_no_file(tmp_path: Path, kind: str) -> None:
    name = {"folder": str(tmp_path), "missing": str(tmp_path / "no.png"), "nul": "a\0b.png"}.get(kind)
    if kind == "unreadable":
        name = str(tmp_path / "secret.png")
        Path(name).write_bytes(b"x")
        Path(name).chmod(0)
        if os.access(name, os.R_OK):
            pytest.skip("run as root: every file may be read")
    assert name
    with pytest.raises(ImageError) as caught:
        read_source(name)
    assert "\n" not in str(caught.value)


def test_a_folder_is_told_by_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("note.txt", ".hidden.png", "sub/note.md"):
        (tmp_path / name).touch()
    with pytest.raises(ImageError, match="contains no images: name a folder with PNG, JPEG or WebP"):
        read_source(str(tmp_path))
    (tmp_path / "sub" / "photo.JPG").touch()
    with pytest.raises(ImageError, match=r"is a folder: name one image file in it, or run vlmtui report FOLDER$"):
        read_source(str(tmp_path))


def test_a_pattern_without_files_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "scans" / "deep.png").mkdir(parents=True)  # a folder, whatever its name
    pattern = str(tmp_path / "**" / "*.png")
    with pytest.raises(ImageError, match=r"\*\*/\*\.png matches no file: check the pattern$"):
        read_source(pattern)
    # one image is read by its name: a pattern that matches files is none
    (tmp_path / "scans" / "one.png").touch()
    with pytest.raises(ImageError, match=r"png matches 1 file: name one, or give them to vlmtui report$"):
        read_source(pattern)
    with pytest.raises(ImageError, match=r"does not exist: check the path$"):
        read_source(str(tmp_path / "none.png"))


def test_a_file_is_read_with_its_hash(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "a b é.png"
    path.write_bytes(b"bytes")
    source = read_source(str(path))
    assert source.data == b"bytes"
    assert source.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert source.source == str(path)


def test_a_name_that_is_not_utf8_can_be_sent_and_written(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.png"
    try:
        Path(os.fsdecode(raw)).write_bytes(b"bytes")
    except OSError:
        pytest.skip("this file system has only UTF-8 names")
    source = read_source(os.fsdecode(raw))
    assert source.data == b"bytes"
    source.source.encode("utf-8")


# --- addresses --------------------------------------------------------------------------------------------------


class Server(BaseHTTPRequestHandler):
    """A picture at /ok, redirects, and what goes wrong."""

    def do_GET(self) -> None:
        if self.path == "/ok":
            self._answer(200, encoded(Image.fromarray(gradient())))
        elif self.path in ("/text", "/o/r/blob/main/a.png"):
            self._answer(200, b"<html>not found, really</html>")
        elif self.path == "/no-reason":
            self.send_response(404, " ")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path[1:].isdecimal():
            self._answer(int(self.path[1:]), b"no")
        elif self.path == "/packed":
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"abc")
        elif self.path == "/pieces":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"ff\r\nabc")
        elif self.path == "/to-ok":
            self._redirect("/ok")
        elif self.path == "/to-file":
            self._redirect("file:///etc/passwd")
        elif self.path == "/to-port":
            self._redirect("http://127.0.0.1:99999/")
        elif self.path == "/round":
            self._redirect("/round")
        elif self.path == "/slow-headers":
            self.send_response(200)
            self.flush_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(b"X: y\r\n")
                    time.sleep(0.02)
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"abc")
        else:
            self._answer(404, b"no")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the tests' stderr."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a real server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_picture_behind_an_address(server: str) -> None:
    for path in ("/ok", "/to-ok"):
        np.testing.assert_array_equal(decode(read_source(server + path).data, "x").rgb, gradient())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/none", "answered 404 Not Found: check the address$"),
        ("/401", "answered 401 .*: it wants a login; download the image in a browser, and give the file$"),
        ("/403", "answered 403 .*: it wants a login"),
        ("/no-reason", "answered 404: check the address$"),
        ("/429", "answered 429 .*: try again later$"),
        ("/503", "answered 503 .*: try again later$"),
        ("/packed", r"answered a compressed image \(gzip\), which was not asked for: download the image in a browser"),
        ("/pieces", "/pieces was cut short: try again$"),
        ("/o/r/blob/main/a.png", r"answered a web page, not an image: the file itself is at .*/o/r/raw/main/a.png$"),
        ("/to-file", "only http and https"),
        ("/round", "/round redirects more than 10 times: check the address$"),
        ("/to-port", r"/to-port redirects to http://127\.0\.0\.1:99999/, which has the port 99999, and ports are"),
        ("/302", "answered 302 Found: check the address"),
        ("/short", "cut short, 997 bytes"),
    ],
)
def test_addresses_that_fail(server: str, path: str, said: str) -> None:
    with pytest.raises(ImageError, match=said) as caught:
        read_source(server + path)
    assert "\n" not in str(caught.value)


def test_a_download_has_an_end(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LONGEST_S", 0.0)
    with pytest.raises(ImageError, match="/ok was not all there within 0 s: download the image in a browser"):
        read_source(server + "/ok")
    # whose headers never end: the limits of httpx are those of each read
    monkeypatch.setattr(download, "LONGEST_S", 0.2)
    with pytest.raises(ImageError, match="/slow-headers was not all there within 0 s"):
        read_source(server + "/slow-headers")


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/x.png", "data://x"])
def test_only_http(address: str) -> None:
    with pytest.raises(ImageError, match="only http and https"):
        read_source(address)


@pytest.mark.parametrize("address", ["http://", "http://[", "https://127.0.0.1:99999/x", "http://exa mple/x"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_source(address)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("port", ["99999", "0", "-1", "x"])
def test_a_port_that_no_host_has(port: str) -> None:
    with pytest.raises(ImageError, match=f"has the port {port}, and ports are numbers from 1 to 65535: check"):
        read_source(f"http://127.0.0.1:{port}/a.png")


def test_http_and_https_taken_for_each_other(server: str) -> None:
    with pytest.raises(ImageError, match=r"cannot be reached \(it does not speak https: http:// may do\)"):
        read_source(server.replace("http", "https") + "/ok")

    def refuse(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client:
            client.recv(10_000)
            client.sendall(b"\x15\x03\x01\x00\x02\x02\x46")  # the alert of TLS for what is none

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=refuse, args=(listening,), daemon=True).start()
        with pytest.raises(ImageError, match=r"gives no answer of http .*: check the address, https:// may do$"):
            read_source(f"http://127.0.0.1:{listening.getsockname()[1]}/a.png")


def test_a_socks_proxy_is_used(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is told the name of the host, and gives the connection to it."""
    asked: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client:
            client.recv(64)
            client.sendall(b"\x05\x00")
            asked.append(client.recv(256))
            client.sendall(b"\x05\x05\x00\x01" + bytes(6))  # refused

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        for name in ("ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"socks5h://127.0.0.1:{listening.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(ImageError, match=r"cannot be (reached|fetched)"):
            read_source("http://images.example/a.png")
    assert b"images.example" in asked[0]


def test_a_proxy_of_no_known_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://x")
    with pytest.raises(ImageError, match=r"the proxy cannot be used .*: check ALL_PROXY"):
        read_source("http://127.0.0.1:9/x.png")


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://me:secret@127.0.0.1:{port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.2")
    with pytest.raises(ImageError, match=rf"reached through the proxy http://127.0.0.1:{port} .*: check the proxy"):
        read_source("http://images.example/x.png")
    with pytest.raises(ImageError, match=r"x\.png cannot be reached \("):
        read_source(f"http://127.0.0.2:{port}/x.png")


@pytest.mark.parametrize("data", [None, b"no certificate\n"])
def test_certificates_that_cannot_be_read_are_named(
    data: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if data is not None:
        (tmp_path / "ca.pem").write_bytes(data)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(ImageError, match=r"the certificates for https cannot be read .*: check SSL_CERT_FILE"):
        read_source(f"https://127.0.0.1:{closed_port()}/x.png")


def test_a_dead_address() -> None:
    with pytest.raises(ImageError, match="cannot be reached"):
        read_source(f"http://127.0.0.1:{closed_port()}/x.png")
