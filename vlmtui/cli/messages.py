"""Messages of the command line on stderr."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from vlmtui.errors import VlmtuiError

_RULES = (
    (r"greater than or equal to (\S+)", r"at least \1"),
    (r"less than or equal to (\S+)", r"at most \1"),
    (r"greater than (\S+)", r"above \1"),
    (r"less than (\S+)", r"below \1"),
    (r"a valid integer.*", "a whole number"),
    (r"a valid number.*", "a number"),
    (r"a finite number", "a finite number"),
)
"""What the parser says of a number (after "Input should be"), and what is said instead."""


def parser_sentence(said: str, words: Sequence[str], command: str) -> str:
    """What the parser of the command line says of its words, without its own jargon and without a full stop."""
    said = said.rstrip(".")
    if said.startswith("No such option") and (file := next(filter(_is_file_with_dash, words), None)):
        return f"{file} begins as an option does: give the file as ./{file}"
    if found := re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.+)\)", said, re.DOTALL):
        several = ", or several images to vlmtui report" if command.endswith(" IMAGE") else ""
        return f"{found[1]} is more than {command} takes: put quotes around what has blanks in it{several}"
    if found := re.fullmatch(r"Invalid value for '([^']+)': Input should be (.+)", said, re.DOTALL):
        for rule, instead in _RULES:
            if matched := re.fullmatch(rule, found[2], re.DOTALL):
                return f"{found[1].split(' / ')[-1]} must be {matched.expand(instead)}"
    return said


def _is_file_with_dash(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and os.path.lexists(word)


def print_error(error: VlmtuiError, debug: bool) -> int:
    """Print an error on stderr, with `debug` after its traceback; its exit status."""
    if debug:
        import traceback

        traceback.print_exception(error)
    print_message(str(error))
    return error.exit_status


def print_json(value: Any) -> None:
    """Print an object on stdout, on one line."""
    import json

    print(json.dumps(value, ensure_ascii="utf" not in (sys.stdout.encoding or "").lower(), separators=(",", ":")))


def print_message(sentence: str) -> None:
    """Print one line on stderr, without control characters or characters that it cannot encode.

    Where stderr is full nobody is told, and the command goes on, or ends with its own status.
    """
    from vlmtui.display.pieces import ascii_only, plain

    line = f"vlmtui: {plain(' '.join(sentence.split()))}"
    try:
        line.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        line = ascii_only(line)
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # what is still in the full one's buffer would fail again
