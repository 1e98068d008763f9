"""Sources of images: files, addresses, folders, quoted patterns and lists, expanded to the images that they name.

A folder is expanded to the image files in it and below, as `image.images_in` finds them; a pattern (`*`, `?`, `[…]`,
and `**` for folders below) to the files that match, sorted by name. Names in a list are not expanded.
"""

from __future__ import annotations

import codecs
import glob
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from vlmtui.errors import ImageError, UsageError, VlmtuiError
from vlmtui.files import expand_path
from vlmtui.images.file_kinds import image_kind, kind_of
from vlmtui.images.paths import LeftOut, images_in, is_address, is_file, local_name

_BINARY = re.compile(rb"[\x01-\x08\x0e-\x1a]")
_NO_LIST = "{} is not a list of images: name a text file with one image per line"


def expand_sources(
    words: Sequence[str], list_name: str | None = None, on_note: Callable[[str], object] = lambda note: None
) -> tuple[tuple[str, ...], bool]:
    """The images named by the arguments of a command line and by a list, and whether several were asked for.

    A folder, a pattern or a list asks for several, whatever their number. A folder or pattern without images stays
    among the names, so that the error names it. `list_name` is a file, or `-` for standard input, with one name per
    line, or with a NUL after every name (`find -print0`). What is left out of a folder is told to `on_note`. Raises
    `VlmtuiError` for a list that cannot be read.
    """
    if list_name == "-" and "-" in words:
        raise UsageError("standard input cannot be both an image and a list: leave IMAGE - or --from - out")
    names: list[str] = []
    several = len(words) > 1 or list_name is not None
    for word in map(_local_name, words):
        left_out = LeftOut()
        expanded = tuple(_expanded(word, left_out))
        if note := left_out.sentence(word):
            on_note(note)
        several = several or expanded != (word,)
        names += expanded or (word,)
    if list_name is not None:
        names += _listed(list_name)
    return tuple(names), several


def _local_name(word: str) -> str:
    """A word as a path; one that is none on this machine as it is, so that the error names that image alone."""
    try:
        return local_name(word)
    except ImageError:
        return word


def _expanded(word: str, left_out: LeftOut) -> Iterator[str]:
    path = expand_path(word)
    if word == "-" or is_address(word):
        yield word
    elif os.path.isdir(path):
        yield from images_in(path, left_out)
    elif not os.path.lexists(path) and glob.has_magic(word):
        yield from (name for name in sorted(glob.iglob(path, recursive=True)) if not os.path.isdir(name))
    else:
        yield word


def _listed(name: str) -> list[str]:
    if name == "-":
        if sys.stdin is None:
            raise VlmtuiError("standard input is closed: pipe a list of images into it, or name a file with --from")
        data = sys.stdin.buffer.read()
        name = "standard input"
    else:
        if not name.strip():
            raise VlmtuiError("--from is empty: name a file with one image per line, or - for standard input")
        try:
            path = Path(expand_path(name))
            if stat.S_ISCHR(path.stat().st_mode):
                raise VlmtuiError(
                    f"--from {name} is a device, which may have no end: name a file with one image per line"
                )
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise VlmtuiError(f"--from {name} cannot be read ({reason}): name a file with one image per line") from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise VlmtuiError(f"the list {name} is in UTF-16: save it as UTF-8, or as plain text")
    binary = _BINARY.search(data, 0, 4096) is not None
    # a name may begin as a file of some kind does ("BMW.png"), but hardly goes on as one
    if binary and (image_kind(data) or kind_of(data)):
        raise VlmtuiError(_NO_LIST.format(name))
    data = data.removeprefix(codecs.BOM_UTF8)
    parts = data.split(b"\0") if b"\0" in data else _lines(data)
    listed_names = [os.fsdecode(part) for part in parts if part.strip()]
    if not listed_names:
        raise VlmtuiError(f"{name} names no image: give one per line")
    # a name may have such bytes too, but then there is a file of that name
    if binary and not any(is_file(one) for one in listed_names):
        raise VlmtuiError(_NO_LIST.format(name))
    return listed_names


def _lines(data: bytes) -> Iterator[bytes]:
    """The lines of a list, ended by LF, CR LF, or CR alone; a name with a CR in it that is a file's stays whole."""
    for line in data.split(b"\n"):
        line = line.removesuffix(b"\r")
        yield from line.split(b"\r") if b"\r" in line and not is_file(os.fsdecode(line)) else (line,)
