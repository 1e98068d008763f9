"""Listings of the settings: what is in force and where from, the documentation's table, and a file to begin with."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vlmtui.settings.in_force import Settings, SettingValue
from vlmtui.settings.kinds import KeyTable, written
from vlmtui.settings.location import PROFILE_ENVIRONMENT
from vlmtui.settings.table import PROFILE, PROFILES, SETTINGS, Setting

SCHEMA = "vlmtui/config/1"
_WIDTH = 100
_HEAD = "setting", "value", "from", "default"


@dataclass(frozen=True)
class SettingRow:
    """One setting in force, or one action's keys; `origin` says where it is from."""

    name: str
    value: Any
    origin: str
    source: str
    line: int | None
    default: Any


def setting_rows(settings: Settings) -> Iterator[SettingRow]:
    """Every setting in force, in the order of the table; the default profile is the one in use."""
    for setting in SETTINGS:
        if isinstance(setting.kind, KeyTable):
            keys, parts = settings.action_keys(), settings.parts(setting.name)
            for action, usual in _usual_keys().items() if parts else ():
                if action in parts:
                    yield _row(settings, f"{setting.name}.{action}", parts[action], keys[action], usual)
        elif setting.name == PROFILE:
            continue
        else:
            part = settings.given(setting.name)
            yield _row(settings, setting.name, part, part.value, setting.without)


def _usual_keys() -> dict[str, tuple[str, ...]]:
    from vlmtui.tui.actions.key_table import ACTIONS
    from vlmtui.tui.actions.keymap import usual_keys

    return {action.name: tuple(usual_keys(action)) for action in ACTIONS}


def _row(settings: Settings, name: str, part: SettingValue, value: Any, default: Any) -> SettingRow:
    line = settings.line(part)
    origin = {
        "environment": part.variable,
        "profile": f"profile {settings.profile}, line {line}",
        "file": f"line {line}",
        "default": "default",
    }[part.source]
    return SettingRow(name, value, origin, part.source, line, default)


def listing_lines(settings: Settings) -> Iterator[str]:
    """The file, the profile, and a table of what is in force."""
    file = settings.file
    yield f"file     {file.shown}{'' if file.there else ' (does not exist: vlmtui config init writes it)'}"
    yield f"profile  {settings.profile or 'none'}"
    yield ""
    rows = [
        _HEAD,
        *((row.name, written(row.value), row.origin, written(row.default)) for row in setting_rows(settings)),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for *cells, last in rows:
        yield f"{'  '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))}  {last}".rstrip()


def listing_json(settings: Settings) -> dict[str, Any]:
    """The same as an object, with what is wrong in the file."""
    return {
        "schema": SCHEMA,
        "file": settings.file.shown,
        "exists": settings.file.there,
        "profile": settings.profile or None,
        "settings": [
            {"name": row.name, "value": row.value, "source": row.source, "line": row.line, "default": row.default}
            for row in setting_rows(settings)
        ],
        "mistakes": [{"line": mistake.line, "message": mistake.said} for mistake in settings.mistakes(explorer=True)],
    }


def table_rows() -> Iterator[tuple[str, str, str, str]]:
    """The documentation's table: name, what it may be, its default, and what it is."""
    for setting in SETTINGS:
        if setting.option or setting.variable:
            places = " or ".join(f"`{place}`" for place in (setting.option, setting.variable) if place)
            said = f"{setting.help} Also {places}."
        else:
            said = setting.help
        if setting.name == PROFILE:
            said += f" Also `--profile` or `{PROFILE_ENVIRONMENT}`."
        accepts = setting.documented or setting.kind.accepts
        yield f"`{setting.name}`", accepts, f"`{written(setting.without)}`", said


def template() -> str:
    """A settings file in which every setting is written with its default, as a comment."""
    lines = [
        "# Settings of vlmtui. Remove the # before a line to use it; the values here are the defaults.",
        "# Command line, environment, profile, this file, default: the first that sets a value wins.",
        "# `vlmtui config check` finds mistakes; `vlmtui config` lists every setting in use, and where it is from.",
        "",
    ]
    for setting in SETTINGS:
        if not isinstance(setting.kind, KeyTable):
            lines += [*_comment(setting), f"# {setting.name} = {_default(setting)}", ""]
    for setting in SETTINGS:
        if isinstance(setting.kind, KeyTable):
            lines += [
                *_comment(setting),
                "# `vlmtui config keys` lists the actions.",
                f"# [{setting.name}]",
                '# find = ["slash", "f6"]',
                "",
            ]
    lines += [
        "# Choose a profile with `--profile gpu-box`; its settings override the rest of the file.",
        f"# [{PROFILES}.gpu-box]",
        '# remote = "gpu-box"',
        '# device = "cuda"',
    ]
    return "\n".join(lines) + "\n"


def _default(setting: Setting) -> str:
    # an empty name would be a mistake for a profile
    return '"gpu-box"' if setting.name == PROFILE else written(setting.without, whole=True)


def _comment(setting: Setting) -> list[str]:
    return textwrap.wrap(
        f"{setting.help} ({setting.kind.accepts})",
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
