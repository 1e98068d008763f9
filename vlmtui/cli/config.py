"""`vlmtui config`: the settings in force, the file that they are in, and its mistakes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vlmtui.cli.help import HelpCommand
from vlmtui.cli.messages import print_message
from vlmtui.cli.options import Debug, Profile, Quiet
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.query.choices import check_choice

_FORMATS = ("text", "json")

app = typer.Typer(
    help="List, edit or check the settings.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

File = Annotated[str | None, typer.Argument(metavar="[FILE]", help="A settings file; your own if none is named.")]


@app.callback(invoke_without_command=True)
def config(
    context: typer.Context,
    profile: Profile = None,
    format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text or json.")] = "text",
    quiet: Quiet = False,
    debug: Debug = False,
) -> int:
    """List every setting in force: its value, where it comes from, and its default."""
    if (command := context.invoked_subcommand) is not None:
        given = {"--profile": profile is not None, "--format": format != "text", "--quiet": quiet}
        if unused := [option for option in given if given[option]]:
            raise UsageError(f"{unused[0]} is not used before {command}: see vlmtui help config {command}")
        return 0
    import json

    from vlmtui.settings.in_force import read_settings
    from vlmtui.settings.listing import listing_json, listing_lines

    check_choice("--format", format, _FORMATS)
    settings = read_settings(profile)
    if format == "json":
        typer.echo(json.dumps(listing_json(settings), ensure_ascii=False, separators=(",", ":")))
        return 0
    mistakes = settings.mistakes(explorer=True)
    for line in listing_lines(settings):
        typer.echo(_plain(line))
    for mistake in [] if quiet else mistakes:
        print_message(str(mistake))
    return 0


@app.command(cls=HelpCommand)
def path(debug: Debug = False) -> int:
    """Print the path of the settings file."""
    from vlmtui.settings.location import config_path

    typer.echo(_plain(str(config_path())))
    return 0


@app.command(cls=HelpCommand)
def init(quiet: Quiet = False, debug: Debug = False) -> int:
    """Write a settings file to start from. An existing one is left as it is."""
    from vlmtui.settings.location import config_path

    file = config_path()
    _write_template(file)
    if not quiet:
        print_message(f"wrote {file}")
    return 0


@app.command(cls=HelpCommand)
def edit(quiet: Quiet = False, debug: Debug = False) -> int:
    """Open the settings file in an editor.

    VISUAL or EDITOR names the editor. A file that does not exist is written first; the file is checked afterwards.
    """
    import shlex
    import subprocess

    from vlmtui.settings.location import config_path

    file = config_path()
    if not os.path.lexists(file):
        _write_template(file)
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(file)])
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VlmtuiError(f"the editor {editor!r} cannot be run ({reason}): set EDITOR to another") from error
    if done.returncode:
        raise VlmtuiError(f"the editor {editor!r} ended with status {done.returncode}: {file} was not checked")
    return _check(file)


@app.command(cls=HelpCommand)
def check(file: File = None, debug: Debug = False) -> int:
    """Check a settings file.

    A line is printed for each mistake, those of all profiles included; the exit status is 1 if there are any.
    """
    from vlmtui.files import expand_path
    from vlmtui.settings.location import config_path

    return _check(config_path() if file is None else Path(expand_path(file)))


@app.command(cls=HelpCommand)
def keys(profile: Profile = None, debug: Debug = False) -> int:
    """List the explorer's actions and keys.

    The table `keys` of the settings file gives other keys to an action, by its name.
    """
    from vlmtui.settings.in_force import read_settings
    from vlmtui.tui.actions.key_table import ACTIONS
    from vlmtui.tui.actions.keymap import given_keys, keymap

    given = given_keys(keymap(read_settings(profile).action_keys()))
    rows = [("action", "keys", ""), *((one.name, given.get(one.name, one.keys), one.title) for one in ACTIONS)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, pressed, title in rows:
        typer.echo(f"{name:<{widths[0]}}  {pressed.replace(',', ' '):<{widths[1]}}  {title}".rstrip())
    return 0


def _write_template(file: Path) -> None:
    from vlmtui.files import explain_write_errors, write_once
    from vlmtui.settings.listing import template

    if os.path.lexists(file):
        raise VlmtuiError(f"{file} exists: vlmtui config edit opens it, or remove it first")
    with explain_write_errors(str(file)):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_once(file, template().encode())


def _check(file: Path) -> int:
    from vlmtui.settings.config_file import read_config
    from vlmtui.settings.in_force import all_mistakes

    found = read_config(file)
    if not found.there:
        raise VlmtuiError(f"{file} does not exist: vlmtui config init writes a settings file")
    mistakes = all_mistakes(found)
    for mistake in mistakes:
        typer.echo(_plain(str(mistake)))
    if not mistakes:
        typer.echo(_plain(f"{file}: no mistakes"))
    return 1 if mistakes else 0


def _plain(text: str) -> str:
    from vlmtui.display.pieces import plain

    return plain(text)
