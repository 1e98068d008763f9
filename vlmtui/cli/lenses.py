"""`vlmtui lenses`: the list of lenses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from vlmtui.cli.messages import print_error, print_message
from vlmtui.cli.options import Debug, NoWarm, Quiet, RemoteArguments, Version, with_grouped_options
from vlmtui.cli.user_settings import UserSettings

if TYPE_CHECKING:
    from vlmtui.lenses.description import LensDescription, LensOption
    from vlmtui.lenses.lens_source import LensSource
    from vlmtui.session.discovery import SessionLocation

_HEAD = ("name", "subject", "kind", "from", "what it shows")


@with_grouped_options
def lenses(
    remote_arguments: RemoteArguments,
    settings: UserSettings,
    lens: Annotated[
        list[str] | None,
        typer.Option("--lens", metavar="FILE", help="Also the lens in FILE.py, FILE.py:NAME or FOLDER/; repeatable."),
    ] = None,
    no_warm: NoWarm = False,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """List all lenses: name, subject, kind, origin, description.

    Of a lens in a FILE its options are listed too.
    """
    from vlmtui.lenses.lens_folders import lenses_in_folders
    from vlmtui.lenses.lens_source import LensSource, is_lens_file, read_lens_source
    from vlmtui.lenses.registry import built_in_lenses, lens_entry_points

    settings.tell()
    in_folders = lenses_in_folders(settings.lens_folders)

    where = remote_arguments.location(warm=not no_warm)
    named = [read_lens_source(word) if is_lens_file(word) else LensSource(word) for word in lens or ()]
    told = [one.described for one in built_in_lenses().values()]
    files: list[LensDescription] = []
    failed = 0
    if where.remote is not None or named or in_folders or lens_entry_points():
        found, files, failed = _described(where, in_folders, named, quiet, debug)
        told += found
    for line in lens_table([*told, *files]):
        typer.echo(line)
    for one in files:
        for line in options(one):
            typer.echo(line)
    return failed


def lens_table(told: Sequence[LensDescription]) -> Iterable[str]:
    """A heading and a line for each lens; for one that cannot be used, the reason."""
    from vlmtui.display.pieces import plain

    rows = [_HEAD, *((one.name, one.subject, one.kind or "-", one.origin, _said(one)) for one in told)]
    shown = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in shown) for column in range(len(_HEAD) - 1)]
    for *cells, last in shown:
        yield f"{'  '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))}  {last}".rstrip()


def options(told: LensDescription) -> Iterable[str]:
    """The options of a lens, beneath its name."""
    from vlmtui.display.pieces import plain

    yield ""
    yield f"options of {plain(told.name)}{':' if told.options else ': none'}"
    for option in told.options:
        yield plain(f"  {option.name}  {_takes(option)}")


def _said(told: LensDescription) -> str:
    return f"cannot be used: {told.trouble}" if told.trouble else told.line


def _takes(option: LensOption) -> str:
    kind = " or ".join(option.choices) if option.choices else option.of if option.takes == "list" else option.takes
    parts = [
        f"{kind}{', several' if option.takes == 'list' else ''}",
        option.range,
        "must be given" if option.required else f"{option.default} without it",
        option.help,
    ]
    return ", ".join(part for part in parts if part)


def _described(
    where: SessionLocation, in_folders: Mapping[str, str], named: Sequence[LensSource], quiet: bool, debug: bool
) -> tuple[list[LensDescription], list[LensDescription], int]:
    """Descriptions from a session: of installed lenses and those in the user's folders, of the files that are named,
    and the exit status where one of these fails."""
    from vlmtui.errors import SessionError, VlmtuiError
    from vlmtui.lenses.description import LensDescription
    from vlmtui.lenses.lens_source import read_lens_source
    from vlmtui.reports.output.progress import ProgressLine
    from vlmtui.session.discovery import connect
    from vlmtui.session.protocol import Progress

    progress = ProgressLine(quiet)
    files: list[LensDescription] = []
    failed = 0
    with closing(connect(where, on_line=lambda sentence: progress(Progress(sentence)) if sentence else None)) as client:
        if client.note and not quiet:
            print_message(client.note)
        client.on_progress = progress
        try:
            installed = list(client.describe().result())
            for name, path in in_folders.items():
                try:
                    installed += client.describe(read_lens_source(path)).result()
                except SessionError:
                    raise
                except VlmtuiError as error:
                    installed.append(LensDescription(name=name, origin=path, trouble=str(error)))
            for one in named:
                try:
                    files += client.describe(one).result()
                except SessionError:
                    raise
                except VlmtuiError as error:
                    progress.clear()
                    failed = print_error(error, debug)
        finally:
            progress.clear()
    return installed, files, failed
