"""Help of the commands: options in groups, the names of formats and lenses, and examples."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from typer.core import TyperCommand

from vlmtui.errors import UsageError

MODEL = "Model"
SESSION = "Session"
ENTRIES = "Stage and patches"
TOKENS = "Nearest tokens"
LENS = "Lens"
ROWS = "Rows and fields"
DRAWING = "Drawing"
TABLES = "Tables of many images"
OUTPUT = "Output"
ANSWER = "Answer"
ATTRIBUTION = "Attribution"
LIMITS = "Limits"
OTHERS = "Options"
GENERAL = "General"
_ORDER = (
    *("Arguments", OTHERS, ENTRIES, TOKENS, LENS, ANSWER, ATTRIBUTION, ROWS, DRAWING, TABLES, OUTPUT),
    *(LIMITS, MODEL, SESSION, GENERAL),
)
"""Headings of a help; an option without a heading of its own is among `OTHERS`."""
_GENERAL = ("quiet", "debug", "version", "profile", "help")

EXAMPLES = {
    "image": (
        "vlmtui photo.jpg",
        "vlmtui photo.jpg -m llava-hf/llava-1.5-7b-hf --stage llm.12",
        "vlmtui photo.jpg --find sky -o sky.png",
    ),
    "report": (
        "vlmtui report photo.jpg --patch 6,8 --metric cosine -k 20",
        "vlmtui report album --format csv --where 'norm > z3' --fields image,row,col,norm,word",
        "vlmtui report photo.jpg --stage vision.3 --lens projector --format json",
        "vlmtui report album -o words.parquet",
    ),
    "ask": (
        'vlmtui ask photo.jpg "What color is the sky?"',
        'vlmtui ask photo.jpg "Is there a dog?" --format json --attention',
        'vlmtui ask photo.jpg "Is there a dog?" --ablate 6,8 --by blur',
    ),
    "match": ('vlmtui match photo.jpg --text "a photo of a cat" --text "a photo of a dog" -m clip-vit-l-336',),
    "classify": ("vlmtui classify photo.jpg -k 5 -m vit-base",),
    "outliers": ("vlmtui outliers album -m siglip-so400m",),
    "vocabulary": ("vlmtui vocabulary demo --near sky --metric cosine -k 20",),
    "atlas": ("vlmtui atlas words.parquet", "vlmtui atlas words.parquet --word sky -o atlas.html"),
    "lenses": ("vlmtui lenses --lens ./sharpness.py",),
    "serve": ("vlmtui serve -m demo --port 9000",),
    "models": ("vlmtui models --long",),
    "verify": ("vlmtui verify qwen2.5-vl-7b",),
    "doctor": ("vlmtui doctor",),
    "session start": ("vlmtui session start -m qwen2.5-vl-7b --idle 2h",),
    "session stop": ("vlmtui session stop",),
    "session status": ("vlmtui session status",),
    "session stdio": ("ssh HOST vlmtui session stdio",),
    "help": ("vlmtui help report", "vlmtui help session start"),
    "config path": ("vlmtui config path",),
    "config init": ("vlmtui config init",),
    "config edit": ("EDITOR=nano vlmtui config edit",),
    "config check": ("vlmtui config check", "vlmtui config check ./config.toml"),
    "config keys": ("vlmtui config keys",),
}
"""Command lines that the help of a command ends with, by its name and that of the group it is in."""

FORMAT_NAMES = "{formats}"
"""In the help of `--format`: what the names of the command's formats are put in place of."""
_FORMATS = {
    "ask": "vlmtui.reports.commands.ask",
    "match": "vlmtui.reports.commands.match",
    "classify": "vlmtui.reports.commands.classify",
    "outliers": "vlmtui.reports.commands.outliers",
    "vocabulary": "vlmtui.reports.commands.vocabulary",
    "atlas": "vlmtui.reports.atlas.formats",
    "verify": "vlmtui.reports.commands.verify",
}
"""Modules with the formats of a command, `FORMATS`; imported where its help is asked for."""
_LARGEST = (1 << 63) - 1
_NAMING = ("FILE", "NAME", "WORD", "COMMAND")
"""Metavars of options whose value names something; what chooses among words refuses an empty one by naming these."""


class HelpCommand(TyperCommand):
    """A command whose `--help` has its options in groups and ends with examples.

    `--lens` names the lenses there, and `--format` the formats.
    """

    def make_parser(self, ctx: Any) -> Any:
        """The parser of its words. `UsageError` for an option that is given twice, and of which one value is taken."""
        parser: Any = super().make_parser(ctx)
        parse = parser.parse_args

        def parse_once(args: list[str]) -> Any:
            values, left, order = parse(args)
            for parameter in order:
                if _takes_one_value(parameter) and order.count(parameter) > 1:
                    given = " or ".join([max(parameter.opts, key=len), *parameter.secondary_opts])
                    raise UsageError(f"{given} is given more than once: give one")
            return values, left, order

        parser.parse_args = parse_once
        return parser

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Parse its words. `UsageError` for an empty name, and for a number of more than a session's 64 bits."""
        rest = super().parse_args(ctx, args)
        for parameter in self.params:
            value = ctx.params.get(parameter.name)
            if _names_something(parameter) and (value == "" or (parameter.multiple and "" in (value or ()))):
                name = max(parameter.opts, key=len)
                raise UsageError(f"{name} is empty: give {parameter.metavar}, or leave it out")
            if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
                name = max(parameter.opts, key=len)
                raise UsageError(f"{name} {value} is beyond 64 bits: give a whole number of at most {_LARGEST}")
        return rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with the lenses and formats filled in."""
        for parameter in self.params:
            if parameter.name == "format" and self.name in _FORMATS:
                *first, last = import_module(_FORMATS[self.name]).FORMATS
                named = f"{', '.join(first)} or {last}"
                parameter.help = parameter.help.replace(FORMAT_NAMES, named)  # type: ignore[attr-defined]
            if parameter.name == "lens" and not parameter.multiple:
                parameter.help = lens_option_help()  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options group by group."""
        groups: dict[str, list[tuple[str, str]]] = {name: [] for name in _ORDER}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                groups[_heading(parameter)].append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, each in a line of its own, however long."""
        if lines := EXAMPLES.get(ctx.command_path.partition(" ")[2].strip() or "image"):
            with formatter.section("Examples"):
                for line in lines:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _takes_one_value(parameter: Any) -> bool:
    """Whether it is an option with a value, or of two names of which one is chosen, and may not be repeated."""
    if parameter.param_type_name != "option" or parameter.multiple:
        return False
    return bool(parameter.secondary_opts) or not parameter.is_flag


def _names_something(parameter: Any) -> bool:
    """Whether it is an option that an empty value is none of; `--profile ""` is a command without a profile."""
    return parameter.param_type_name == "option" and parameter.metavar in _NAMING and parameter.name != "profile"


def _heading(parameter: Any) -> str:
    """The heading that an argument or option is under."""
    if parameter.param_type_name == "argument":
        return "Arguments"
    return GENERAL if parameter.name in _GENERAL else parameter.rich_help_panel or OTHERS


def lens_option_help() -> str:
    """The help of `--lens`, in one line."""
    from vlmtui.lenses.registry import listed_lenses

    values = ", ".join(one.name for one in listed_lenses() if not one.offer.projects)
    projected = ", ".join(f"{one.name} (at vision.i)" for one in listed_lenses() if one.offer.projects)
    return f"Also apply a lens: {values}, {projected}, FILE.py, FILE.py:NAME or FOLDER/ (vlmtui lenses lists them)."
