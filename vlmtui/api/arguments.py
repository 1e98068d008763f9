"""Arguments of the Python API, checked and converted before anything is sent. The protocol checks the rest."""

from __future__ import annotations

import os
import reprlib
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any, TypeVar

import numpy as np

from vlmtui.errors import ArgumentTypeError, UsageError, type_name
from vlmtui.lenses.base import Lens, file_stamp
from vlmtui.lenses.lens_source import LensSource, is_lens_file, read_lens_source
from vlmtui.lenses.registry import find_lens

_WAY_OUT = "save it in a file, and give its path or import it from there"
_T = TypeVar("_T")


def check_type(name: str, given: Any, kind: type[_T]) -> _T:
    """Return the argument `name`; `ArgumentTypeError` where it is not of this type."""
    if not isinstance(given, kind):
        raise ArgumentTypeError(f"{name} must be {kind.__name__}, not {type_name(given)}")
    return given


def check_flag(name: str, given: Any) -> bool:
    """Return the argument `name` as bool; `ArgumentTypeError` where it is not one of Python or NumPy."""
    return bool(check_type(name, given, np.bool_ if isinstance(given, np.bool_) else bool))


def check_list(name: str, given: Any, kind: type[_T]) -> tuple[_T, ...]:
    """Return the items of the argument `name`; `ArgumentTypeError` for other types. A text is no list."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ArgumentTypeError(f"{name} must be a list of {kind.__name__}, not {type_name(given)}")
    return tuple(check_type(f"{name}[{i}]", each, kind) for i, each in enumerate(given))


def check_path(name: str, given: Any) -> str:
    """Return a path as text; `ArgumentTypeError` for anything else."""
    if not isinstance(given, str | os.PathLike):
        raise ArgumentTypeError(f"{name} must be a path, not {type_name(given)}")
    return os.fsdecode(given)


def check_patches(given: Any) -> list[tuple[Any, Any]]:
    """Patches as (row, col) pairs. Whether these are numbers of the grid is checked with the reading."""
    try:
        return [(row, col) for row, col in given]
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            f"patches must be a list of (row, col), such as [(3, 4)], not {reprlib.repr(given)}"
        ) from None


def lens_source(lens: object) -> LensSource:
    """The source of a lens that is given by name, by path, or as a function that was imported from a file.

    `UsageError` for anything else, for a function that comes from no file, and for one whose file has changed since it
    was imported: the session reads the file and would run another function.
    """
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
            return _function_source(lens.function, lens.name, lens)
        case FunctionType():
            return _function_source(lens, lens.__name__, None)
    raise ArgumentTypeError(f"lens must be a name, a path, or a function, not {type_name(lens)}")


def _function_source(function: Any, name: str, lens: Lens | None) -> LensSource:
    code = getattr(function, "__code__", None)
    module = str(getattr(function, "__module__", ""))
    if not isinstance(code, CodeType):
        raise UsageError(f"the lens {name} is not a plain function: {_WAY_OUT}")
    if module == "__main__":
        raise UsageError(f"the lens {name} is defined in __main__, and a session reads lenses from files: {_WAY_OUT}")
    path = code.co_filename
    if not os.path.isfile(path):
        raise UsageError(f"the lens {name} does not come from a file ({path}): {_WAY_OUT}")
    if "<locals>" in getattr(function, "__qualname__", ""):
        raise UsageError(f"the lens {name} is defined inside a function: define it at the top level of its file")
    found = read_lens_source(path)
    changed = file_stamp(function) != lens.stamp if lens is not None else code not in set(_compiled(found.text, path))
    if changed:
        raise UsageError(
            f"{os.path.basename(path)} has changed since {name} was imported from it: import it again, or give its path"
        )
    folder = os.path.dirname(path)
    if os.path.basename(path) == "__init__.py":
        found = read_lens_source(folder + os.sep)
    return LensSource(name, found.path, found.text, found.files, found.sha256)


def _compiled(text: str, path: str) -> Iterator[CodeType]:
    """The code objects that the text of a file compiles to, nested ones included."""
    try:
        pending = [compile(text.removeprefix("\ufeff"), path, "exec", dont_inherit=True, optimize=sys.flags.optimize)]
    except (SyntaxError, ValueError):
        return
    while pending:
        code = pending.pop()
        yield code
        pending += [part for part in code.co_consts if isinstance(part, CodeType)]
