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
_NAME = "name an image"
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
_SOUND = FileKind("a sound", _NAME)
_PROGRAM = FileKind("a program", _NAME)
_FONT = FileKind("a font", _NAME)
_TABLE = FileKind("a table or a database", f"{_NAME}, or list images in a text, one a line, for --from")
_WEIGHTS = FileKind("a file of a model's weights", "name an image, and the model's folder with --model")
_ARRAY = FileKind("a NumPy array", "pass it to Python's session.read, or save it as PNG")
_ARRAYS = FileKind("a file of arrays", "save the one that you mean as PNG")
_VOLUME = FileKind("a volume", "save the slice that you mean as PNG")
_OFFICE = FileKind("an office document", "export what you mean as PNG or JPEG")
_PICKLE = FileKind("a Python pickle, which is not opened", "save the image in it as PNG")
_SCENE = FileKind("a scene in three dimensions", "render it as PNG")
_BASE64 = FileKind("an image written as base64 text", "decode it first, such as with base64 -d FILE > image.png")
_ZEROS = FileKind("nothing but zeros, as an interrupted copy leaves it", "copy or download it again")
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
    (b"ID3", _SOUND),
    (b"fLaC", _SOUND),
    (b"PK\x05\x06", _ARCHIVE),
    (b"\x1f\x8b", _ARCHIVE),
    (b"BZh", _ARCHIVE),
    (b"\xfd7zXZ\0", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"Rar!\x1a\x07", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (b"\x04\x22\x4d\x18", _ARCHIVE),
    (b"MSCF", _ARCHIVE),
    (b"!<arch>\n", _ARCHIVE),
    (b"\xed\xab\xee\xdb", _ARCHIVE),
    (b"hsqs", _ARCHIVE),
    (b"\x93NUMPY", _ARRAY),
    (b"\x89HDF\r\n\x1a\n", FileKind("an HDF5 file", "save the array that you mean as PNG")),
    (b"CDF\x01", _ARRAYS),
    (b"CDF\x02", _ARRAYS),
    (b"CDF\x05", _ARRAYS),
    (b"MATLAB 5.0", _ARRAYS),
    (b"NRRD0", _VOLUME),
    (b"ObjectType = Image", _VOLUME),
    (b"SIMPLE  =", FileKind("a FITS file that cannot be read", "save its image as 16-bit PNG or float TIFF")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OFFICE),
    (b"{\\rtf", _OFFICE),
    (b"GGUF", _WEIGHTS),
    (b"lmgg", _WEIGHTS),
    (b"tjgg", _WEIGHTS),
    (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", _WEIGHTS),  # PyTorch before ZIP
    *((bytes((0x80, protocol)), _PICKLE) for protocol in range(2, 6)),
    (b"PAR1", _TABLE),
    (b"ARROW1", _TABLE),
    (b"FEA1", _TABLE),
    (b"ORC", _TABLE),
    (b"Obj\x01", _TABLE),
    (b"SQLite format 3\0", _TABLE),
    (b"\x7fELF", _PROGRAM),
    (b"MZ", _PROGRAM),
    (b"\0asm", _PROGRAM),
    (b"\xca\xfe\xba\xbe", _PROGRAM),
    (b"\xcf\xfa\xed\xfe", _PROGRAM),
    (b"\xfe\xed\xfa\xcf", _PROGRAM),
    (b"MThd", _SOUND),
    *((bytes((0xFF, second)), _SOUND) for second in (0xFB, 0xF3, 0xF2, 0xFA, 0xF1, 0xF9)),
    (b"#!AMR", _SOUND),
    (b"\0\1\0\0\0", _FONT),
    (b"OTTO", _FONT),
    (b"ttcf", _FONT),
    (b"wOF", _FONT),
    (b"glTF", _SCENE),
    (b"BLENDER", _SCENE),
    (b"8BPS\0\2", FileKind("a large Photoshop document (PSB)", _PNG)),
    (b"\x8aMNG", FileKind("an MNG animation", _PNG)),
    (b"\x8bJNG", FileKind("a JNG image", _PNG)),
    (b"FLIF", FileKind("a FLIF image", _PNG)),
    (b"\xabKTX", FileKind("a KTX texture", _PNG)),
    (b"P7\n", FileKind("a PAM image", _PNG)),
    (b"PF\n", FileKind("a PFM image in colour", _PNG)),
)

_IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"8BPS\0\1", "Photoshop"),
    (b"\0\0\1\0", "ICO"),
    (b"icns", "ICNS"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
)
"""The starts of images that Pillow reads: where it does not know one of them, it is damaged."""


