"""Kinds of files that are no image which can be read, by their first bytes, each with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

HEIC_EXTRA = "vlmtui[heic]"
_TEXT = 1024
"""Bytes of a text in which its kind is looked for."""
_PNG = "export it as PNG or JPEG"
_FRAME = "take a frame of it, such as with ffmpeg -i VIDEO -frames:v 1 frame.png"
_UNPACK = "unpack it, and name the image file"
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevm", b"hevs", b"hevx", b"mif1", b"msf1", b"mif2")


@dataclass(frozen=True)
class FileKind:
    """A kind of file: its name in a sentence, and what to do."""

    name: str
    advice: str


GIT_LFS = FileKind("a pointer of Git LFS, not the file itself", "run git lfs pull where it was cloned")
HEIC = FileKind("a HEIC image", f"pip install '{HEIC_EXTRA}' reads it, or {_PNG}")
WEB_PAGE = FileKind("a web page (HTML), not an image", "save the image itself")
_SVG = FileKind("an SVG drawing, which has no pixels", f"{_PNG}, such as with rsvg-convert")
_EPS = FileKind("an EPS or PostScript drawing", f"install Ghostscript to have it read, or {_PNG}")
_VIDEO = FileKind("a video", _FRAME)
_ARCHIVE = FileKind("an archive", _UNPACK)
_RAW = FileKind("a camera's raw file", "develop it, and export it as PNG, TIFF or JPEG")

_STARTS: tuple[tuple[bytes, FileKind], ...] = (
    (b"version https://git-lfs.github.com/spec/", GIT_LFS),
    (b"/annex/objects/", FileKind("a pointer of git-annex, not the file itself", "run git annex get on it")),
    (b"%!PS", _EPS),
    (b"\xc5\xd0\xd3\xc6", _EPS),
    (b"\xff\x0a", FileKind("a JPEG XL image", f"{_PNG}, such as with djxl")),
    (b"\0\0\0\x0cJXL \r\n\x87\n", FileKind("a JPEG XL image", f"{_PNG}, such as with djxl")),
    (b"II\xbc", FileKind("a JPEG XR image", _PNG)),
    (b"BPG\xfb", FileKind("a BPG image", _PNG)),
    (b"v/1\x01", FileKind("an OpenEXR image", "export it as 16-bit PNG or float TIFF")),
    (b"#?RADIANCE", FileKind("a Radiance HDR image", "export it as 16-bit PNG or float TIFF")),
    (b"AT&TFORM", FileKind("a DjVu document", "export the page that you mean as PNG")),
    (b"gimp xcf", FileKind("a GIMP project", _PNG)),
    (b"\xd7\xcd\xc6\x9a", FileKind("a WMF drawing, which has no pixels", _PNG)),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"FOVb", _RAW),
    (b"IIU\0", _RAW),
    (b"IIRO", _RAW),
    (b"IIRS", _RAW),
    (b"MMOR", _RAW),
    (b"\x1a\x45\xdf\xa3", _VIDEO),
    (b"\0\0\x01\xba", _VIDEO),
    (b"\0\0\x01\xb3", _VIDEO),
    (b"FLV\x01", _VIDEO),
    (b"0&\xb2u\x8ef\xcf\x11", _VIDEO),
    (b"OggS", FileKind("a sound or a video", _FRAME)),
    (b"ID3", FileKind("a sound", "name an image")),
    (b"fLaC", FileKind("a sound", "name an image")),
    (b"PK\x03\x04", FileKind("a ZIP archive or an office document", _UNPACK)),
    (b"PK\x05\x06", _ARCHIVE),
    (b"\x1f\x8b", _ARCHIVE),
    (b"BZh", _ARCHIVE),
    (b"\xfd7zXZ\0", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"Rar!\x1a\x07", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (b"\x93NUMPY", FileKind("a NumPy array", "pass it to Python's session.read, or save it as PNG")),
    (b"\x89HDF\r\n\x1a\n", FileKind("an HDF5 file", "save the array that you mean as PNG")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind("an office document", f"{_PNG} what you mean".replace("it ", ""))),
    (b"\x7fELF", FileKind("a program", "name an image")),
)


def kind_of(data: bytes) -> FileKind | None:
    """What a file is by its first bytes; None for a kind of image, and for what is not known."""
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    for found in (_boxed(data), _riff(data), _at_a_place(data), _text(data)):
        if found is not None:
            return found
    return None


def reads_heic() -> bool:
    """Whether the package that reads HEIC is installed."""
    return find_spec("pillow_heif") is not None


def register_heic() -> None:
    """Have Pillow read HEIC, where the package for it is installed."""
    if reads_heic():
        _register_once()


@cache
def _register_once() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()


def _boxed(data: bytes) -> FileKind | None:
    """What is in boxes of ISO media: HEIC, a camera's raw file, a video; not AVIF, which Pillow reads."""
    if data[4:8] in (b"moov", b"mdat", b"wide"):
        return _VIDEO
    if data[4:8] != b"ftyp":
        return None
    brand = data[8:12]
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {brand, *(data[at : at + 4] for at in range(16, length, 4))}
    if brands & {b"avif", b"avis"}:
        return None
    if brand in _HEIC_BRANDS:
        return HEIC
    return _RAW if brand == b"crx " else _VIDEO


