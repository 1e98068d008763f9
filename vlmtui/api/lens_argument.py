"""Which lens a call in Python means: a name, a path, or a function that comes from a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from vlmtui.errors import UsageError
from vlmtui.lenses.base import Lens, file_stamp
from vlmtui.lenses.lens_source import LensSource, is_lens_file, read_lens_source
from vlmtui.lenses.registry import find_lens

_WAY_OUT = "save it in a file, and give its path or import it from there"


def source_of(lens: object) -> LensSource:
    """The lens that is meant. `UsageError` for what is none, a function that comes from no file, or one whose file has
    changed since it was imported: the session would run another."""
    match lens:
        case str():
            return read_lens_source(lens) if is_lens_file(lens) else LensSource(lens)
        case os.PathLike():
            return read_lens_source(os.fspath(lens))
        case LensSource():
            return lens
        case Lens() if find_lens(lens.name) is lens:
            return LensSource(lens.name)
        case Lens():
            return _of_file(lens.function, lens.name, lens)
        case FunctionType():
            return _of_file(lens, lens.__name__, None)
    raise UsageError(f"lens must be a name, a path, or a function, not {type(lens).__name__}")


def _of_file(function: Any, name: str, lens: Lens | None) -> LensSource:
    code = getattr(function, "__code__", None)
    module = str(getattr(function, "__module__", ""))
    if not isinstance(code, CodeType):
        raise UsageError(f"the lens {name} is no plain function: {_WAY_OUT}")
    if module == "__main__":
        raise UsageError(f"the lens {name} is defined in __main__, and a session reads lenses from files: {_WAY_OUT}")
    path = code.co_filename
    if not os.path.isfile(path):
        raise UsageError(f"the lens {name} comes from no file ({path}): {_WAY_OUT}")
    if "<locals>" in getattr(function, "__qualname__", ""):
        raise UsageError(f"the lens {name} is defined inside of a function: define it at the top of its file")
    found = read_lens_source(path)
    changed = file_stamp(function) != lens.stamp if lens is not None else code not in set(_codes(found.text, path))
    if changed:
        raise UsageError(
            f"{os.path.basename(path)} has changed since {name} was imported from it: import it again, or give its path"
        )
    folder = os.path.dirname(path)
    if os.path.basename(path) == "__init__.py":
        found = read_lens_source(folder + os.sep)
    return LensSource(name, found.path, found.text, found.files, found.sha256)


def _codes(text: str, path: str) -> Iterator[CodeType]:
    """What the functions of a file are compiled to now."""
    try:
        waiting = [compile(text.removeprefix("\ufeff"), path, "exec", dont_inherit=True, optimize=sys.flags.optimize)]
    except (SyntaxError, ValueError):
        return
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [part for part in code.co_consts if isinstance(part, CodeType)]