def kind_of(data: bytes) -> FileKind | None:
    """What a file is by its first bytes; None for a kind of image, and for what is not known."""
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    for found in (_zip(data), _weights(data), _boxed(data), _iff(data), _at_a_place(data), _text(data)):
        if found is not None:
            return found
    return None


def image_kind(data: bytes) -> str:
    """The kind of image that a file begins as, "" for none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return "AVIF"
    return next((kind for start, kind in _IMAGES if data.startswith(start)), "")


def reads_heic() -> bool:
    """Whether the package that reads HEIC is installed."""
    return find_spec("pillow_heif") is not None


def register_heic() -> bool:
    """Have Pillow read HEIC, where the package for it is installed and can be loaded; whether it does."""
    return reads_heic() and _register_once()


@cache
def _register_once() -> bool:
    try:
        import pillow_heif
    except (ImportError, OSError):  # a library of its own is missing, or does not fit into memory
        return False
    pillow_heif.register_heif_opener()
    return True


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
    return {b"crx ": _RAW, b"M4A ": _SOUND, b"M4B ": _SOUND}.get(brand, _VIDEO)


def _zip(data: bytes) -> FileKind | None:
    """What is in a ZIP archive, by the name of its first file."""
    if data[:4] != b"PK\x03\x04":
        return None
    name = data[30 : 30 + int.from_bytes(data[26:28], "little")]
    if name.endswith((b"/data.pkl", b"/.format_version", b"/.data/serialization_id")):
        return _WEIGHTS
    if name.endswith(b".npy"):
        return FileKind("a file of NumPy arrays", "pass the one that you mean to Python's session.read")
    if name in (b"mimetype", b"[Content_Types].xml", b"_rels/.rels"):
        return _OFFICE
    return FileKind("a ZIP archive or an office document", _UNPACK)


_ONNX = re.compile(rb"\x08[\x01-\x20](?:\x12.[\w.-]+|\x3a)", re.DOTALL)


def _weights(data: bytes) -> FileKind | None:
    """Weights whose format begins with lengths: safetensors, ONNX and TensorFlow Lite."""
    header = int.from_bytes(data[:8], "little")
    is_safetensors = 2 <= header <= 100_000_000 and re.match(rb'\{\s*["}]', data[8 : 8 + _TEXT])
    return _WEIGHTS if is_safetensors or _ONNX.match(data) or data[4:8] == b"TFL3" else None


def _iff(data: bytes) -> FileKind | None:
    """What is in RIFF and IFF; not WebP and not ILBM."""
    if data[:4] == b"FORM":
        return {b"AIFF": _SOUND, b"AIFC": _SOUND}.get(data[8:12])
    if data[:4] not in (b"RIFF", b"RF64"):
        return None
    return {b"AVI ": _VIDEO, b"WAVE": _SOUND}.get(data[8:12])


def _at_a_place(data: bytes) -> FileKind | None:
    """What has its mark further on."""
    if b"%PDF-" in data[:_TEXT]:
        return FileKind("a PDF document", "export the page as PNG, such as with pdftoppm -png")
    if data[128:132] == b"DICM":
        return FileKind("a DICOM file", "export it as PNG, which keeps 16 bits")
    if data[344:348] in (b"n+1\0", b"ni1\0") or data[4:8] in (b"n+2\0", b"ni2\0"):
        return _VOLUME
    if data[257:262] == b"ustar" or data[32769:32774] == b"CD001":
        return _ARCHIVE
    if data[:2] == b"II" and data[8:10] == b"CR":
        return _RAW
    if not data.strip(b"\0"):
        return _ZEROS
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
    if re.match(rb"P[1-6f]\s|/\* XPM|#define ", start):  # images that are written as text
        return None
    if re.match(rb"(?:data:image/|iVBORw0KGgo|/9j/|R0lGOD|UklGR)", start):
        return _BASE64
    # whatever its encoding, most of it is ASCII
    if sum(code < 128 for code in start[:_TEXT]) < 0.7 * len(start[:_TEXT]):
        try:
            start[:_TEXT].decode("utf-8", "strict" if len(start) <= _TEXT else "ignore")
        except UnicodeDecodeError:
            return None
    return FileKind("not an image but a text", "choose one such as PNG, JPEG or WebP")
