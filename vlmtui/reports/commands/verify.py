"""`vlmtui verify`: results of the self-verification of a checkpoint, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from vlmtui.display.pieces import fit, plain, width
from vlmtui.errors import ModelError, UsageError
from vlmtui.query.options import LoadOptions
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.reports.output.target import target
from vlmtui.session.discovery import connect
from vlmtui.session.protocol import Progress, Verified

SCHEMA = "vlmtui/verify/1"


def run_verify(load: LoadOptions, whole: bool, format: str, quiet: bool) -> None:
    """Check a checkpoint and write the table to stdout. Raises `ModelError` where a check failed.

    With `whole`, also fetch what only the comparison with the full model needs.
    """
    write = FORMATS.get(format)
    if write is None:
        raise UsageError(f"verify has no format {format!r}: choose {', '.join(FORMATS)}")
    progress = ProgressLine(quiet)
    client = connect(load.where, on_line=lambda sentence: progress(Progress(sentence)) if sentence else None)
    try:
        result = client.verify(
            load.model,
            revision=load.revision,
            processor=load.processor,
            device=load.device,
            dtype=load.dtype,
            whole=whole,
            on_progress=progress,
        ).result()
    finally:
        progress.clear()
        client.close()
    with target(None) as output:
        for piece in write(result):
            output.write(piece)
        output.flush()
    failed = [check.name for check in result.checks if check.result == "fail"]
    if failed:
        raise ModelError(
            f"{result.model.name} fails {len(failed)} of {len(result.checks)} checks ({', '.join(failed)}): do not "
            "rely on what vlmtui shows of it there, and check whether its processor and its weights belong "
            "together"
        )


def verification_table(verified: Verified) -> Iterator[str]:
    """One line per check: its name, result and figure, or why there is none."""
    rows = [("CHECK", "RESULT", "FIGURE")]
    rows += [
        (check.name, check.result.upper() if check.result == "fail" else check.result, check.figure)
        for check in verified.checks
    ]
    first, second = (max(width(row[i]) for row in rows) for i in (0, 1))
    for name, result, figure in rows:
        yield f"{fit(name, first)}  {fit(result, second)}  {plain(figure)}\n"


def verification_json(verified: Verified) -> Iterator[str]:
    """One object: the model as it was loaded, and the checks."""
    model = {
        key: getattr(verified.model, key) for key in ("name", "family", "revision", "dtype", "device", "processor")
    }
    body = {"schema": SCHEMA, "model": model, "checks": verified.checks}
    yield f"{msgspec.json.encode(body).decode()}\n"


FORMATS: dict[str, Callable[[Verified], Iterator[str]]] = {"text": verification_table, "json": verification_json}
