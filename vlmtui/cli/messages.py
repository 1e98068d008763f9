"""What the command line says on stderr."""

from __future__ import annotations

import sys

from vlmtui.errors import VlmtuiError


def say(error: VlmtuiError, debug: bool) -> int:
    """The sentence of an error on stderr, with `debug` its traceback before it; its exit status."""
    if debug:
        import traceback

        traceback.print_exception(error)
    say_line(str(error))
    return error.exit_status


def say_line(sentence: str) -> None:
    """One line on stderr, whatever is in the sentence."""
    from vlmtui.display.pieces import ascii_only, plain

    line = f"vlmtui: {plain(' '.join(sentence.split()))}"
    try:
        line.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        line = ascii_only(line)
    print(line, file=sys.stderr, flush=True)
