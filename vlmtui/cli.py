"""The words of the command line, and nothing else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from vlmtui import __version__, cli_session
from vlmtui.errors import UsageError, VlmtuiError

if TYPE_CHECKING:
    from vlmtui.reports import Query
    from vlmtui.session.opening import Where

INTERRUPTED = 130
_IMAGE = " "  # no picture is called so, and in the usage line it is not seen
_MAX_PIXELS = 200_000_000
_CHOICES = {
    "--dtype": ("auto", "float32", "bfloat16", "float16"),
    "--color": ("auto", "truecolor", "256"),
}


class _Words(TyperGroup):
    """A group for which a word that is no command is an image."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "--version"):
            args = [_IMAGE, *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return _unheard()


app = typer.Typer(
    cls=_Words,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    subcommand_metavar="IMAGE | COMMAND [OPTIONS]",
    context_settings={"help_option_names": ["--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vlmtui {__version__}")
        raise typer.Exit


app.add_typer(cli_session.app, name="session")

ImageWord = Annotated[str, typer.Argument(metavar="IMAGE", help="A path, an http(s) address, or - for stdin.")]
ImageWords = Annotated[list[str], typer.Argument(metavar="IMAGE", help="Paths, http(s) addresses, - for stdin.")]
Format = Annotated[str | None, typer.Option("--format", metavar="FORMAT", help="Print a report: text, json, jsonl.")]
Output = Annotated[str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the report to FILE.")]
Model = Annotated[
    str | None,
    typer.Option("-m", "--model", metavar="NAME", help="A hub name, a folder, or an alias [VLMTUI_MODEL, or demo]."),
]
Revision = Annotated[str | None, typer.Option("--revision", metavar="NAME", help="Branch, tag or commit on the hub.")]
Processor = Annotated[
    str | None, typer.Option("--processor", metavar="NAME", help="For a folder without processor files.")
]
Device = Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.")]
Dtype = Annotated[str, typer.Option("--dtype", metavar="DTYPE", help="auto, float32, bfloat16 or float16.")]
K = Annotated[int, typer.Option("-k", min=1, metavar="N", help="Word-pieces a patch.")]
MetricWord = Annotated[str, typer.Option("--metric", metavar="METRIC", help="l2, cosine or dot.")]
Stage = Annotated[str | None, typer.Option("--stage", metavar="STAGE", help="vision.0 … vision.L, or tokens.")]
AllTokens = Annotated[bool, typer.Option("--all-tokens", help="Every row of the vocabulary, special ones too.")]
Patch = Annotated[str | None, typer.Option("--patch", metavar="[GRID:]R,C", help="One patch: row and column from 0.")]
Prompt = Annotated[str | None, typer.Option("--prompt", metavar="TEXT", help="Instead of “Describe the image.”")]
MaxPixels = Annotated[int, typer.Option("--max-pixels", min=1, metavar="N", help="Refuse larger pictures.")]
Remote = Annotated[
    str | None, typer.Option("--remote", metavar="HOST", help="Run the model on HOST, through ssh [VLMTUI_REMOTE].")
]
RemoteCommand = Annotated[
    str | None,
    typer.Option("--remote-command", metavar="COMMAND", help="vlmtui on HOST, if not on the PATH there."),
]
NoWarm = Annotated[bool, typer.Option("--no-warm", help="Leave a warm session alone, and start one for this command.")]
Color = Annotated[str, typer.Option("--color", metavar="DEPTH", help="Explorer: auto, truecolor or 256.")]
Long = Annotated[bool, typer.Option("--long", help="The hub's names and the sizes of each part as well.")]
Clear = Annotated[
    str | None, typer.Option("--clear", metavar="NAME", help="Remove what vlmtui fetched of a model from its cache.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no notes.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def group(version: Version = False) -> None:
    """See what a vision-language model's image tokens say.

    `vlmtui IMAGE` opens the explorer; into a pipe, or with --format, it prints the report. `vlmtui IMAGE --help`
    lists the options. IMAGE is a path, an http(s) address, or - for the bytes on stdin.
    """


@app.command(_IMAGE, hidden=True)
def image(
    image: ImageWord,
    format: Format = None,
    output: Output = None,
    model: Model = None,
    revision: Revision = None,
    processor: Processor = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    k: K = 8,
    metric: MetricWord = "l2",
    stage: Stage = None,
    all_tokens: AllTokens = False,
    patch: Patch = None,
    prompt: Prompt = None,
    max_pixels: MaxPixels = _MAX_PIXELS,
    remote: Remote = None,
    remote_command: RemoteCommand = None,
    no_warm: NoWarm = False,
    color: Color = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Open the explorer on IMAGE; where stdout is no terminal, or with --format, print the report."""
    _check_choice("--color", color)
    where = _where(remote, remote_command, no_warm)
    query = _query(
        model, revision, processor, device, dtype, k, metric, stage, all_tokens, patch, prompt, max_pixels, where
    )
    if format is None and output is None and can_explore(image):
        return _explore(image, query, color, debug)
    return _report((image,), query, format, output, quiet, debug)


@app.command()
def report(
    images: ImageWords,
    format: Format = None,
    output: Output = None,
    model: Model = None,
    revision: Revision = None,
    processor: Processor = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    k: K = 8,
    metric: MetricWord = "l2",
    stage: Stage = None,
    all_tokens: AllTokens = False,
    patch: Patch = None,
    prompt: Prompt = None,
    max_pixels: MaxPixels = _MAX_PIXELS,
    remote: Remote = None,
    remote_command: RemoteCommand = None,
    no_warm: NoWarm = False,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Print the report of one or many images."""
    where = _where(remote, remote_command, no_warm)
    query = _query(
        model, revision, processor, device, dtype, k, metric, stage, all_tokens, patch, prompt, max_pixels, where
    )
    return _report(tuple(images), query, format, output, quiet, debug)


@app.command()
def models(long: Long = False, clear: Clear = None, debug: Debug = False, version: Version = False) -> int:
    """List the models on this disk, and those with short names: what exploring them fetches and holds."""
    from vlmtui.reports.models import clear as remove
    from vlmtui.reports.models import table

    for line in table(long) if clear is None else [remove(clear)]:
        typer.echo(line)
    return 0


@app.command()
def verify(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A hub name, a folder, or an alias.")],
    format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text or json.")] = "text",
    revision: Revision = None,
    processor: Processor = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    whole: Annotated[bool, typer.Option("--whole", help="Fetch the language model's layers too, to compare.")] = False,
    remote: Remote = None,
    remote_command: RemoteCommand = None,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Check a model against itself: tokens, boxes, norms, words, logits, weights."""
    from vlmtui.catalogue import resolve
    from vlmtui.reports.verify import Order, run_verify
    from vlmtui.signals import leave_when_told

    check_device(device, dtype)
    where = _where(remote, remote_command, no_warm=True)
    if where.remote is None:
        resolve(model)
    leave_when_told()
    run_verify(Order(model, revision, processor, device, dtype, whole), where, format, quiet)
    return 0


@app.command()
def doctor(debug: Debug = False, version: Version = False) -> int:
    """Say what the terminal, torch, the GPU, the caches and the logs are, and what to change."""
    from vlmtui.doctor import examine

    for line in examine():
        typer.echo(line)
    return 0


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
        return _say(UsageError(f"{error.format_message().rstrip('.')}: see vlmtui --help"), debug)
    except VlmtuiError as error:
        return _say(error, debug)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _unheard()
    except Exception as error:
        what = " ".join(str(error).split()) or "no more is known"
        unexpected = VlmtuiError(f"unexpected {type(error).__name__} ({what}): --debug shows where")
        unexpected.__cause__ = error
        return _say(unexpected, debug)
    return status if isinstance(status, int) else 0


def _unheard() -> int:
    """The reader has what it wanted: what Python would still write at its end goes nowhere, and all is well."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _say(error: VlmtuiError, debug: bool) -> int:
    """The sentence of an error on stderr, with `debug` its traceback before it; its exit status."""
    if debug:
        import traceback

        traceback.print_exception(error)
    _print(str(error))
    return error.exit_status


def _print(sentence: str) -> None:
    """One line on stderr, whatever is in the sentence."""
    from vlmtui.display.pieces import ascii_only, plain

    line = f"vlmtui: {plain(' '.join(sentence.split()))}"
    try:
        line.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        line = ascii_only(line)
    print(line, file=sys.stderr, flush=True)


def _query(
    model: str | None,
    revision: str | None,
    processor: str | None,
    device: str,
    dtype: str,
    k: int,
    metric: str,
    stage: str | None,
    all_tokens: bool,
    patch: str | None,
    prompt: str | None,
    max_pixels: int,
    where: Where,
) -> Query:
    """The options that every look at an image has, checked as far as they can be without a model."""
    from vlmtui.catalogue import default_model, resolve
    from vlmtui.reading import METRICS
    from vlmtui.reports import Query
    from vlmtui.reports.patches import parse_patch

    check_device(device, dtype)
    known = next((m for m in METRICS if m == metric), None)
    if known is None:
        raise UsageError(f"--metric {metric!r} is none: choose {', '.join(METRICS)}")
    name = model if model is not None else default_model()
    if where.remote is None:
        resolve(name)  # a folder that is not there is said at once, not when torch is imported
    return Query(
        model=name,
        revision=revision,
        processor=processor,
        device=device,
        dtype=dtype,
        k=k,
        metric=known,
        stage=stage,
        all_tokens=all_tokens,
        patch=parse_patch(patch) if patch is not None else None,
        prompt=prompt,
        max_pixels=max_pixels,
        where=where,
    )


def _where(remote: str | None, remote_command: str | None, no_warm: bool) -> Where:
    """Where the session is to be."""
    from vlmtui.session.opening import Where

    host = remote if remote is not None else os.environ.get("VLMTUI_REMOTE") or None
    command = remote_command if remote_command is not None else os.environ.get("VLMTUI_REMOTE_COMMAND") or "vlmtui"
    if remote_command is not None and host is None:
        raise UsageError("--remote-command says what to run on another machine: name that with --remote HOST")
    return Where(host, command, warm=not no_warm)


def check_device(device: str, dtype: str) -> None:
    """`UsageError` for a device or dtype that is none."""
    _check_choice("--dtype", dtype)
    kind, mark, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (mark and not (kind == "cuda" and number.isdecimal())):
        raise UsageError(f"--device {device!r} is none: choose auto, cpu, cuda, cuda:N or mps")


def _check_choice(option: str, word: str) -> None:
    if word not in _CHOICES[option]:
        raise UsageError(f"{option} {word!r} is none: choose {', '.join(_CHOICES[option])}")


def can_explore(source: str) -> bool:
    """Whether an explorer can be opened: a screen that can be drawn on, and a keyboard."""
    if os.environ.get("TERM", "") in ("", "dumb") or not sys.stdout.isatty():
        return False
    # with the picture on stdin, the keyboard is the terminal's own
    return sys.stdin.isatty() or source == "-"


def _explore(source: str, query: Query, color: str, debug: bool) -> int:
    """Read the picture, then hand over to the explorer."""
    from vlmtui.image import read_source
    from vlmtui.tui.launch import run
    from vlmtui.tui.options import ExplorerOptions

    if source == "-" and sys.stdin.isatty():
        raise UsageError("IMAGE - reads a picture from stdin, and that is the keyboard: pipe a file into it")
    data = read_source(source)
    if source == "-":
        _keyboard_to_stdin()
    return run(ExplorerOptions(image=data, query=query, color=color, debug=debug))


def _keyboard_to_stdin() -> None:
    """Make the terminal's keyboard file descriptor 0, after the picture came through it."""
    try:
        keyboard = os.open("/dev/tty", os.O_RDWR)
    except OSError as error:
        raise VlmtuiError("there is no keyboard for the explorer: name a file, or add --format text") from error
    os.dup2(keyboard, 0)
    os.close(keyboard)


def _report(
    sources: tuple[str, ...], query: Query, format: str | None, output: str | None, quiet: bool, debug: bool
) -> int:
    from vlmtui.reports import format_for
    from vlmtui.reports.run import run_report
    from vlmtui.signals import leave_when_told

    def tell(note: str) -> None:
        if not quiet:
            _print(note)

    leave_when_told()
    return run_report(
        sources, query, format or format_for(output), output, quiet, lambda error: _say(error, debug), tell, debug
    )


if __name__ == "__main__":
    sys.exit(main())
