"""`vlmtui atlas`: statistics over many images, from the tables of their reports."""

from __future__ import annotations

from typing import Annotated

import typer

from vlmtui.cli.help import FORMAT_NAMES, OUTPUT
from vlmtui.cli.match import Output
from vlmtui.cli.messages import print_message
from vlmtui.cli.options import CsvSafe, Debug, Quiet, Version, check_csv_safe
from vlmtui.errors import UsageError

_TABLES = {
    "words": ("-k",),
    "where": ("-k", "--word"),
    "patches": ("-k", "--word", "--patches"),
    "outliers": (),
    "failures": (),
}
"""The tables of csv, and the options that each depends on; --word takes the place of -k."""
_K, _PATCHES = 12, 8
_FOLDING = ("text", "html")
"""The formats that have the spellings of a frequent word in one line, unless they are asked not to."""
_ENDINGS = {".txt": "text", ".json": "json", ".csv": "csv", ".html": "html", ".htm": "html"}


def atlas(
    tables: Annotated[
        list[str], typer.Argument(metavar="TABLE", help="Parquet files of vlmtui report, or folders of them.")
    ],
    word: Annotated[
        list[str] | None,
        typer.Option("--word", metavar="WORD", help="Also where WORD is top-1, and its best patches; repeatable."),
    ] = None,
    k: Annotated[int | None, typer.Option("-k", min=1, metavar="N", help="So many of the most frequent words.")] = None,
    patches: Annotated[
        int | None, typer.Option("--patches", min=0, metavar="N", help="So many patches per word.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("-m", "--model", metavar="NAME", help="Only this model, of tables with several.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="STAGE", help="Only this stage, of tables with several.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="METRIC", help="Only this metric, of tables with several.")
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="TABLE", help="csv: words, where, patches, outliers or failures.")
    ] = None,
    fold: Annotated[
        bool | None, typer.Option("--fold/--no-fold", help="text, html: spellings of a frequent word in one line.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format", rich_help_panel=OUTPUT, metavar="FORMAT", help=f"{FORMAT_NAMES}; or by the ending of -o."
        ),
    ] = None,
    output: Output = None,
    csv_safe: CsvSafe = False,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Summarise tables of many images: words, places, outliers.

    Lists the most frequent nearest tokens and where they are, recurring outlier positions, and the patches nearest to
    a word.
    """
    from vlmtui.reports.atlas.blocks import TableFilter
    from vlmtui.reports.atlas.summary import AtlasOptions
    from vlmtui.reports.commands.atlas import run_atlas
    from vlmtui.reports.output.target import chosen_format
    from vlmtui.signals import exit_on_signals

    def tell(note: str) -> None:
        if not quiet:
            print_message(note)

    chosen = chosen_format(format, output, _ENDINGS)
    if table is not None and table not in _TABLES:
        raise UsageError(f"atlas has no table {table!r}: choose {', '.join(_TABLES)}")
    if table is not None and chosen != "csv":
        raise UsageError(f"--table is for csv, and {chosen} shows them all: leave it out, or choose --format csv")
    check_csv_safe(csv_safe, chosen)
    if fold and chosen not in _FOLDING and chosen in _ENDINGS.values():
        raise UsageError(
            f"--fold is for reading, and {chosen} has every spelling: choose --format {' or '.join(_FOLDING)}"
        )
    shown = table or next(iter(_TABLES))
    given = {"-k": k is not None, "--word": bool(word), "--patches": patches is not None}
    unused = [option for option in given if given[option] and chosen == "csv" and option not in _TABLES[shown]]
    if chosen == "csv" and shown != "words" and word and k is not None:
        unused.append("-k beside --word")
    if chosen == "text" and patches is not None and not word:
        unused.append("--patches without --word")
    for option in dict.fromkeys(unused):
        tell(f"{f'the table {shown}' if chosen == 'csv' else chosen} does not depend on {option}")
    exit_on_signals()
    asked = AtlasOptions(
        tuple(tables),
        TableFilter(model, stage, metric),
        k or _K,
        _PATCHES if patches is None else patches,
        tuple(word or ()),
        shown,
        csv_safe,
        fold=chosen in _FOLDING and fold is not False,
    )
    return run_atlas(asked, chosen, output, quiet, tell)
