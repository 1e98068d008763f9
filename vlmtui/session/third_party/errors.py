"""Errors in the code of foreign lenses, as one sentence with file and line."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

from vlmtui.errors import NotHere, ReadingGoneError, UsageError, VlmtuiError
from vlmtui.lenses import kinds
from vlmtui.lenses.base import Lens

_MAX_LENGTH = 300
_UNCHANGED = (NotHere, ReadingGoneError)


@dataclass(frozen=True)
class LensCode:
    """The code of a lens: `files` are its files by path, each with the name that is shown to the user; `root` is a
    folder that belongs to it entirely; `shown` is the name of the whole."""

    shown: str
    files: Mapping[str, str] = field(default_factory=dict)
    root: str = ""

    def named(self, filename: str) -> str:
        """The name of a file for the user; "" for one that does not belong to the lens."""
        if self.root and filename.startswith(self.root + os.sep):
            return os.path.relpath(filename, os.path.dirname(self.root))
        return self.files.get(filename, "")

    def defined(self, lens: Lens) -> str:
        """Where a lens is defined, such as `sharpness.py:4`."""
        code = getattr(lens.function, "__code__", None)
        name = self.named(code.co_filename) if code is not None else ""
        return f"{name}:{code.co_firstlineno}" if code is not None and name else self.shown

    def where(self, error: BaseException) -> str:
        """The innermost line of the lens's own code in the traceback; "" for none."""
        for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
            if name := self.named(frame.f_code.co_filename):
                return f"{name}:{line}"
        return ""

    def blamed(self, error: BaseException, lens: Lens | None = None) -> VlmtuiError:
        """The error for the user: one that the lens raised for that purpose, or a sentence about what went wrong."""
        if isinstance(error, _UNCHANGED):
            return error
        where = self.where(error) or (self.defined(lens) if lens is not None else self.shown)
        text = exception_text(error)
        match error:
            # one without a file, met outside the lens's code: its source cannot be compiled, such as for null bytes
            case SyntaxError() if self.named(error.filename or "") or not (error.filename or self.where(error)):
                at = f"{self.named(error.filename or '')}:{error.lineno}" if error.lineno else where
                return VlmtuiError(f"{at}: the lens cannot be read: {error.msg}")
            case ModuleNotFoundError(name=str(name)):
                return VlmtuiError(
                    f"{where}: the lens needs {name}, which is not installed where the session runs: install it there"
                )
            case ImportError():
                way_out = ": name its folder, with a slash at the end" if "relative import" in text else ""
                return VlmtuiError(f"{where}: the lens cannot be imported: {text}{way_out}")
            case SystemExit():
                status = error.code if error.code is not None else ""
                return VlmtuiError(f"{where}: the lens called sys.exit({status!r})".replace("('')", "()"))
            case VlmtuiError():
                # such as for an option, a stage or a shape: the sentence is vlmtui's, the mistake the lens's
                return VlmtuiError(f"{where}: {text}")
            case ValueError() if _from_kinds(error):
                return VlmtuiError(f"{where}: {text}")
        what = f"{type(error).__name__}: {text}" if text else type(error).__name__
        return VlmtuiError(f"{where}: the lens raised {what}")

    def of_options(self, error: UsageError, lens: Lens) -> UsageError:
        """The error in the options that the lens was given, with the place of its definition."""
        return UsageError(f"{self.defined(lens)}: {error}")


def exception_text(error: BaseException) -> str:
    """The text of an exception in one line, also where its own `__str__` fails."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        return "the reason could not be printed"
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."


def _from_kinds(error: BaseException) -> bool:
    """Whether the constructor of a result kind raised it."""
    last = None
    for last, _ in traceback.walk_tb(error.__traceback__):  # noqa: B007
        pass
    return last is not None and last.f_code.co_filename == kinds.__file__
