"""Files that are no image, named by their first bytes, each with what to do."""

from __future__ import annotations

import base64
import gzip
import importlib
import io
import pickle
import shutil
import sqlite3
import struct
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from tests.images.test_decoding import encoded, gradient
from vlmtui.errors import ImageError
from vlmtui.images import file_kinds
from vlmtui.images.decoding import decode, preview
from vlmtui.images.file_kinds import kind_of


def _zip(name: str = "a.txt") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "a")
    return file.getvalue()


def _saved(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _database() -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create table a (b)")
        return connection.serialize()


def _fits(cards: list[str]) -> bytes:
    return "".join(card.ljust(80) for card in cards).encode().ljust(2880)


ZEROS = {"a": torch.zeros(3)}
WEIGHTS = "weights: name an image, and the model's folder with --model"


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
    "npy": (_saved(lambda file: np.save(file, np.zeros(3))), "NumPy.*session.read"),
    "npz": (_saved(lambda file: np.savez(file, a=np.zeros(3))), "NumPy arrays.*session.read"),
    "safetensors": (save(ZEROS), WEIGHTS),
    "safetensors-that-is-64-long": (struct.pack("<Q", 64) + b'{"__metadata__":{}}'.ljust(64), WEIGHTS),
    "torch": (_saved(lambda file: torch.save(ZEROS, file)), WEIGHTS),
    "torch-before-zip": (_saved(lambda file: torch.save(ZEROS, file, _use_new_zipfile_serialization=False)), WEIGHTS),
    "gguf": (b"GGUF\x03\0\0\0" + b"\0" * 40, WEIGHTS),
    "onnx": (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x9b\x01" + b"\0" * 90, WEIGHTS),
    "tflite": (b"\x1c\0\0\0TFL3" + b"\0" * 30, WEIGHTS),
    "pickle": (pickle.dumps([1]), "pickle.*save the image"),
    "sqlite": (_database(), "table or a database.*--from"),
    "parquet": (b"PAR1" + b"\x15\x04" * 20 + b"PAR1", "table or a database"),
    "elf": (b"\x7fELF\x02\1\1", "program: name an image"),
    "exe": (b"MZ\x90\0" + b"\0" * 200, "program"),
    "mp3": (b"\xff\xfb\x90\x44" + b"\0" * 400, "a sound"),
    "m4a": (b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom", "a sound"),
    "font": (b"\0\1\0\0\0\x0f\0\x80" + b"\0" * 60, "a font"),
    "docx": (_zip("[Content_Types].xml"), "office document: export"),
    "cr2": (b"II*\0\x10\0\0\0CR\2\0" + b"\0" * 40, "camera's raw file"),
    "iso": (b"\0" * 32769 + b"CD001" + b"\0" * 50, "an archive"),
    "nifti-2": (struct.pack("<i", 540) + b"n+2\0\r\n\x1a\n" + b"\0" * 530, "volume.*slice"),
    "fits": (_fits(["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 9"]), "FITS file that cannot be read: save its image"),
    "zeros": (bytes(1000), "nothing but zeros.*download it again"),
    "base64": (base64.b64encode(encoded(Image.fromarray(gradient()))), "base64 text: decode it"),
    "latin-1": ("Grüße aus der Galerie und so weiter\n".encode("latin-1"), "not an image but a text"),
    "utf-16": ("Grüße aus der Galerie\n".encode("utf-16"), "not an image but a text"),
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


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "AVIF", "BMP", "ICO", "JPEG2000"])
def test_what_begins_as_an_image_is_damaged(format: str) -> None:
    whole = encoded(Image.fromarray(gradient(32, 32)), format)
    for data in (whole[:16], whole[:16] + bytes(3000)):
        with pytest.raises(ImageError, match=r"is damaged or truncated.*: download or export it again$"):
            decode(data, "x")


def test_eps_without_ghostscript(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("gs"):
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", False)
    with pytest.raises(ImageError, match=r"EPS.*install Ghostscript"):
        decode(encoded(Image.fromarray(gradient()), "EPS"), "drawing.eps")


@pytest.mark.parametrize(
    "format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF", "TGA", "XBM", "ICO", "QOI"]
)
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


def test_damage_is_said_without_words_of_the_library() -> None:
    """HEIC whose first box names it and nothing else; numbers of a PPM and an IM that are none."""
    pytest.importorskip("pillow_heif")
    damaged = {
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
        + b"\0" * 99: "begins as HEIC and is damaged or truncated, or of a variant",
        b"P6\n9\xb9 8\n255\n" + b"\0" * 99: "is damaged or truncated: download or export it again",
        b"P6\n" + b"9" * 20 + b" 8\n255\n": "is damaged or truncated: download or export it again",
    }
    for data, said in damaged.items():
        with pytest.raises(ImageError) as caught:
            decode(data, "photo")
        assert str(caught.value).startswith(f"photo {said}")


def test_heic_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(file_kinds, "find_spec", lambda name: None)
    with pytest.raises(ImageError, match=r"HEIC image: pip install 'vlmtui\[heic\]'"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99, "photo.heic")


def test_a_package_for_heic_that_cannot_be_loaded_stops_no_other_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_kinds, "reads_heic", lambda: True)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # importing it fails
    file_kinds._register_once.cache_clear()
    try:
        np.testing.assert_array_equal(decode(encoded(Image.fromarray(gradient())), "x").rgb, gradient())
        with pytest.raises(ImageError, match=r"HEIC image: pip install"):
            decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99, "photo.heic")
    finally:
        file_kinds._register_once.cache_clear()


def test_a_preview_is_small_and_the_same_picture() -> None:
    y, x = np.mgrid[0:600, 0:900]
    rgb = np.stack([x / 4, y / 3, (x + y) / 7], -1).astype(np.uint8)
    for kind in ("JPEG", "PNG"):
        small = preview(encoded(Image.fromarray(rgb), kind), "x", (48, 24))
        expected = Image.fromarray(rgb).resize(small.size, Image.Resampling.BOX)
        assert max(small.size) <= 48
        assert small.size[1] <= 24
        assert np.abs(np.asarray(small).astype(int) - np.asarray(expected)).mean() < 4
