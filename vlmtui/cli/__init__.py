"""The words of the command line, and nothing else."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperGroup

from vlmtui.cli import ask, atlas, lenses, look, match, models, outliers, serve, session, vocabulary
from vlmtui.cli.messages import say
from vlmtui.cli.options import Version
from vlmtui.errors import ImageError, UsageError, VlmtuiError
from vlmtui.files import expand_path

INTERRUPTED = 130
_IMAGE = " "  # no picture is called so, and in the usage line it is not seen


class _Words(TyperGroup):
    """A group for which a word that is no command is an image."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "--version"):
            if (near := _near(args[0], self.commands)) is not None:
                raise ImageError(f"{args[0]} does not exist: check the path; or did you mean vlmtui {near}?")
            args = [_IMAGE, *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return _unheard()


_CLOSE = 0.75  # of `difflib`'s ratio: serv, modles, and not serve.png

app = typer.Typer(
    cls=_Words,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    subcommand_metavar="IMAGE | COMMAND [OPTIONS]",
    context_settings={"help_option_names": ["--help"]},
)
app.command(_IMAGE, hidden=True, cls=lenses.LensHelp)(look.image)
app.command(cls=lenses.LensHelp)(look.report)
_COMMANDS = ask.ask, match.match, match.classify, outliers.outliers, vocabulary.vocabulary, atlas.atlas
for command in (*_COMMANDS, lenses.lenses, serve.serve, models.models, models.verify, models.doctor):
    app.command()(command)
app.add_typer(session.app, name="session")


@app.callback()
def group(version: Version = False) -> None:
    """See what a vision-language model's image tokens say.

    `vlmtui IMAGE` opens the explorer; into a pipe, or with --format, it prints the report. `vlmtui IMAGE --help`
    lists the options. IMAGE is a path, an http(s) address, or - for the bytes on stdin.
    """


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status. Errors are one line on stderr, with --debug a traceback before it."""
    words = sys.argv[1:] if argv is None else argv
    if sys.stdout is None:  # closed by whoever started us: there is nowhere to say anything
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    debug = "--debug" in words  # known before the words are understood
    try:
        status = app(words or ["--help"], prog_name="vlmtui", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return say(UsageError(f"{error.format_message().rstrip('.')}: see {_command(error)} --help"), debug)
    except VlmtuiError as error:
        return say(error, debug)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _unheard()
    except Exception as error:
        what = " ".join(str(error).split()) or "no more is known"
        unexpected = VlmtuiError(f"unexpected {type(error).__name__} ({what}): --debug shows where")
        unexpected.__cause__ = error
        return say(unexpected, debug)
    return status if isinstance(status, int) else 0


def _near(word: str, commands: Iterable[str]) -> str | None:
    """The command that a word which names no file is a slip of the pen for."""
    if os.path.lexists(expand_path(word)):
        return None
    return next(iter(difflib.get_close_matches(word.lower(), commands, 1, _CLOSE)), None)


def _command(error: typer.TyperException) -> str:
    """The command whose words are off."""
    path: str = getattr(getattr(error, "ctx", None), "command_path", "vlmtui")
    return f"{path.strip()} IMAGE" if path.endswith(_IMAGE) else path


def _unheard() -> int:
    """The reader has what it wanted: what Python would still write at its end goes nowhere, and all is well."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
