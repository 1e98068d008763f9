"""Folders of reports: one file per image, named after the image, overwriting none of the images."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePath
from urllib.parse import urlsplit

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.files import expand_path, explain_write_errors
from vlmtui.images.paths import is_address

_LONGEST = 100  # characters of a name: a URL may be longer than a file system allows


def is_folder(output: str | None) -> bool:
    """Whether `-o` names a folder: an existing one, or a name that ends in a separator."""
    return output is not None and (output.endswith(("/", os.sep)) or os.path.isdir(expand_path(output)))


def image_files(output: str, sources: Iterable[str], ending: str) -> tuple[str, ...]:
    """The file of each image: its name with the new ending, numbered where several would be the same.

    Raises `UsageError` where one of them is one of the images.
    """
    folder, taken_names, files = Path(expand_path(output)), set[str](), []
    for source in sources:
        name = stem = _stem(source)
        number = 1
        while name.casefold() in taken_names:  # some file systems ignore case
            number += 1
            name = f"{stem}-{number}"
        taken_names.add(name.casefold())
        files.append(folder / f"{name}.{ending}")
    image_paths = {os.path.realpath(expand_path(source)) for source in sources}
    for file in files:
        if os.path.realpath(file) in image_paths:
            raise UsageError(f"{file} is one of the images: name another folder with -o")
    return tuple(map(str, files))


def make_folder(output: str) -> None:
    """Create the folder if necessary. Raises `VlmtuiError` where it cannot be created."""
    folder = Path(expand_path(output))
    if folder.exists() and not folder.is_dir():
        raise VlmtuiError(f"{output} is not a folder: name another with -o")
    with explain_write_errors(output):
        folder.mkdir(exist_ok=True)


def _stem(source: str) -> str:
    path = urlsplit(source).path if is_address(source) else source
    stem = PurePath(path).stem[:_LONGEST]
    return stem if stem not in ("", "-") else "picture"
