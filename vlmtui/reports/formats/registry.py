"""Registry of output formats, from which `--format` and its help, file endings, checks and saving follow.

To add a format, add a module with its writer and an entry here.
"""

from __future__ import annotations

from collections.abc import Iterable

from vlmtui.errors import UsageError
from vlmtui.reports.formats.base import COLOR, CSV_SAFE, DRAW, FIELDS, FOLD, NOISE, ROWS, STAGES, Content, Format

_HERE = "vlmtui.reports.formats"
_TABLE, _DRAWN = frozenset((ROWS, FIELDS)), frozenset((ROWS, DRAW, NOISE))
_COLUMNS = frozenset(("Scalars", "Colours", "Words"))
_OVERLAYS = frozenset(("Scalars", "Colours", "TokenMaps"))
_DRAWN_KINDS = _OVERLAYS | {"Words"}


def _image_format(name: str) -> Format:
    """The format of image files with this ending, one file per image."""
    return Format(
        name,
        (f".{name}",),
        f"{_HERE}.{name}:write_{name}",
        Content.DRAWING,
        options=_DRAWN,
        lens_kinds=_DRAWN_KINDS,
        check="vlmtui.reports.images.composition:check_size",
        binary=True,
        one_image=True,
        folder=True,
    )


FORMATS = (
    Format("text", (".txt",), f"{_HERE}.text:write_text", options=frozenset((ROWS, FOLD, NOISE)), says_empty=True),
    Format("json", (".json",), f"{_HERE}.json:write_json", options=_TABLE),
    Format("jsonl", (".jsonl",), f"{_HERE}.json:write_jsonl", options=_TABLE),
    Format(
        "csv",
        (".csv",),
        f"{_HERE}.csv:write_csv",
        options=_TABLE | {CSV_SAFE},
        lens_kinds=_COLUMNS,
        terminal_writer=f"{_HERE}.csv:write_csv_to_terminal",
    ),
    Format(
        "parquet",
        (".parquet",),
        f"{_HERE}.parquet:write_parquet",
        options=_TABLE,
        lens_kinds=_COLUMNS,
        binary=True,
        in_parts=True,
    ),
    Format(
        "html",
        (".html",),
        f"{_HERE}.html:write_html",
        Content.PAGE,
        options=frozenset((STAGES, FOLD, NOISE)),
        binary=True,
        one_image=True,
    ),
    _image_format("png"),
    _image_format("svg"),
    Format(
        "gif",
        (".gif",),
        f"{_HERE}.gif:write_gif",
        Content.ANIMATION,
        options=frozenset((NOISE,)),
        lens_kinds=_OVERLAYS,
        binary=True,
        one_image=True,
    ),
    Format(
        "ansi",
        (".ans",),
        f"{_HERE}.ansi:write_ansi",
        Content.DRAWING,
        options=_DRAWN | {COLOR},
        lens_kinds=_DRAWN_KINDS,
        check=f"{_HERE}.ansi:check_drawing",
    ),
)
"""All formats, in the order of `--help`."""


ENDINGS = {ending: one.name for one in FORMATS for ending in one.endings}
"""Format names by file ending."""


def names(formats: Iterable[Format], last: str = ", ") -> str:
    """The names of formats as a list for a sentence, with `last` before the last one."""
    *first, final = (one.name for one in formats)
    return f"{', '.join(first)}{last if first else ''}{final}"


def taking(option: str) -> list[Format]:
    """The formats that take an option."""
    return [one for one in FORMATS if one.takes(option)]


def with_fields() -> list[Format]:
    """The formats whose columns or keys `--fields` selects, by name."""
    return sorted(taking(FIELDS), key=lambda one: one.name)


def format_named(name: str) -> Format:
    """The format of this name; for an unknown name a placeholder without options, which `check_known` refuses."""
    known = next((one for one in FORMATS if one.name == name), None)
    return known or Format(name, (), "", None, lens_kinds=frozenset())


def check_known(format: Format) -> None:
    """Raise `UsageError` for an unknown format; the message lists all, those that take any number of images first."""
    if format not in FORMATS:
        there = names(sorted(FORMATS, key=lambda one: one.one_image))
        raise UsageError(f"no report format {format.name!r}: choose {there}")


def format_for(name: str | None) -> str:
    """The name of the format for a report written to the file `name`: that of its ending, text if it has none.

    Raises `UsageError` for an ending of no format.
    """
    from vlmtui.reports.output.target import format_by_ending  # imported here to keep the command line quick to start

    return format_by_ending(name, ENDINGS)
