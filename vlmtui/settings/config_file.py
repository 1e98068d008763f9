"""Configuration file: the content of `config.toml` with lines, and what keeps it from being read.

Reading never raises: a file that cannot be used is empty, and a mistake says why.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from vlmtui.settings.location import ENVIRONMENT, config_path

MAX_BYTES = 1 << 16
_REMEDIES = {
    "Invalid value": "put text in quotes; true and false are lower case",
    "Cannot overwrite a value": "it is given twice: keep one of them",
    "Cannot declare": "it is given twice: keep one of them",
    "Expected '=' after a key": "a line is NAME = VALUE",
    "Invalid statement": "a line is NAME = VALUE, or [TABLE]",
    "Expected newline": "put text in quotes, and one setting in a line",
    "Illegal character": "text in quotes ends in its line",
    "Unterminated string": "text begins and ends with a quote",
    "Unclosed array": "a list ends with ]",
    "Unescaped": "write \\\\ for a backslash, or put the text in single quotes",
    "Expected ']'": "a table is written [NAME]",
}


class Mistake(NamedTuple):
    """What is wrong in a file, at a line where that is known; `said` has no full stop."""

    file: str
    line: int | None
    said: str

    def __str__(self) -> str:
        return f"{self.file}{'' if self.line is None else f':{self.line}'}: {self.said}"


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file as it was read. `there`: it exists; `mistakes` keep it from being used, and it is empty."""

    path: Path
    there: bool = True
    text: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()

    @property
    def shown(self) -> str:
        """Its name in sentences."""
        return str(self.path)

    def line(self, *keys: str) -> int | None:
        """The line at which the value that these keys lead to begins."""
        return self._lines.get(keys)

    @cached_property
    def _lines(self) -> dict[tuple[str, ...], int]:
        from vlmtui.settings.key_lines import key_lines

        return key_lines(self.text)


def read_config(path: Path) -> ConfigFile:
    """Read a configuration file. One that is not there is empty, and a mistake where the environment names it."""

    def unusable(said: str, line: int | None = None) -> ConfigFile:
        return ConfigFile(path, mistakes=(Mistake(str(path), line, f"{said}; no setting of the file is used"),))

    if path.is_fifo():  # it would be waited for until somebody writes into it
        return unusable("a pipe: name a file of settings")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        if not os.environ.get(ENVIRONMENT) or path != config_path():
            return ConfigFile(path, there=False)
        said = f"{ENVIRONMENT} names this file, and it does not exist: vlmtui config init writes it"
        return ConfigFile(path, there=False, mistakes=(Mistake(str(path), None, said),))
    except IsADirectoryError:
        return unusable("a folder: name the file in it")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return unusable(f"cannot be read ({reason}): check its permissions")
    if len(data) > MAX_BYTES:
        return unusable(f"larger than {MAX_BYTES >> 10} KiB: name a file of settings")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return unusable("not UTF-8: save it in that encoding", data[: error.start].count(b"\n") + 1)
    if not text.strip():
        return ConfigFile(path)
    import tomllib

    try:
        return ConfigFile(path, True, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        what, line = _where(str(error), text)
        remedy = next((remedy for start, remedy in _REMEDIES.items() if what.startswith(start)), "")
        return unusable(f"not TOML ({what}){remedy and f': {remedy}'}", line)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; lists in lists in lists
        return unusable(f"not TOML that can be read ({type(error).__name__}): simplify it")


def _where(message: str, text: str) -> tuple[str, int]:
    """What `tomllib` found wrong, without the position, and the line."""
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if found is None:
        return message, 1
    return message[: found.start()], int(found[1]) if found[1] else len(text.rstrip("\n").split("\n"))