def _riff(data: bytes) -> FileKind | None:
    """What is in RIFF; not WebP."""
    if data[:4] not in (b"RIFF", b"RF64"):
        return None
    return {b"AVI ": _VIDEO, b"WAVE": FileKind("a sound", "name an image")}.get(data[8:12])


def _at_a_place(data: bytes) -> FileKind | None:
    """What has its mark further on."""
    if b"%PDF-" in data[:_TEXT]:
        return FileKind("a PDF document", "export the page as PNG, such as with pdftoppm -png")
    if data[128:132] == b"DICM":
        return FileKind("a DICOM file", "export it as PNG, which keeps 16 bits")
    if data[344:348] in (b"n+1\0", b"ni1\0"):
        return FileKind("a NIfTI volume", "save the slice that you mean as PNG")
    if data[257:262] == b"ustar":
        return _ARCHIVE
    if data[40:44] == b" EMF":
        return FileKind("an EMF drawing, which has no pixels", _PNG)
    # packets of 188 bytes
    if len(data) > 376 and data[0] == data[188] == data[376] == 0x47:
        return _VIDEO
    return None


_COMMENTS = re.compile(rb"\A(?:\s|<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z))*", re.DOTALL)
_TAGS: tuple[tuple[bytes, FileKind], ...] = (
    (rb"<(?:!doctype\s+)?(?:\w+:)?svg\b", _SVG),
    (rb"<(?:!doctype\s+html|html|head|body|title|meta|script|div|p|h1)\b", WEB_PAGE),
)


def _text(data: bytes) -> FileKind | None:
    """What kind of text it is; None for what is no text."""
    start = data[: 16 * _TEXT]
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if start.startswith(mark):
            start = start[len(mark) :].decode(encoding, "replace").encode()
    start = _COMMENTS.sub(b"", start)
    for pattern, kind in _TAGS:
        if re.match(pattern, start, re.IGNORECASE):
            return kind
    is_readable: Callable[[int], bool] = lambda code: code >= 32 or code in b"\t\n\r\f\x1b"  # noqa: E731
    if not start or not all(map(is_readable, start[:_TEXT])):
        return None
    if re.match(rb"P[1-7]\s|/\* XPM|#define ", start):  # images that are written as text
        return None
    try:
        start[:_TEXT].decode("utf-8", "strict" if len(start) <= _TEXT else "ignore")
    except UnicodeDecodeError:
        return None
    return FileKind("not an image but a text", "choose one such as PNG, JPEG or WebP")
