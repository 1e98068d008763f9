"""Settings in force: of the environment, the profile, the file and the default, the first that gives a right value.

The command line goes before them all, and is not known here. A wrong value is left out, and the next one holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

from vlmtui.errors import UsageError, nearest_name
from vlmtui.settings.config_file import ConfigFile, Mistake, read_config
from vlmtui.settings.kinds import CheckContext, written
from vlmtui.settings.location import PROFILE_ENVIRONMENT, config_path
from vlmtui.settings.table import BY_NAME, PROFILE, PROFILES, SETTINGS, Setting

Source = Literal["environment", "profile", "file", "default"]


class SettingValue(NamedTuple):
    """A value and where it comes from: the environment `variable`, or the `keys` that lead to it in the file."""

    value: Any
    source: Source
    variable: str = ""
    keys: tuple[str, ...] = ()


class _Level(NamedTuple):
    """A table of settings in the file, and the keys that lead to it."""

    file: ConfigFile
    above: tuple[str, ...]
    table: Mapping[str, Any]

    @property
    def source(self) -> Source:
        """The file itself or a profile of it."""
        return "profile" if self.above else "file"

    def mistake(self, said: str, *keys: str) -> Mistake:
        """A mistake at these keys, or at what is around them."""
        lines = (self.file.line(*self.above, *keys[:end]) for end in range(len(keys), -1, -1))
        return Mistake(self.file.shown, next((line for line in lines if line), None), said)

    def values(self, setting: Setting, context: CheckContext) -> tuple[dict[str, SettingValue], list[Mistake]]:
        """What the level gives for a setting, by inner key ("" for a value without any), and what is wrong of it."""
        if setting.name not in self.table or (self.above and setting.per_file):
            return {}, []
        found = setting.kind.check(setting.name, self.table[setting.name], context)
        wrong = [self.mistake(said, setting.name, *([inner] if inner else [])) for inner, said in found.wrong]
        if found.value is None:
            return {}, wrong
        parts = found.value if isinstance(found.value, dict) else {"": found.value}
        given = {
            inner: SettingValue(value, self.source, keys=(*self.above, setting.name, *([inner] if inner else [])))
            for inner, value in parts.items()
        }
        return given, wrong

    def strangers(self) -> Iterator[Mistake]:
        """Names in the table that are no settings."""
        for name, value in self.table.items():
            if name == PROFILES and not self.above:
                continue
            if name in BY_NAME and not (self.above and BY_NAME[name].per_file):
                continue
            yield self.mistake(self._advice(name, value), name)

    def _advice(self, name: str, value: Any) -> str:
        if self.above and name in BY_NAME:
            return f"{name} has no place in a profile: move it to the top of the file"
        said = f"no setting is named {written(name)}"
        near = nearest_name(name, [known.name for known in SETTINGS if not (self.above and known.per_file)])
        if near:
            return f"{said}: did you mean {near}?"
        if isinstance(value, dict) and not self.above:
            return f"{said}: a profile begins with [{PROFILES}.{name}]"
        return f"{said}: the settings are {', '.join(BY_NAME)}"


class Settings:
    """The settings of a file under a profile, as they are in force.

    `remote` is that of the command line, if it names one: a model that another machine has is not looked for here.
    """

    def __init__(
        self,
        file: ConfigFile,
        profile: str | None = None,
        remote: str | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.file = file
        self._environment = environment
        self._mistakes: list[Mistake] = list(file.mistakes)
        top = _Level(file, (), file.content)
        self.profile, table = self._chosen(top, profile)
        """The name of the profile in force, or ""."""
        self._levels = [top]
        self._remote = remote
        if self.profile:
            self._levels.insert(0, _Level(file, (PROFILES, self.profile), table))
        self._mistakes += [mistake for level in reversed(self._levels) for mistake in level.strangers()]
        self._values: dict[str, dict[str, SettingValue]] = {}

    def __getitem__(self, name: str) -> Any:
        """The value of a setting; of one that is a table its parts by inner key."""
        parts = self.parts(name)
        setting = BY_NAME[name]
        if isinstance(setting.without, dict):
            return {inner: part.value for inner, part in parts.items()}
        return parts[""].value if parts else setting.without

    def given(self, name: str) -> SettingValue:
        """The value of a setting that is no table, and where it comes from."""
        return self.parts(name).get("") or SettingValue(BY_NAME[name].without, "default")

    def parts(self, name: str) -> dict[str, SettingValue]:
        """What is given for a setting, by inner key ("" for a value without any); nothing where its default holds."""
        if name not in self._values:
            self._values[name] = self._resolve(BY_NAME[name])
        return self._values[name]

    def action_keys(self) -> dict[str, tuple[str, ...]]:
        """The keys that actions are given; one that the profile gives to an action is not another's in the file."""
        parts = self.parts("keys")
        of_profile = {key for part in parts.values() if part.source == "profile" for key in part.value}
        return {
            action: tuple(key for key in part.value if part.source == "profile" or key not in of_profile)
            for action, part in parts.items()
        }

    def line(self, value: SettingValue) -> int | None:
        """The line of the file at which a value begins."""
        return self.file.line(*value.keys) if value.keys else None

    def mistakes(self, explorer: bool = False) -> list[Mistake]:
        """All that is wrong, in the order of the file; of the explorer's settings where it is open."""
        for setting in SETTINGS:
            if explorer or not setting.of_explorer:
                self.parts(setting.name)
        return sorted(dict.fromkeys(self._mistakes), key=lambda one: one.line or 0)

    def _resolve(self, setting: Setting) -> dict[str, SettingValue]:
        here = setting.name == "remote" or not (self._remote if self._remote is not None else self["remote"])
        context = CheckContext(self.file.path.absolute().parent, here)
        found: dict[str, SettingValue] = {}
        for level in self._levels:
            given, wrong = level.values(setting, context)
            self._mistakes += wrong
            found = {**given, **found}
        if setting.variable and (text := self._environment.get(setting.variable)):
            return {"": SettingValue(text, "environment", setting.variable)}
        return found

    def _chosen(self, top: _Level, profile: str | None) -> tuple[str, Mapping[str, Any]]:
        """The profile to use and its table. `UsageError` where the command line names one that is not there."""
        profiles = top.table.get(PROFILES, {})
        if not isinstance(profiles, dict):
            said = f"{PROFILES} is {written(profiles)}: profiles are tables such as [{PROFILES}.gpu-box]"
            self._mistakes.append(top.mistake(f"{said}, and {PROFILE} names the one to use", PROFILES))
            profiles = {}
        tables = {name: table for name, table in profiles.items() if isinstance(table, dict)}
        for name in profiles.keys() - tables.keys():
            said = f"{PROFILES}.{name} is {written(profiles[name])}: a profile begins with [{PROFILES}.{name}]"
            self._mistakes.append(top.mistake(said, PROFILES, name))
        named = self._environment.get(PROFILE_ENVIRONMENT)
        variable = bool(named)
        if profile is None and not named and isinstance(top.table.get(PROFILE), str):
            named = top.table[PROFILE]
        wanted = profile if profile is not None else named or ""
        if not wanted or wanted in tables:
            return wanted, tables.get(wanted, {})
        near = nearest_name(wanted, tables)
        there = f"its profiles are {', '.join(tables)}" if tables else f"add [{PROFILES}.{wanted}] to it"
        advice = f"did you mean {near}? " if near else ""
        if profile is not None:
            raise UsageError(f"--profile {wanted!r} is not in {top.file.shown}: {advice}{there}")
        if variable:
            said = f"{PROFILE_ENVIRONMENT} is {written(wanted)}, which is not a profile: {advice}{there}"
            self._mistakes.append(Mistake(top.file.shown, None, said))
        else:
            self._mistakes.append(
                top.mistake(f"{PROFILE} is {written(wanted)}, which is not a profile: {advice}{there}", PROFILE)
            )
        return "", {}


def read_settings(profile: str | None = None, remote: str | None = None, path: Path | None = None) -> Settings:
    """The settings in force, from a file or the user's own. `UsageError` for a `--profile` that is not there."""
    return Settings(read_config(path or config_path()), profile, remote)


def all_mistakes(file: ConfigFile) -> list[Mistake]:
    """All that is wrong in a file, whichever profile is used, in the order of its lines."""
    profiles = file.content.get(PROFILES, {})
    names = [name for name, table in profiles.items() if isinstance(table, dict)] if isinstance(profiles, dict) else []
    every = [Settings(file, name, environment={}).mistakes(explorer=True) for name in [None, *names]]
    return sorted(dict.fromkeys(chain.from_iterable(every)), key=lambda one: one.line or 0)
