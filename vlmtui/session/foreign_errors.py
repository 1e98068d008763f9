"""What the code of a lens that is not built in did wrong, in one sentence with its file and line."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

from vlmtui.errors import NotHere, ReadingGoneError, UsageError, VlmtuiError
from vlmtui.lenses import kinds
from vlmtui.lenses.base import Lens

_LONG = 300
_AS_IT_IS = (NotHere, ReadingGoneError)


@dataclass(frozen=True)
class LensCode:
    """Whose code it is: `files` are its files, each with what a person calls it; `root` is a folder, all of which is
    its own, and `shown` what the whole is called."""

    shown: str
    files: Mapping[str, str] = field(default_factory=dict)
    root: str = ""

    def named(self, filename: str) -> str:
        """What a person calls this file; "" where it is not the lens's own."""
        if self.root and filename.startswith(self.root + os.sep):
            return os.path.relpath(filename, os.path.dirname(self.root))
        return self.files.get(filename, "")

    def defined(self, lens: Lens) -> str:
        """Where a lens is defined: `sharpness.py:4`."""
        code = getattr(lens.function, "__code__", None)
        name = self.named(code.co_filename) if code is not None else ""
        return f"{name}:{code.co_firstlineno}" if code is not None and name else self.shown

    def where(self, error: BaseException) -> str:
        """The line of its own that was being run when this was raised."""
        for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
            if name := self.named(frame.f_code.co_filename):
                return f"{name}:{line}"
        return ""

    def blamed(self, error: BaseException, lens: Lens | None = None) -> VlmtuiError:
        """The error for a person: that which the lens raised for one, or a sentence about what it did."""
        if isinstance(error, _AS_IT_IS):
            return error
        where = self.where(error) or (self.defined(lens) if lens is not None else self.shown)
        text = exception_text(error)
        match error:
            case SyntaxError() if self.named(error.filename or ""):
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
                # an option, a stage, a shape: said by vlmtui, and it is the lens that asked for it
                return VlmtuiError(f"{where}: {text}")
            case ValueError() if _from_kinds(error):
                return VlmtuiError(f"{where}: {text}")
        what = f"{type(error).__name__}: {text}" if text else type(error).__name__
        return VlmtuiError(f"{where}: the lens raised {what}")

    def of_options(self, error: UsageError, lens: Lens) -> UsageError:
        """What is wrong with the options that it was given."""
        return UsageError(f"{self.defined(lens)}: {error}")


def exception_text(error: BaseException) -> str:
    """The text of an exception in one line, whatever its own code makes of that."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        return "it cannot say why"
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."


def _from_kinds(error: BaseException) -> bool:
    """Whether a kind of result refused what it was given."""
    last = None
    for last, _ in traceback.walk_tb(error.__traceback__):  # noqa: B007
        pass
    return last is not None and last.f_code.co_filename == kinds.__file__
