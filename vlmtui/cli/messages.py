"""Messages of the command line on stderr."""

from __future__ import annotations

import sys
from typing import Any

from vlmtui.errors import VlmtuiError


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
    """Print one line on stderr, without control characters or characters that it cannot encode."""
    from vlmtui.display.pieces import ascii_only, plain

    line = f"vlmtui: {plain(' '.join(sentence.split()))}"
    try:
        line.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        line = ascii_only(line)
    print(line, file=sys.stderr, flush=True)
