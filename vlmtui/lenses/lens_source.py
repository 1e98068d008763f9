"""Lens source: the name of an installed lens, or the text of a lens's file or folder, and a call of it with options.

A client reads a file once and sends its text, so that it works in a session on another machine. Clients never run it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec

from vlmtui.errors import UsageError
from vlmtui.files import expand_path

MAX_BYTES = 8 << 20
"""The most source text that is accepted as a lens."""


class LensSource(msgspec.Struct, frozen=True):
    """A lens by name: a built-in or installed one, or one in the file or folder `path`, "" where that defines only one.

    `text` is the text of a file; `files` are the relative names and texts of a folder's files.
    """

    name: str
    path: str = ""
    text: str = ""
    files: tuple[tuple[str, str], ...] = ()
    sha256: str = ""

    @property
    def foreign(self) -> bool:
        """Whether it comes from a file or folder."""
        return bool(self.path)

    @property
    def shown(self) -> str:
        """The name in display form: `pca`, `sharpness.py`, `many.py:second`."""
        if not self.path:
            return self.name
        file = os.path.basename(self.path.rstrip("/")) or self.path
        return f"{file}:{self.name}" if self.name else file


class LensCall(msgspec.Struct, frozen=True):
    """A lens and the options of a call; hashable, so that equal calls are recognised."""

    lens: LensSource
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """The lens's name."""
        return self.lens.name

    @property
    def given(self) -> dict[str, Any]:
        """The options by name."""
        return dict(self.options)


def lens_call(lens: str | LensSource, **options: Any) -> LensCall:
    """Make a call of a lens, given by name or source, with these options."""
    source = LensSource(lens) if isinstance(lens, str) else lens
    return LensCall(source, tuple((name, _frozen(value)) for name, value in options.items()))


def is_lens_file(word: str) -> bool:
    """Whether `--lens WORD` means a file or a folder."""
    path = word.rpartition(":")[0] or word
    return "/" in word or path.endswith(".py") or word.endswith(".py")


def read_lens_source(word: str) -> LensSource:
    """Read the lens in `FILE`, `FILE:NAME` or `FOLDER`. `UsageError` where there is nothing to read."""
    path, mark, name = word.rpartition(":")
    if not mark or "/" in name or name.endswith(".py"):
        path, name = word, ""
    where = Path(expand_path(path))
    if where.is_dir():
        return _folder(where, path, name)
    text = _text(where, path)
    return LensSource(name, str(where.absolute()), text, (), _sha256([("", text)]))


def _folder(where: Path, shown: str, name: str) -> LensSource:
    if not (where / "__init__.py").is_file():
        raise UsageError(f"--lens {shown} is a folder without an __init__.py: define the lens in that file")
    files = sorted(
        (path.relative_to(where).as_posix(), path)
        for path in where.rglob("*.py")
        if not any(part.startswith((".", "__pycache__")) for part in path.relative_to(where).parts)
    )
    read = tuple((at, _text(path, str(path))) for at, path in files)
    if sum(len(text) for _, text in read) > MAX_BYTES:
        raise UsageError(
            f"--lens {shown} contains more than {MAX_BYTES >> 20} MiB of Python: keep the lens in a folder of its own"
        )
    return LensSource(name, str(where.absolute()), "", read, _sha256(read))


def _text(path: Path, shown: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"--lens {shown} is larger than {MAX_BYTES >> 20} MiB: name a Python file")
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise UsageError(f"--lens {shown} does not exist: check the path") from None
    except UnicodeDecodeError:
        raise UsageError(f"--lens {shown} is not a text file: name a Python file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError(f"--lens {shown} cannot be read ({reason}): check its permissions") from None


def _sha256(files: Any) -> str:
    found = hashlib.sha256()
    for name, text in files:
        for part in (name, text):
            data = part.encode()
            found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()


def _frozen(value: Any) -> Any:
    """Convert to a hashable value: lists to tuples, NumPy's numbers to Python's."""
    if isinstance(value, list | tuple):
        return tuple(_frozen(one) for one in value)
    return value.item() if getattr(value, "ndim", None) == 0 else value
