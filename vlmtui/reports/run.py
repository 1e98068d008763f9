"""A report from start to end: pictures in, one format out, what failed said."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.reports import Failure, Query, Result, check_format, results
from vlmtui.reports.output import Target, check_target, target
from vlmtui.reports.progress import ProgressLine
from vlmtui.session.client import SessionClient
from vlmtui.session.messages import Progress
from vlmtui.session.opening import connect


def run_report(
    sources: tuple[str, ...],
    query: Query,
    format: str,
    output: str | None,
    quiet: bool,
    say: Callable[[VlmtuiError], object],
    tell: Callable[[str], object] = lambda note: None,
    debug: bool = False,
) -> int:
    """Write the report of the pictures; the exit status.

    `say` is told of every picture that failed, `tell` what else a person should know, with `debug` also which session
    it is. With one picture the status is its error's, with many 1.
    """
    write = check_format(format)
    if output is not None and output != "-":
        check_target(output)
        if any(_same_file(output, source) for source in sources):
            raise UsageError(f"-o {output} is the picture itself: name another file for the report")
    progress = ProgressLine(quiet)
    failures: list[VlmtuiError] = []

    def start() -> SessionClient:
        client = connect(query.where, on_line=lambda sentence: progress(Progress(sentence)) if sentence else None)
        if client.note:
            tell(client.note)
        if debug:
            tell(f"the session is {client.where}" + (f", process {client.pid}" if client.pid else ""))
        return client

    found = results(sources, query, start, progress)

    def heard(to: Target) -> Iterator[Result]:
        for result in found:
            progress.clear()
            if isinstance(result, Failure):
                failures.append(result.error)
                say(_named(result) if len(sources) > 1 else result.error)
            yield result
            # what is known may be read while the next picture is looked at
            to.flush()

    try:
        with target(output) as to:
            for piece in write(heard(to), len(sources) > 1):
                to.write(piece)
            to.flush()
    finally:
        found.close()  # ends the session, also where the reader has left in the middle
        progress.clear()
    if not failures:
        return 0
    return failures[0].exit_status if len(sources) == 1 else 1


def _named(failure: Failure) -> VlmtuiError:
    """The error of one of many pictures, which says of which."""
    text = str(failure.error)
    if failure.source in text:
        return failure.error
    named = type(failure.error)(f"{failure.source}: {text}")
    named.__cause__ = failure.error
    return named


def _same_file(output: str, source: str) -> bool:
    with suppress(OSError, ValueError):
        return os.path.samefile(os.path.expanduser(output), os.path.expanduser(source))
    return False
