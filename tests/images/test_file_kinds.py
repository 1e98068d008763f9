"""Files that are no image, named by their first bytes, each with what to do."""

from __future__ import annotations

import gzip
import importlib
import io
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.images.test_decoding import encoded, gradient
from vlmtui.errors import ImageError
from vlmtui.images import file_kinds
from vlmtui.images.decoding import decode, preview
from vlmtui.images.file_kinds import kind_of


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "a")
    return file.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
KINDS = {
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF.*pdftoppm"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG.*rsvg"),
    "svg-with-preamble": (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n<!DOCTYPE svg>\n<svg/>", "SVG"),
    "html": (b"\n<!doctype HTML>\n<html></html>", "web page"),
    "html-after-comment": (b"<!-- saved --><html lang=en>", "web page"),
    "lfs": (LFS, "Git LFS.*git lfs pull"),
    "mp4": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 99, "video.*ffmpeg"),
    "mov": (b"\0\0\0\x14ftypqt  " + b"\0" * 99, "video"),
    "webm": (b"\x1a\x45\xdf\xa3" + b"\0" * 99, "video"),
    "avi": (b"RIFF\0\0\0\0AVI LIST", "video"),
    "jxl": (b"\xff\x0a" + b"\0" * 40, "JPEG XL.*djxl"),
    "jxl-boxed": (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0" * 40, "JPEG XL"),
    "djvu": (b"AT&TFORM\0\0\0\x10DJVMDIRM", "DjVu.*export the page"),
    "cr3": (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "camera's raw file"),
    "zip": (_zip(), "ZIP"),
    "gzip": (gzip.compress(b"a"), "archive"),
    "npy": (b"\x93NUMPY\x01\0", "NumPy"),
    "dicom": (b"\0" * 128 + b"DICM" + b"\0" * 99, "DICOM"),
    "exr": (b"v/1\x01\x02\0\0\0", "OpenEXR"),
    "json": (b'{"error": "no such image"}', "not an image but a text"),
    "text": ("Grüße aus der Galerie\n".encode(), "not an image but a text"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_it_is_and_what_to_do(name: str) -> None:
    data, said = KINDS[name]
    with pytest.raises(ImageError, match=rf"^photo\.png is .*{said}") as caught:
        decode(data, "photo.png")
    assert ": " in str(caught.value)
    assert "damaged" not in str(caught.value)


def test_eps_without_ghostscript(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("gs"):
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", False)
    with pytest.raises(ImageError, match=r"EPS.*install Ghostscript"):
        decode(encoded(Image.fromarray(gradient()), "EPS"), "drawing.eps")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF", "TGA", "XBM", "ICO"])
def test_an_image_is_no_other_kind(format: str) -> None:
    image = Image.fromarray(gradient(32, 32)).convert("1" if format == "XBM" else "RGB")
    assert kind_of(encoded(image, format)) is None


def test_heic_is_read_with_its_extra() -> None:
    heif = pytest.importorskip("pillow_heif")
    expected = np.asarray(Image.fromarray(gradient()).resize((64, 48)))
    file = io.BytesIO()
    heif.from_pillow(Image.fromarray(expected)).save(file, quality=100)
    found = decode(file.getvalue(), "photo.heic").rgb
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 4
    with pytest.raises(ImageError, match="damaged"):
        decode(file.getvalue()[: len(file.getvalue()) // 2], "photo.heic")


def test_heic_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(file_kinds, "find_spec", lambda name: None)
    with pytest.raises(ImageError, match=r"HEIC image: pip install 'vlmtui\[heic\]'"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99, "photo.heic")


def test_a_preview_is_small_and_the_same_picture() -> None:
    y, x = np.mgrid[0:600, 0:900]
    rgb = np.stack([x / 4, y / 3, (x + y) / 7], -1).astype(np.uint8)
    for kind in ("JPEG", "PNG"):
        small = preview(encoded(Image.fromarray(rgb), kind), "x", (48, 24))
        expected = Image.fromarray(rgb).resize(small.size, Image.Resampling.BOX)
        assert max(small.size) <= 48
        assert small.size[1] <= 24
        assert np.abs(np.asarray(small).astype(int) - np.asarray(expected)).mean() < 4
