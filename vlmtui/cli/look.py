"""`vlmtui IMAGE` and `vlmtui report IMAGE...`: the explorer and reports."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vlmtui.cli.help import DRAWING, OUTPUT
from vlmtui.cli.messages import print_error, print_message
from vlmtui.cli.options import (
    Debug,
    LoadArguments,
    QueryArguments,
    Quiet,
    RemoteArguments,
    Version,
    with_grouped_options,
)
from vlmtui.cli.report_options import BatchArguments, DrawingArguments, SelectionArguments
from vlmtui.cli.user_settings import UserSettings
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.query.choices import THEMES, check_choice
from vlmtui.reports.formats.base import COLOR
from vlmtui.reports.formats.registry import ENDINGS, FORMATS, format_named, names, taking

if TYPE_CHECKING:
    from vlmtui.query.options import Query

Format = Annotated[
    str | None,
    typer.Option("--format", rich_help_panel=OUTPUT, metavar="FORMAT", help=f"{names(FORMATS, ' or ')}."),
]
Output = Annotated[
    str | None, typer.Option("-o", "--output", rich_help_panel=OUTPUT, metavar="FILE", help="Write the report to FILE.")
]


Theme = Annotated[
    str, typer.Option("--theme", rich_help_panel=DRAWING, metavar="THEME", help="Explorer: auto, light or dark.")
]


@with_grouped_options
def image(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A path, an http(s) address, or - for stdin.")],
    query_arguments: QueryArguments,
    selection: SelectionArguments,
    drawing: DrawingArguments,
    load_arguments: LoadArguments,
    remote_arguments: RemoteArguments,
    settings: UserSettings,
    format: Format = None,
    output: Output = None,
    theme: Theme = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Open the explorer on IMAGE.

    Where stdout is not a terminal, or with --format, the report is printed instead.
    """
    check_choice("--theme", theme, THEMES)
    query = drawing.apply(query_arguments.query(load_arguments, remote_arguments, settings.lens_folders))
    if format is None and output is None and can_explore(image):
        selection.check_none()
        drawing.check_none()
        if query.selection.stages:
            raise UsageError("--stages is for --format html: the explorer has every stage")
        return _explore(image, query, drawing.color, theme, debug, settings)
    if theme != "auto":
        raise UsageError("--theme is for the explorer: leave it out")
    settings.tell()
    return _run_report((image,), selection.apply(query), format, output, quiet, debug, settings)


@with_grouped_options
def report(
    query_arguments: QueryArguments,
    selection: SelectionArguments,
    drawing: DrawingArguments,
    batch: BatchArguments,
    load_arguments: LoadArguments,
    remote_arguments: RemoteArguments,
    settings: UserSettings,
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE", help="Paths, folders, patterns in quotes, addresses, - for stdin."),
    ] = None,
    listed: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="Also the images that FILE lists, one per line; - for stdin."),
    ] = None,
    format: Format = None,
    output: Output = None,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Print the report of one image, several, a folder, or a list."""
    from vlmtui.reports.select.sources import expand_sources

    if not images and listed is None:
        raise UsageError("report needs an IMAGE: name one or more, a folder, or a list with --from")
    settings.tell()
    query = query_arguments.query(load_arguments, remote_arguments, settings.lens_folders)
    query = selection.apply(drawing.apply(query))
    sources, several = expand_sources(images or (), listed, lambda note: None if quiet else print_message(note))
    return _run_report(sources, query, format, output, quiet, debug, settings, several, batch, listed)


def can_explore(source: str) -> bool:
    """Whether the explorer can be opened: it needs a terminal and a keyboard."""
    if os.environ.get("TERM", "") in ("", "dumb") or not sys.stdout.isatty():
        return False
    # with the image on stdin, keys are read from the terminal
    return sys.stdin.isatty() or source == "-"


def _explore(source: str, query: Query, color: str, theme: str, debug: bool, settings: UserSettings) -> int:
    """Read the image and run the explorer."""
    from vlmtui.images.image_file import read_source
    from vlmtui.tui.launch import run
    from vlmtui.tui.options import ExplorerOptions

    if source == "-" and sys.stdin.isatty():
        raise UsageError("IMAGE - reads an image from stdin, which is the keyboard here: pipe a file into it")
    data = read_source(source)
    if source == "-":
        _keyboard_to_stdin()
    options = ExplorerOptions(
        image=data, query=query, color=color, theme=theme, debug=debug, settings=settings.explorer
    )
    return run(options)


def _keyboard_to_stdin() -> None:
    """Make the terminal file descriptor 0, after the image was read from it."""
    try:
        keyboard = os.open("/dev/tty", os.O_RDWR)
    except OSError as error:
        raise VlmtuiError("there is no keyboard for the explorer: name a file, or add --format text") from error
    os.dup2(keyboard, 0)
    os.close(keyboard)


def _run_report(
    sources: tuple[str, ...],
    query: Query,
    format: str | None,
    output: str | None,
    quiet: bool,
    debug: bool,
    settings: UserSettings,
    several: bool = False,
    batch: BatchArguments = BatchArguments(),  # noqa: B008
    listed: str | None = None,
) -> int:
    from vlmtui.reports.output.target import check_inputs, check_sources, chosen_format
    from vlmtui.reports.run import ReportJob, run_report
    from vlmtui.signals import exit_on_signals

    def tell(note: str) -> None:
        if not quiet:
            print_message(note)

    def fail(error: VlmtuiError) -> int:
        return print_error(error, debug)

    lens_path = query.lens.source.path if query.lens is not None and query.lens.source is not None else None
    for written in filter(None, (output, query.output.vectors)):
        check_inputs(written, {"the list of images": listed, "the lens": lens_path})
    if format is None and output is not None:
        check_sources(output, sources)  # more serious than an unknown ending
    chosen = chosen_format(format, output, ENDINGS)
    if "color" in settings.named and not format_named(chosen).takes(COLOR):
        raise UsageError(f"--color is for the explorer: leave it out, or choose --format {names(taking(COLOR))}")
    how = batch.batch_options(sources, several, query, chosen, output)
    order = ReportJob(
        sources, query.load.where, output, quiet, lambda error: print_error(error, debug), tell, debug, several
    )
    exit_on_signals()
    if how is not None:
        from vlmtui.batch import run_batch

        return run_batch(order, query, how)
    return run_report(order, query, chosen)
