"""`out.parquet.parts`: the folder beside a table in which its parts are made.

manifest.json           the query, package versions, and the number of images a part
sources                 the names of all images as they were at the start, a NUL after each
model.json              the model that is used, from the first time one is loaded
part-000012.parquet     the rows of one part: whole, or absent
joined                  written when the table is complete: the number of images that failed
lock                    held by the command that is running
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


class PartsFolder:
    """The folder of the parts of the table `output`."""

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
        """The numbers of the parts that exist."""
        with explain_write_errors(str(self.path)):
            return {int(part[1]) for name in os.listdir(self.path) if (part := _PART.fullmatch(name))}

    @property
    def joined(self) -> int | None:
        """The number of images that failed, where the table is complete and only this folder left, else None."""
        if not (self._joined.exists() and self.output.exists()):
            return None
        with explain_write_errors(str(self._joined)):
            return int(self._joined.read_text())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and lock it. `VlmtuiError` where another command works in it."""
        with explain_write_errors(str(self.path)):
            self.path.mkdir(exist_ok=True)
            lock = FileLock(self.path / "lock", thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise VlmtuiError(
                    f"another command is writing {self.output}: wait for it, or name another file with -o"
                ) from None
        try:
            with explain_write_errors(str(self.path)):
                self._sweep()
            yield
        finally:
            lock.release()

    def clear(self) -> None:
        """Remove all files, the manifest before the parts: no command uses parts without one."""
        with explain_write_errors(str(self.path)):
            for file in (self._joined, self.manifest, self.model, self.sources):
                file.unlink(missing_ok=True)
            for number in self.made():
                self.part(number).unlink(missing_ok=True)

    def mark_joined(self, failed: int) -> None:
        """Record that the table is complete, and how many of its images failed."""
        with explain_write_errors(str(self._joined)):
            write_whole(self._joined, b"%d\n" % failed, sync=True)

    def remove(self) -> None:
        """Remove the folder; until the last step it says that the table is complete."""
        with explain_write_errors(str(self.path)):
            for number in self.made():
                self.part(number).unlink(missing_ok=True)
            remove_folder(self.path)

    def _sweep(self) -> None:
        """Remove unfinished files of a command that was killed."""
        for name in os.listdir(self.path):
            if name.startswith(".") and name.endswith(UNFINISHED):
                with suppress(FileNotFoundError):
                    (self.path / name).unlink()
