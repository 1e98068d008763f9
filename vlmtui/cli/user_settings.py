"""Settings of the user as commands take them: defaults of options, and what is wrong in the file, told on stderr."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vlmtui.cli.messages import print_message

if TYPE_CHECKING:
    from vlmtui.settings.in_force import Settings
    from vlmtui.tui.options import ExplorerSettings

_MOST_NOTES = 3
"""Mistakes that the explorer tells at once; of more it tells the first and their number."""


class UserSettings:
    """The settings in force for one command; the file is read when one is first asked for.

    `profile` and `remote` are those of the command line, and `named` the options of groups that it names, such as
    `--metric`, by their parameters. Without a file nothing is read or imported for it.
    """

    def __init__(
        self,
        profile: str | None = None,
        remote: str | None = None,
        quiet: bool = False,
        named: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._profile, self._remote, self._quiet = profile, remote, quiet
        self.named = named

    @cached_property
    def _some(self) -> bool:
        """Whether there is anything to read."""
        from vlmtui.settings.location import has_settings

        return self._profile is not None or has_settings()

    @cached_property
    def in_force(self) -> Settings:
        """The settings, checked as they are asked for."""
        from vlmtui.settings.in_force import read_settings

        return read_settings(self._profile, self._remote)

    @property
    def model(self) -> str:
        """The model of a command that names none."""
        from vlmtui.catalogue import default_model

        if not self._some or (given := self.in_force.given("model")).source == "environment":
            return default_model()
        return str(given.value)

    @property
    def lens_folders(self) -> tuple[str, ...]:
        """Folders with lenses of the user's own."""
        return tuple(self.in_force["lenses"]) if self._some else ()

    def defaults(self, options: Mapping[str, Collection[str]]) -> dict[str, Any]:
        """What the file says for options: `options` are the names of each, such as `--model`, by its parameter.

        A parameter that the file or its profile says nothing of, or the environment, is left out.
        """
        if not self._some:
            return {}
        from vlmtui.settings.table import SETTINGS

        found = {}
        for setting in SETTINGS:
            for parameter in (parameter for parameter, names in options.items() if setting.option in names):
                value = self.in_force.given(setting.name)
                needs = not setting.needs or self._remote or (self._remote is None and self.in_force[setting.needs])
                if value.source in ("profile", "file") and needs:
                    found[parameter] = value.value
        return found

    def tell(self) -> None:
        """Print what is wrong in the settings, but for those of the explorer."""
        if self._some and not self._quiet:
            for mistake in self.in_force.mistakes():
                print_message(str(mistake))

    def explorer(self) -> ExplorerSettings:
        """The settings of the explorer, and what is wrong in any of them."""
        from vlmtui.display.pieces import plain
        from vlmtui.tui.options import ExplorerSettings

        if not self._some:
            return ExplorerSettings()
        settings = self.in_force
        notes = [plain(str(mistake)) for mistake in settings.mistakes(explorer=True)] if not self._quiet else []
        if len(notes) > _MOST_NOTES:
            more = len(notes) - _MOST_NOTES + 1
            notes = [*notes[: _MOST_NOTES - 1], f"{more} more mistakes: vlmtui config check"]
        theme, panels = settings.given("theme"), settings.given("panels")
        return ExplorerSettings(
            # without one the terminal's background decides
            str(theme.value) if theme.source != "default" else "",
            settings.action_keys(),
            panels.value if panels.source != "default" else (),
            tuple(notes),
        )
