"""Settings table: every setting with its kind, its default, and the option it is the default of. Adding one is a row.

The defaults are those of the options; the lists of words come from the code that uses them, when they are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from vlmtui.metrics import DEFAULT_METRIC, METRICS
from vlmtui.query.choices import COLOR_DEPTHS, DEVICES, DTYPES, is_device
from vlmtui.settings.kinds import Choice, FolderList, KeyTable, Kind, NameList, Text, WholeNumber

PROFILE, PROFILES = "default-profile", "profile"
"""The setting that names a profile to use, and the table that holds the profiles."""


class Setting(NamedTuple):
    """One row. `default` is a value, or gives it where a module has to be imported for it.

    `option` is the option that it is the default of in every command that has it, `variable` an environment variable
    that goes before the file. One that `needs` another is used where that has a value. `of_explorer`: it matters where
    the explorer is open, and is checked there alone. `per_file`: it has no place in a profile. `documented` is what the
    documentation says of its values, where those depend on the version of a package.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    option: str = ""
    variable: str = ""
    needs: str = ""
    of_explorer: bool = False
    per_file: bool = False
    documented: str = ""

    @property
    def without(self) -> Any:
        """The value where nothing gives another."""
        return self.default() if callable(self.default) else self.default


def _resolve_model(name: str) -> object:
    from vlmtui.catalogue import resolve_model

    return resolve_model(name)


def _model_names() -> Sequence[str]:
    from vlmtui.catalogue import DEMO_NOTES, known_models

    return (*DEMO_NOTES, *known_models())


def _check_host(host: str) -> None:
    from vlmtui.session.transport import check_host

    check_host(host, "vlmtui")


def _check_remote_command(command: str) -> None:
    from vlmtui.session.transport import check_host

    check_host("HOST", command)


def _themes() -> Sequence[str]:
    from vlmtui.tui.terminal.theme import theme_names

    return theme_names()


def _panels() -> tuple[str, ...]:
    from vlmtui.tui.panels.registry import PANELS

    return tuple(panel.name for panel in PANELS)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "remote",
        Text("gpu-box", may_be_empty=True, judge=_check_host),
        "",
        "The host that the model runs on, through ssh; empty: this machine.",
        "--remote",
        "VLMTUI_REMOTE",
    ),
    Setting(
        "remote-command",
        Text("/opt/vlmtui/bin/vlmtui", judge=_check_remote_command),
        "vlmtui",
        "The path of vlmtui on that host, where it is not on the PATH there.",
        "--remote-command",
        "VLMTUI_REMOTE_COMMAND",
        needs="remote",
    ),
    Setting(
        "model",
        Text("llava-1.5-7b", judge=_resolve_model, judged_here_only=True, known=_model_names),
        "demo",
        "A hub name, a folder, or an alias.",
        "--model",
        "VLMTUI_MODEL",
    ),
    Setting("device", Choice(lambda: DEVICES, is_device), "auto", "The device that runs the model.", "--device"),
    Setting("dtype", Choice(lambda: DTYPES), "auto", "The data type of the weights.", "--dtype"),
    Setting("metric", Choice(lambda: METRICS), DEFAULT_METRIC, "The metric of nearest tokens.", "--metric"),
    Setting("k", WholeNumber(1), 8, "The number of nearest tokens per image token.", "-k"),
    Setting("max-pixels", WholeNumber(1), 200_000_000, "Larger images are refused.", "--max-pixels"),
    Setting("lenses", FolderList(), (), "Folders with lenses of your own, which `--lens NAME` finds there."),
    Setting("color", Choice(lambda: COLOR_DEPTHS), "auto", "Colour depth of the explorer and of `ansi`.", "--color"),
    Setting(
        "theme",
        Choice(_themes),
        "vlmtui-dark",
        "Theme of the explorer.",
        of_explorer=True,
        documented="vlmtui-dark, vlmtui-light, or one of Textual's: `vlmtui config init` writes all their names",
    ),
    Setting("panels", NameList(_panels), _panels, "Panels of the explorer, in this order.", of_explorer=True),
    Setting("keys", KeyTable(), {}, "Keys of the explorer's actions, in a table of its own.", of_explorer=True),
    Setting(PROFILE, Text("gpu-box"), "", "The profile used without `--profile`.", per_file=True),
)

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
