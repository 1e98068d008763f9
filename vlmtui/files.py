"""Whole-file writer: a file appears under its name when all of it is written, or not at all.

Every file that vlmtui writes for somebody else to read goes through here: reports, the parts of a batch, the cache.
Errors are `OSError`s; `explain_write_errors` turns them into a sentence for the person at the terminal.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from vlmtui.errors import VlmtuiError

UNFINISHED = ".new"
"""Ending of the name of a file that is being written; the name begins with a dot."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def expand_path(path: str | os.PathLike[str]) -> str:
    """Expand the home folder in a path that a user typed (`~/a`, `~name/a`); another path is returned as it is."""
    return os.path.expanduser(path)


class PartialFile:
    """A file under a temporary name, which `commit` renames to `path`. Closed without that, it is removed.

    The temporary file lies beside `path`, or in `folder`, which must be on the same file system. Its name is unique, so
    several processes may write the same file; the last to commit wins. An existing file keeps its permissions.
    """

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        self._path = path
        while True:
            self._temporary = temporary_name(path if folder is None else folder / path.name)
            self.file: BinaryIO = self._temporary.open("xb")
            with suppress(OSError):  # not every file system supports it
                fcntl.flock(self.file, fcntl.LOCK_EX)  # see `remove_dead`
            if os.fstat(self.file.fileno()).st_nlink:
                break
            self.file.close()  # it was removed before it was locked

    def commit(self, *, sync: bool = False) -> None:
        """Put the file in place of the one before. With `sync`, it and its name are on the disk when this returns."""
        self.file.flush()
        if self._path.exists():
            os.fchmod(self.file.fileno(), stat.S_IMODE(self._path.stat().st_mode))
        if sync:
            os.fsync(self.file.fileno())
        lock = os.dup(self.file.fileno())
        try:
            self.file.close()
            os.replace(self._temporary, self._path)
        finally:
            os.close(lock)
        if sync:
            _sync_folder(self._path.parent)

    def close(self) -> None:
        """Remove the temporary file, unless it was committed."""
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            self._temporary.unlink()

    def __enter__(self) -> PartialFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def broken_link(path: Path) -> str | None:
    """What is wrong with a link to a file that is not there, as the end of a sentence; None for any other path."""
    if not path.is_symlink() or path.exists():
        return None
    return f"it is a link to {os.readlink(path)}, which is not there"


@contextmanager
def whole_file(path: Path, *, folder: Path | None = None, sync: bool = False) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` at the end of the block, unless that raises.

    `folder` and `sync` as for `PartialFile`.
    """
    with PartialFile(path, folder) as partial:
        yield partial.file
        partial.commit(sync=sync)


def write_whole(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Write `data` as `whole_file` does."""
    with whole_file(path, sync=sync) as file:
        file.write(data)


def write_once(path: Path, data: bytes) -> None:
    """Write a file unless it exists: of several processes that try, the first one's data stays. Synced to disk."""
    whole = temporary_name(path)
    write_whole(whole, data, sync=True)
    try:
        os.link(whole, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        os.replace(whole, path)
    finally:
        whole.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder and what is in it; its name is free in one step, even where the rest is interrupted."""
    renamed = temporary_name(path)
    os.replace(path, renamed)
    shutil.rmtree(renamed, ignore_errors=True)


def temporary_name(path: Path) -> Path:
    """A hidden name beside `path` that no other process uses."""
    return path.with_name(f"{_temporary_start(path)}{os.urandom(6).hex()}{UNFINISHED}")


def remove_dead(path: Path) -> None:
    """Remove what killed commands of this user left of `path`: unfinished files that no process holds a lock on."""
    pattern = re.compile(re.escape(_temporary_start(path)) + "[0-9a-f]{12}" + re.escape(UNFINISHED))
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError), open(entry.path, "r+b") as file:
                    if os.fstat(file.fileno()).st_uid == os.getuid():
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        os.unlink(entry.path)


def _temporary_start(path: Path) -> str:
    """What temporary names of `path` begin with: of a long name as much as leaves room for the rest, in bytes."""
    return f".{os.fsencode(path.name)[:200].decode(errors='ignore')}."


@contextmanager
def explain_write_errors(name: str) -> Iterator[None]:
    """Turn an `OSError` about the file `name` into a `VlmtuiError`; a broken pipe stays one."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        way_out = "free some space or choose another place" if error.errno in _NO_ROOM else "choose another place"
        if error.errno == errno.EFBIG:
            way_out = "raise the limit of file sizes, ulimit -f, or choose another file system"
        raise VlmtuiError(f"{name} cannot be written ({reason}): {way_out}") from error


def is_disk_full(error: VlmtuiError) -> bool:
    """Whether a file could not be written for lack of space, a quota or a limit on its size."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_ROOM


def _sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # not every file system supports it
            os.fsync(handle)
    finally:
        os.close(handle)
