"""The command line: commands, options, and errors as one line with an exit status."""

from __future__ import annotations

import difflib
import errno
import os
import signal
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vlmtui.cli import ask, atlas, config, lenses, look, match, models, outliers, serve, session, vocabulary
from vlmtui.cli.help import HelpCommand
from vlmtui.cli.messages import parser_sentence, print_error, print_message
from vlmtui.cli.options import Debug, Version
from vlmtui.errors import ImageError, UsageError, VlmtuiError, permission_denied
from vlmtui.files import expand_path, explain_write_errors
from vlmtui.signals import told_to_exit

INTERRUPTED = 130
_IMAGE = " "  # no image has this name, and the usage line does not show it


class _ImageOrCommandGroup(TyperGroup):
    """A group of commands that takes a first word which is not a command for an image."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if args and args[0] not in self.commands and args[0] not in own:
            near = None if ctx.resilient_parsing else _near_command(args[0], self.commands)
            if near is not None:
                raise ImageError(f"{args[0]} does not exist: check the path; or did you mean vlmtui {near}?")
            args = [_IMAGE, *args]
        return super().parse_args(ctx, args)

    # of an interrupt Typer makes a status without a word: it is handed on as another error

    def make_context(self, *words: Any, **more: Any) -> Any:
        try:
            return super().make_context(*words, **more)
        except BrokenPipeError:  # of help and version; Typer's own status would be 1
            raise typer.Exit(_discard_output()) from None
        except KeyboardInterrupt as error:
            raise typer.Abort from error

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return _discard_output()
        except KeyboardInterrupt as error:
            raise typer.Abort from error


_CLOSE = 0.75  # `difflib` ratio: reached by serv and modles, not by serve.png

app = typer.Typer(
    cls=_ImageOrCommandGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    subcommand_metavar="IMAGE | COMMAND [OPTIONS]",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(_IMAGE, hidden=True, cls=HelpCommand)(look.image)
app.command(cls=HelpCommand)(look.report)
_COMMANDS = ask.ask, match.match, match.classify, outliers.outliers, vocabulary.vocabulary, atlas.atlas
for command in (*_COMMANDS, lenses.lenses, serve.serve, models.models, models.verify, models.doctor):
    app.command(cls=HelpCommand)(command)
app.add_typer(session.app, name="session")
app.add_typer(config.app, name="config")


@app.command(cls=HelpCommand, name="help")
def show_help(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]", help="Such as report, or session start.")
    ] = None,
    debug: Debug = False,
) -> int:
    """Show the help of a command, or list the commands."""
    words = command or []
    known: Any = typer.main.get_command(app)
    for word in words:
        if word not in getattr(known, "commands", {}) or word == _IMAGE:
            raise UsageError(f"there is no command {' '.join(words)!r}: vlmtui --help lists them")
        known = known.commands[word]
    app([*words, "--help"], prog_name="vlmtui", standalone_mode=False)
    return 0


@app.callback()
def group(version: Version = False) -> None:
    """Look into the image tokens of vision-language models.

    `vlmtui IMAGE` opens the explorer; in a pipe, or with --format, it prints the report. `vlmtui IMAGE --help`
    lists the options, `vlmtui help COMMAND` those of a command. IMAGE is a path, an http(s) address, or - for the bytes
    on stdin.
    """


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status. Errors are one line on stderr, with --debug a traceback before it."""
    words = sys.argv[1:] if argv is None else argv
    if sys.stdout is None:  # closed by the parent process: a command that writes to it fails, others do not
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    debug = "--debug" in words  # needed even if parsing fails
    try:
        status = app(words or ["--help"], prog_name="vlmtui", standalone_mode=False)
        with explain_write_errors("standard output"):
            sys.stdout.flush()
    except typer.TyperException as error:
        path = _command_path(error, words)
        said = parser_sentence(error.format_message(), words, path)
        return print_error(UsageError(f"{said}: see {path} --help"), debug)
    except VlmtuiError as error:
        return _told_status() or print_error(_output_error() or error, debug)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:
        return _discard_output()
    except Exception as error:
        if status := _told_status():
            return status
        if isinstance(error, OSError) and error.filename is None and (output_error := _output_error(error)):
            return print_error(output_error, debug)
        what = " ".join(str(error).split()) or "no more is known"
        said = permission_denied(error) or f"unexpected {type(error).__name__} ({what}): --debug shows where"
        explained = VlmtuiError(said)
        explained.__cause__ = error
        return print_error(explained, debug)
    return status if isinstance(status, int) else 0


def _told_status() -> int:
    """The status of a command that a signal told to exit, whatever came of it; 0 where none did."""
    told = told_to_exit()
    return 0 if told is None else _interrupted() if told == signal.SIGINT else 128 + told


def _near_command(word: str, commands: Iterable[str]) -> str | None:
    """The command that a word resembles, unless it names a file."""
    if os.path.lexists(expand_path(word)):
        return None
    return next(iter(difflib.get_close_matches(word.lower(), commands, 1, _CLOSE)), None)


def _command_path(error: typer.TyperException, words: list[str]) -> str:
    """The command that a usage error is about, by the words given where the error does not know it."""
    if (context := getattr(error, "ctx", None)) is None:
        return " ".join(["vlmtui", *_commands_in(words)])
    path: str = context.command_path
    return f"{path.strip()} IMAGE" if path.endswith(_IMAGE) else path


def _commands_in(words: list[str]) -> Iterable[str]:
    """The commands that the words begin with, such as session and start; IMAGE for none."""
    known: Any = typer.main.get_command(app)
    for i, word in enumerate(words):
        known = getattr(known, "commands", {}).get(word)
        if known is None:
            return words[:i] or ["IMAGE"]
    return words


def _output_error(met: OSError | None = None) -> VlmtuiError | None:
    """Why standard output cannot be written, by the error that was met or by trying again; None where it can."""
    try:
        with explain_write_errors("standard output"):
            sys.stdout.flush()
            if met is not None and met.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
                raise met
    except BrokenPipeError:
        return None
    except VlmtuiError as error:
        _discard_output()  # it would fail again at the end
        return error
    return None


def _interrupted() -> int:
    """Say so in a terminal, where a line of progress is gone and the terminal's ^C with it; the exit status."""
    if sys.stderr is not None and sys.stderr.isatty():
        print_message("interrupted")
    return INTERRUPTED


def _discard_output() -> int:
    """Discard further output after the reader of a pipe has closed it; exit status 0."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
