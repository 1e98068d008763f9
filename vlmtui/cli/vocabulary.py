"""`vlmtui vocabulary`: a model's vocabulary by itself, without an image."""

from __future__ import annotations

from typing import Annotated

import typer

from vlmtui.cli.help import FORMAT_NAMES, OUTPUT
from vlmtui.cli.match import Output
from vlmtui.cli.messages import print_message
from vlmtui.cli.options import (
    CsvSafe,
    Debug,
    LoadArguments,
    NoWarm,
    Quiet,
    RemoteArguments,
    Version,
    check_csv_safe,
    with_grouped_options,
)
from vlmtui.cli.user_settings import UserSettings
from vlmtui.errors import UsageError
from vlmtui.metrics import DEFAULT_METRIC

_K = 8
_ENDINGS = {".txt": "text", ".json": "json", ".csv": "csv"}


@with_grouped_options
def vocabulary(
    load_arguments: LoadArguments,
    remote_arguments: RemoteArguments,
    settings: UserSettings,
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="A hub name, a folder, or an alias [VLMTUI_MODEL, or demo].")
    ] = None,
    near: Annotated[str | None, typer.Option("--near", metavar="WORD", help="List the words nearest to WORD.")] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="METRIC", help="With --near: cosine, cosine-centred, l2 or dot.")
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", min=1, metavar="N", help="So many words, or rows at either end.")
    ] = None,
    all_tokens: Annotated[
        bool, typer.Option("--all-tokens", help="Include special tokens, and rows without a token.")
    ] = False,
    no_warm: NoWarm = False,
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
    """Show a model's vocabulary, without an image.

    Lists the largest and smallest norms of its rows and equal rows; with --near, the words nearest to a word.
    """
    from vlmtui.catalogue import resolve_model
    from vlmtui.reports.commands.vocabulary import VocabularyOptions, run_vocabulary
    from vlmtui.reports.output.target import chosen_format
    from vlmtui.signals import exit_on_signals

    def tell(note: str) -> None:
        if not quiet:
            print_message(note)

    settings.tell()
    load_arguments.check()
    where = remote_arguments.location(warm=not no_warm)
    name = settings.model if model is None else model
    if where.remote is None:
        resolve_model(name)
    chosen = chosen_format(format, output, _ENDINGS)
    check_csv_safe(csv_safe, chosen)
    if metric is not None and near is None:
        raise UsageError("--metric orders the words near a word: name one with --near, or leave it out")
    if chosen == "csv" and near is None and (k is not None or all_tokens):
        raise UsageError(f"csv has every row of the vocabulary: leave {'-k' if k is not None else '--all-tokens'} out")
    exit_on_signals()
    load = load_arguments.load_options(name, where)
    asked = VocabularyOptions(near, metric or DEFAULT_METRIC, k or _K, all_tokens, csv_safe)
    return run_vocabulary(load, asked, chosen, output, quiet, tell)
