"""Names of images as people give them: addresses, `file:` addresses, paths as a terminal pastes them, and folders."""

from __future__ import annotations

import os
import re
import shlex
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes, urlsplit

from vlmtui.errors import ImageError
from vlmtui.files import expand_path
from vlmtui.images.file_kinds import HEIC_EXTRA, reads_heic

ENDINGS = frozenset(
    ".apng .avif .bmp .gif .j2k .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp".split()
)
"""The endings of image files in a folder; a file named explicitly or by a pattern may have any ending."""
_HEIC = frozenset((".heic", ".heif", ".hif"))
_UNREAD = {
    **dict.fromkeys((".jxl",), "JPEG XL is not read"),
    **dict.fromkeys((".svg", ".svgz", ".eps", ".ps", ".ai", ".wmf", ".emf"), "drawings are not read"),
    **dict.fromkeys((".pdf",), "PDF is not read"),
    **dict.fromkeys((".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"), "videos are not read"),
    **dict.fromkeys(
        (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"), "raw files of cameras are not read"
    ),
}
"""Why files with these endings in a folder are left out."""


_ADDRESS_LIKE = re.compile(r"(?:data|https?):", re.IGNORECASE)
_DRIVE = re.compile(r"/?[A-Za-z]:(?:[\\/]|$)|\\\\\w")
_SHOWN = 60
"""Letters of a `data:` address in a sentence."""


def is_address(source: str) -> bool:
    """Whether an image source is an address: a scheme, `://`, and more."""
    scheme, mark, _ = source.partition("://")
    return bool(mark) and scheme.replace("+", "").replace(".", "").replace("-", "").isalnum()


def is_file(name: str) -> bool:
    """Whether there is a file of this very name."""
    return exists(name) and os.path.isfile(expand_path(name))


def exists(name: str) -> bool:
    """Whether there is a file, a folder or a link of this very name."""
    try:
        return os.path.lexists(expand_path(name))
    except ValueError:  # a NUL in it
        return False


def local_name(source: str) -> str:
    """A name as a person typed or pasted it, as a path: `file:` addresses, quotes and backslashes are undone.

    A file that has the very name goes first; other names and addresses are returned as they are. Raises `ImageError`
    for a `file:` address of another machine.
    """
    if not source or exists(source):
        return source
    if source[:5].lower() == "file:":
        return _path_of_address(source)
    # what is dragged into a terminal has a blank behind it
    if (stripped := source.strip()) != source and exists(stripped):
        return stripped
    if is_address(source):
        return source
    try:
        words = shlex.split(source)
    except ValueError:  # a quote without its other
        return source
    if len(words) != 1 or words[0] == source:
        return source
    if words[0][:5].lower() == "file:":
        return local_name(words[0])
    # a name without a file is said as it was given
    return words[0] if exists(words[0]) or is_address(words[0]) else source


def without_password(address: str) -> str:
    """An address as it may be shown: its password, or a token in the place of one, is left out."""
    return re.sub(r"(?<=://)([^/?#@:\s]*):[^/?#\s]*(?=@)", r"\1:…", address)


def check_is_path(source: str) -> None:
    """Raise `ImageError` for what looks like an address, is none that is read, and is no file either."""
    if (found := _ADDRESS_LIKE.match(source)) is None or exists(source):
        return
    scheme = found[0].lower()
    if scheme == "data:":
        start = source.partition(",")[0][:_SHOWN] + ("," + source.partition(",")[2][:2] if "," in source else "")
        raise ImageError(f"{start}… is no address that is read: save the image in it as a file")
    raise ImageError(f"{source} is no address: write {scheme}// and the host")


def is_windows_path(name: str) -> bool:
    """Whether a name begins as a path of Windows does: with a drive (`C:\\`, `/C:/`) or a host (`\\\\host`)."""
    return _DRIVE.match(name) is not None


@dataclass
class LeftOut:
    """How many files of a folder were left out, by the reason."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str) -> None:
        """Count a file."""
        self.counts[reason] = self.counts.get(reason, 0) + 1

    def sentence(self, folder: str) -> str:
        """One line that says what was left out and why, or ""."""
        if not self.counts:
            return ""
        parts = [f"{count:,} {'file' if count == 1 else 'files'} ({reason})" for reason, count in self.counts.items()]
        return f"left out of {folder}: {', '.join(parts)}"


def images_in(folder: str, left_out: LeftOut | None = None) -> Iterator[str]:
    """The image files (by `ENDINGS`) in a folder and its subfolders, except hidden ones.

    Sorted by name, a folder's files before those of its subfolders; links to folders are not followed. What is named
    like an image and left out is counted in `left_out`.
    """
    left_out = left_out or LeftOut()
    heic = reads_heic()
    for above, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            ending = os.path.splitext(name)[1].lower()
            if name.startswith("."):
                continue
            if ending in _UNREAD:
                left_out.add(_UNREAD[ending])
            elif ending in _HEIC and not heic:
                left_out.add(f"HEIC is read with pip install '{HEIC_EXTRA}'")
            elif ending in ENDINGS or ending in _HEIC:
                path = os.path.join(above, name)
                # a pipe would be waited for without end
                if os.path.isfile(path) or not os.path.exists(path):
                    yield path
                else:
                    left_out.add("not a regular file")


def _path_of_address(address: str) -> str:
    """The path of a `file:` address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    if is_windows_path(parts.netloc):
        raise ImageError(f"{address} has a path of Windows: give the path of the file on this machine")
    # terminals and file managers name the machine
    if parts.netloc.lower() not in ("", "localhost", socket.gethostname().lower()):
        raise ImageError(f"{address} is on another machine ({parts.netloc}): give the path of a file on this one")
    # all behind the host: a name may have ? and # in it
    rest = address[5:]
    if rest.startswith("//"):
        rest = rest[2 + len(parts.netloc) :]
    whole = os.fsdecode(unquote_to_bytes(rest))
    if not whole:
        raise ImageError(f"{address} names no file: give its path")
    if exists(whole):
        return whole
    return os.fsdecode(unquote_to_bytes(parts.path)) or whole
