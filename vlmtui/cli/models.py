"""`vlmtui models`, `vlmtui verify` and `vlmtui doctor`: models on disk, self-verification, and examination."""

from __future__ import annotations

from typing import Annotated

import typer

from vlmtui.cli.help import FORMAT_NAMES, OUTPUT
from vlmtui.cli.messages import print_json
from vlmtui.cli.options import Debug, LoadArguments, Quiet, RemoteArguments, TextOrJson, Version, with_grouped_options
from vlmtui.errors import UsageError
from vlmtui.query.choices import check_choice


def models(
    long: Annotated[bool, typer.Option("--long", help="Also the hub's names, and the size of each part.")] = False,
    clear: Annotated[
        str | None,
        typer.Option("--clear", metavar="NAME", help="Remove a model that vlmtui downloaded from its cache."),
    ] = None,
    format: TextOrJson = "text",
    debug: Debug = False,
    version: Version = False,
) -> int:
    """List the models on this disk and those with short names.

    With what exploring each of them downloads, and how much memory it takes.
    """
    from vlmtui.reports.commands.models import FORMATS, model_table, models_object
    from vlmtui.reports.commands.models import clear_model as remove

    check_choice("--format", format, FORMATS)
    if clear is not None and (format == "json" or long):
        raise UsageError(f"--clear removes a model and lists none: leave {'--long' if long else '--format json'} out")
    if long and format == "json":
        raise UsageError("--long is for text, and json has all of it: leave one of them out")
    if format == "json":
        print_json(models_object())
        return 0
    for line in model_table(long) if clear is None else [remove(clear)]:
        typer.echo(line)
    return 0


@with_grouped_options
def verify(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A hub name, a folder, or an alias.")],
    load_arguments: LoadArguments,
    remote_arguments: RemoteArguments,
    format: Annotated[
        str, typer.Option("--format", rich_help_panel=OUTPUT, metavar="FORMAT", help=f"{FORMAT_NAMES}.")
    ] = "text",
    whole: Annotated[
        bool, typer.Option("--whole", help="Also download the language model's layers, to compare.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Check a model against itself (self-verification).

    Compares tokens, boxes, norms, words, logits and weights with the model's own forward pass.
    """
    from vlmtui.catalogue import resolve_model
    from vlmtui.reports.commands.verify import run_verify
    from vlmtui.signals import exit_on_signals

    load_arguments.check()
    where = remote_arguments.location(warm=False)
    if where.remote is None:
        resolve_model(model, option="MODEL")
    exit_on_signals()
    run_verify(load_arguments.load_options(model, where), whole, format, quiet)
    return 0


def doctor(
    format: TextOrJson = "text",
    report: Annotated[
        bool,
        typer.Option("--report", help="Text to paste into an issue: without paths and names."),
    ] = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Check terminal, packages, GPU, caches, session and logs.

    Lines that begin with an arrow say what to change.
    """
    from vlmtui.cli.doctor import FORMATS, doctor_object, examine
    from vlmtui.cli.doctor_report import without_names

    check_choice("--format", format, FORMATS)
    if report and format == "json":
        raise UsageError("--report is text: leave --format json out")
    if format == "json":
        print_json(doctor_object())
        return 0
    if report:
        typer.echo("```text")
    for line in examine():
        typer.echo(without_names(line) if report else line)
    if report:
        typer.echo("```")
    return 0
