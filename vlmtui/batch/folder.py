"""`out.parquet.parts`: the folder beside the report in which it is made, part by part.

manifest.json           what was asked, with which versions, in parts of how many pictures
sources                 the names of all pictures as they were at the start, a NUL after each
model.json              which model answered, as soon as one has
part-000012.parquet     the rows of one part: whole, or not there
joined                  the report is written, and what is here of no more use: how many of its pictures failed
lock                    held by the command at work
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vlmtui.errors import VlmtuiError
from vlmtui.files import UNFINISHED, expand_path, explain_write_errors, remove_folder, write_whole

_PART = re.compile(r"part-(\d{6,})\.parquet")


class Folder:
    """The folder of one report, `output` being that report's file."""

    def __init__(self, output: str) -> None:
        self.output = Path(os.path.realpath(expand_path(output)))
        self.path = self.output.with_name(f"{self.output.name}.parts")
        self.manifest = self.path / "manifest.json"
        self.sources = self.path / "sources"
        self.model = self.path / "model.json"
        self._joined = self.path / "joined"

    def part(self, number: int) -> Path:
        """The file of a part."""
        return self.path / f"part-{number:06d}.parquet"

    def made(self) -> set[int]:
        """The numbers of the parts that are there."""
        with explain_write_errors(str(self.path)):
            return {int(part[1]) for name in os.listdir(self.path) if (part := _PART.fullmatch(name))}

    @property
    def joined(self) -> int | None:
        """Of how many pictures the report says that they failed, where it is written and only this folder was not taken
        away; else None."""
        if not (self._joined.exists() and self.output.exists()):
            return None
        with explain_write_errors(str(self._joined)):
            return int(self._joined.read_text())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder where there is none, and keep others from it. `VlmtuiError` where one is at work there."""
        with explain_write_errors(str(self.path)):
            self.path.mkdir(exist_ok=True)
            lock = FileLock(self.path / "lock", thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise VlmtuiError(
                    f"another command is making {self.output}: wait for it, or name another file with -o"
                ) from None
        try:
            with explain_write_errors(str(self.path)):
                self._sweep()
            yield
        finally:
            lock.release()

    def clear(self) -> None:
        """Take away all that was made, the manifest first: parts without one are of no use to anybody."""
        with explain_write_errors(str(self.path)):
            for file in (self._joined, self.manifest, self.model, self.sources):
                file.unlink(missing_ok=True)
            for number in self.made():
                self.part(number).unlink(missing_ok=True)

    def mark_joined(self, failed: int) -> None:
        """From now on the report counts, and not what is here."""
        with explain_write_errors(str(self._joined)):
            write_whole(self._joined, b"%d\n" % failed, sync=True)

    def remove(self) -> None:
        """Take the folder away; what says that the report is written goes last."""
        with explain_write_errors(str(self.path)):
            for number in self.made():
                self.part(number).unlink(missing_ok=True)
            remove_folder(self.path)

    def _sweep(self) -> None:
        """Take away what a command that was killed has left half written."""
        for name in os.listdir(self.path):
            if name.startswith(".") and name.endswith(UNFINISHED):
                with suppress(FileNotFoundError):
                    (self.path / name).unlink()
