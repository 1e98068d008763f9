"""`vlmtui atlas`: statistics over many images, from the tables of their reports."""

from __future__ import annotations

from typing import Annotated

import typer

from vlmtui.cli.match import Output
from vlmtui.cli.messages import print_message
from vlmtui.cli.options import Debug, Quiet, Version
from vlmtui.errors import UsageError

_TABLES = ("words", "where", "patches", "outliers", "failures")
_ENDINGS = {".txt": "text", ".json": "json", ".csv": "csv", ".html": "html", ".htm": "html"}


def atlas(
    tables: Annotated[
        list[str], typer.Argument(metavar="TABLE", help="Parquet files of vlmtui report, or folders of them.")
    ],
    word: Annotated[
        list[str] | None,
        typer.Option("--word", metavar="WORD", help="Also where WORD is said, and by which patches most; repeatable."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="So many of the most said words.")] = 12,
    patches: Annotated[int, typer.Option("--patches", min=0, metavar="N", help="So many patches a word.")] = 8,
    model: Annotated[
        str | None, typer.Option("-m", "--model", metavar="NAME", help="Of tables with several models, this one.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="STAGE", help="Of tables with several stages, this one.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="METRIC", help="Of tables with several metrics, this one.")
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="TABLE", help="csv: words, where, patches, outliers or failures.")
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="text, json, csv or html; or by the name of -o.")
    ] = None,
    output: Output = None,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Sum up many pictures: words most said, where, outliers that repeat, patches most like a word."""
    from vlmtui.reports.atlas.summary import AtlasOptions
    from vlmtui.reports.atlas.tables import TableFilter
    from vlmtui.reports.commands.atlas import run_atlas
    from vlmtui.reports.output.target import format_by_ending
    from vlmtui.signals import exit_on_signals

    def tell(note: str) -> None:
        if not quiet:
            print_message(note)

    chosen = format or format_by_ending(output, _ENDINGS)
    if table is not None and table not in _TABLES:
        raise UsageError(f"atlas has no table {table!r}: choose {', '.join(_TABLES)}")
    if table is not None and chosen != "csv":
        raise UsageError(f"--table is for csv, and {chosen} shows them all: leave it out, or choose --format csv")
    exit_on_signals()
    asked = AtlasOptions(
        tuple(tables), TableFilter(model, stage, metric), k, patches, tuple(word or ()), table or _TABLES[0]
    )
    return run_atlas(asked, chosen, output, quiet, tell)
