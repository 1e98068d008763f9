"""Options that several commands share, in groups."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from vlmtui._version import __version__
from vlmtui.cli.help import ENTRIES, LENS, MODEL, OUTPUT, ROWS, SESSION, TOKENS
from vlmtui.cli.user_settings import UserSettings
from vlmtui.errors import UsageError
from vlmtui.metrics import DEFAULT_METRIC, METRICS, RIDGE
from vlmtui.query.choices import DTYPES, check_choice, check_device

if TYPE_CHECKING:
    from vlmtui.query.options import LoadOptions, Query
    from vlmtui.session.discovery import SessionLocation

MAX_PIXELS = 200_000_000


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vlmtui {__version__}")
        raise typer.Exit


Quiet = Annotated[bool, typer.Option("--quiet", help="Print no progress and no notes.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
TextOrJson = Annotated[str, typer.Option("--format", rich_help_panel=OUTPUT, metavar="FORMAT", help="text or json.")]
Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Use this profile of the settings file [VLMTUI_PROFILE]."),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "-m",
        "--model",
        rich_help_panel=MODEL,
        metavar="NAME",
        help="A hub name, a folder, or an alias [VLMTUI_MODEL, or demo].",
    ),
]
MaxPixels = Annotated[
    int, typer.Option("--max-pixels", rich_help_panel=MODEL, min=1, metavar="N", help="Refuse images with more pixels.")
]
LevelsOption = Annotated[
    str,
    typer.Option(
        "--levels",
        rich_help_panel=MODEL,
        metavar="RANGE",
        help="Of more than 8 bits: auto, full (the samples' range) or image (its own).",
    ),
]
NoWarm = Annotated[
    bool,
    typer.Option("--no-warm", rich_help_panel=SESSION, help="Use no warm session: start one for this command."),
]
CsvSafe = Annotated[
    bool,
    typer.Option(
        "--csv-safe", rich_help_panel=ROWS, help="csv: put ' before texts that spreadsheets would compute (=+-@)."
    ),
]
Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


def check_csv_safe(csv_safe: bool, format: str) -> None:
    """`UsageError` for `--csv-safe` with another format of a command that has one table."""
    if csv_safe and format != "csv":
        raise UsageError("--csv-safe is for spreadsheets: leave it out, or choose --format csv")


@dataclass(frozen=True, kw_only=True)
class LoadArguments:
    """How a model is loaded: the command-line options that `LoadOptions` is made of."""

    revision: Annotated[
        str | None,
        typer.Option("--revision", rich_help_panel=MODEL, metavar="NAME", help="Branch, tag or commit on the hub."),
    ] = None
    processor: Annotated[
        str | None,
        typer.Option(
            "--processor",
            rich_help_panel=MODEL,
            metavar="NAME",
            help="Use the processor of NAME, for a folder without one.",
        ),
    ] = None
    device: Annotated[
        str, typer.Option("--device", rich_help_panel=MODEL, metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.")
    ] = "auto"
    dtype: Annotated[
        str, typer.Option("--dtype", rich_help_panel=MODEL, metavar="DTYPE", help="auto, float32, bfloat16 or float16.")
    ] = "auto"

    def check(self) -> None:
        """`UsageError` for a device or dtype that is none."""
        check_choice("--dtype", self.dtype, DTYPES)
        check_device(self.device)

    def load_options(self, model: str, where: SessionLocation | None = None) -> LoadOptions:
        """These options for a model, in the usual session where none is named."""
        from vlmtui.query.options import LoadOptions

        options = LoadOptions(model, self.revision, self.processor, self.device, self.dtype)
        return options if where is None else dataclasses.replace(options, where=where)


@dataclass(frozen=True, kw_only=True)
class RemoteArguments:
    """The machine that the session runs on."""

    remote: Annotated[
        str | None,
        typer.Option(
            "--remote",
            rich_help_panel=SESSION,
            metavar="HOST",
            help="Run the model on HOST, over ssh [VLMTUI_REMOTE].",
        ),
    ] = None
    remote_command: Annotated[
        str | None,
        typer.Option(
            "--remote-command",
            rich_help_panel=SESSION,
            metavar="COMMAND",
            help="The vlmtui command on HOST, if not on its PATH.",
        ),
    ] = None

    def location(self, warm: bool) -> SessionLocation:
        """Where the session runs. `UsageError` for a command without a host."""
        from vlmtui.session.discovery import SessionLocation

        # an empty name is this machine, whatever the settings say
        host = (self.remote if self.remote is not None else os.environ.get("VLMTUI_REMOTE")) or None
        command = self.remote_command
        if command is None:
            command = os.environ.get("VLMTUI_REMOTE_COMMAND") or "vlmtui"
        elif host is None:
            raise UsageError("--remote-command says what to run on another machine: name that with --remote HOST")
        return SessionLocation(host, command, warm=warm)


@dataclass(frozen=True, kw_only=True)
class QueryArguments:
    """The model, the image and what to report of it: options of all commands that read an image for a report."""

    model: ModelName = None
    k: Annotated[
        int, typer.Option("-k", rich_help_panel=TOKENS, min=1, metavar="N", help="Nearest tokens per patch.")
    ] = 8
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            rich_help_panel=TOKENS,
            metavar="METRIC",
            help=f"{', '.join(METRICS[:-1])} or {METRICS[-1]}.",
        ),
    ] = DEFAULT_METRIC
    ridge: Annotated[
        float,
        typer.Option(
            "--ridge",
            rich_help_panel=TOKENS,
            metavar="LAMBDA",
            help="λ of --metric ridge, relative to the mean eigenvalue.",
        ),
    ] = RIDGE
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage", rich_help_panel=ENTRIES, metavar="STAGE", help="vision.0 …, tokens, or llm.1 … (logit lens)."
        ),
    ] = None
    stages: Annotated[
        str | None,
        typer.Option(
            "--stages",
            rich_help_panel=ENTRIES,
            metavar="STAGES",
            help="html: also these stages, separated by commas, or all.",
        ),
    ] = None
    all_tokens: Annotated[
        bool,
        typer.Option(
            "--all-tokens", rich_help_panel=TOKENS, help="Search all rows of the vocabulary, special ones too."
        ),
    ] = False
    patch: Annotated[
        list[str] | None,
        typer.Option(
            "--patch",
            rich_help_panel=ENTRIES,
            metavar="[GRID:]R,C",
            help="Only this patch (row, column from 0) or region R-R,C-C; repeatable.",
        ),
    ] = None
    lens: Annotated[
        str | None,
        typer.Option(
            "--lens",
            rich_help_panel=LENS,
            metavar="LENS",
            help="Also apply a lens: a name, or a file.",
        ),
    ] = None
    lens_option: Annotated[
        list[str] | None,
        typer.Option(
            "--lens-option", rich_help_panel=LENS, metavar="NAME=VALUE", help="An option of the lens; repeatable."
        ),
    ] = None
    find: Annotated[
        str | None,
        typer.Option(
            "--find",
            rich_help_panel=LENS,
            metavar="WORD",
            help="Similarity of every patch to WORD, or its evidence for a class.",
        ),
    ] = None
    marked: Annotated[
        list[str] | None,
        typer.Option(
            "--marked",
            rich_help_panel=LENS,
            metavar="[GRID:]R,C",
            help="Similarity of all patches to this one, or to a region; repeatable.",
        ),
    ] = None
    null: Annotated[
        bool | None,
        typer.Option(
            "--null/--no-null", rich_help_panel=TOKENS, help="Compare words with a noise baseline and other metrics."
        ),
    ] = None
    fold: Annotated[
        bool | None,
        typer.Option(
            "--fold/--no-fold", rich_help_panel=TOKENS, help="Explorer, text, html: spellings of a word in one line."
        ),
    ] = None
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt", rich_help_panel=MODEL, metavar="TEXT", help="Prompt, instead of “Describe the image.”"
        ),
    ] = None
    max_pixels: MaxPixels = MAX_PIXELS
    levels: LevelsOption = "auto"
    no_warm: NoWarm = False

    def query(
        self,
        load_arguments: LoadArguments,
        remote_arguments: RemoteArguments,
        lens_folders: Sequence[str] = (),
    ) -> Query:
        """The query that these options ask for, checked as far as that can be done without a model.

        A lens by name is also looked for in `lens_folders`.
        """
        from vlmtui.catalogue import default_model, resolve_model
        from vlmtui.images.levels import check_levels
        from vlmtui.query.chosen_lens import parse_lens
        from vlmtui.query.options import EntrySelection, Query, ReadOptions, SearchOptions
        from vlmtui.query.patches import parse_patches

        where = remote_arguments.location(warm=not self.no_warm)
        load_arguments.check()
        known = next((m for m in METRICS if m == self.metric), None)
        if known is None:
            raise UsageError(f"--metric {self.metric!r} is not one of {', '.join(METRICS)}")
        if not 0 < self.ridge < math.inf:
            raise UsageError(f"--ridge {self.ridge:g} is no λ: choose a number above 0, such as {RIDGE}")
        name = self.model if self.model is not None else default_model()
        if where.remote is None:
            resolve_model(name)  # a folder that is not there is said at once, not when torch is imported
        stages = tuple(word for word in map(str.strip, (self.stages or "").split(",")) if word)
        if self.stages is not None and not stages:
            raise UsageError("--stages names no stage: give some, separated by commas, or all, or leave it out")
        patches = tuple(patch for words in self.patch or () for patch in parse_patches(words))
        far = where.remote is not None
        lens = parse_lens(self.lens, self.find, self.marked or (), self.lens_option or (), far, lens_folders)
        return Query(
            load_arguments.load_options(name, where),
            ReadOptions(self.prompt, self.max_pixels, check_levels(self.levels)),
            SearchOptions(self.k, known, self.ridge, self.all_tokens, bool(self.null), self.fold, self.null),
            EntrySelection(self.stage, stages, patches),
            lens,
        )


@dataclass(frozen=True)
class ListedOptions:
    """Annotation of a group of options: `--help` lists those named here alone. The others are accepted too, so that
    all commands that read an image take the same options."""

    names: tuple[str, ...]

    def of(self, name: str, hint: Any) -> Any:
        """The type of an option, hidden from `--help` unless it is one of these."""
        if name in self.names:
            return hint
        option = copy.copy(_option(hint))
        option.hidden = True
        return Annotated[hint.__origin__, option]


def with_grouped_options(command: Callable[..., int]) -> Callable[..., int]:
    """Decorate a command so that a parameter typed as a dataclass above becomes one option a field.

    Typer reads the signature of the function returned, which builds the dataclasses and calls the command. Options of
    the groups that the command line does not name have the values of the user's settings, under the profile of
    `--profile`. What is wrong in these is told on stderr; a command with a parameter typed as `UserSettings` is given
    them, and tells it itself.
    """
    hints = get_type_hints(command, include_extras=True)
    takes = next((name for name, hint in hints.items() if hint is UserSettings), None)
    groups: dict[str, Any] = {}
    options: dict[str, tuple[str, ...]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        kind, *listed = get_args(hints[name]) if get_origin(hints[name]) is Annotated else (hints[name],)
        if name == takes:
            continue
        if not dataclasses.is_dataclass(kind):
            parameters.append(parameter.replace(annotation=hints[name], kind=parameter.KEYWORD_ONLY))
            continue
        groups[name] = kind
        fields = get_type_hints(kind, include_extras=True)
        for shown in listed:
            fields = {field: shown.of(field, hint) for field, hint in fields.items()}
        for field in dataclasses.fields(kind):
            hint = fields[field.name]
            options[field.name] = _option_names(_option(hint))
            parameters.append(_keyword(field.name, hint, field.default))
    parameters += [_keyword("profile", Profile, None), _keyword("context", typer.Context, inspect.Parameter.empty)]

    @functools.wraps(command)
    def called(*, context: typer.Context, profile: str | None, **given: Any) -> int:
        unnamed = {name: names for name, names in options.items() if not _is_named(context, name)}
        remote = given.get("remote") if "remote" not in unnamed else None
        named = {name: max(names, key=len) for name, names in options.items() if name not in unnamed}
        settings = UserSettings(profile, remote, quiet=given.get("quiet", False), named=named)
        given |= settings.defaults(unnamed)
        whole: dict[str, Any] = {
            name: kind(**{field.name: given.pop(field.name) for field in dataclasses.fields(kind)})
            for name, kind in groups.items()
        }
        if takes is None:
            settings.tell()
        else:
            whole[takes] = settings
        return command(**given, **whole)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _option(hint: Any) -> OptionInfo:
    """The option that a type is annotated with."""
    return next(part for part in hint.__metadata__ if isinstance(part, OptionInfo))


def _option_names(option: OptionInfo) -> tuple[str, ...]:
    """The names of an option, such as `-m` and `--model`; in an annotation typer takes the first for its default."""
    return tuple(name for name in (option.default, *(option.param_decls or ())) if isinstance(name, str))


def _keyword(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _is_named(context: typer.Context, parameter: str) -> bool:
    """Whether the command line names an option."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"
