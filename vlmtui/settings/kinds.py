"""Kinds of settings: which values are right, in words and as a check. Textual is imported for its own names alone.

Plain tuples, since every command with a settings file makes them: a dataclass takes some seven times as long to define.

A check never raises: it gives the part of a value that can be used and what is wrong with the rest, so that one wrong
element of a list leaves the others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from vlmtui.errors import VlmtuiError, nearest_name
from vlmtui.files import expand_path

_LONGEST = 60


class CheckContext(NamedTuple):
    """Where a value stands: `folder` is that of its file; `here` is true where the model runs on this machine."""

    folder: Path = Path()
    here: bool = True


class Checked(NamedTuple):
    """A value as it is used, None where nothing of it is, and what is wrong: the inner key or "", and the sentence."""

    value: Any = None
    wrong: tuple[tuple[str, str], ...] = ()


class Kind(Protocol):
    """A kind of value."""

    @property
    def accepts(self) -> str:
        """What is right, as it goes on after “give”."""

    def check(self, name: str, value: Any, context: CheckContext) -> Checked:
        """The value of the setting `name`, from a TOML file."""


def written(value: Any, whole: bool = False) -> str:
    """A value as TOML writes it, cut where it is long, unless the `whole` is wanted."""
    if isinstance(value, dict):
        return "a table" if value else "{}"
    if isinstance(value, bool | str | None):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(written(one, whole) for one in value)}]"
    else:
        text = str(value)
    return text if whole or len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def not_one_of(name: str, value: Any, names: Sequence[str]) -> str:
    """The sentence for a value that is not among the names."""
    near = nearest_name(value, names)
    remedy = f"did you mean {written(near)}?" if near else "choose one of them"
    return f"{name} is {written(value)}, not one of {', '.join(names)}: {remedy}"


def _only_wrong(said: str) -> Checked:
    return Checked(None, (("", said),))


class Text(NamedTuple):
    """Text. `judge` raises a `VlmtuiError` for one that is wrong; `judged_here_only`: not for another machine's.

    `known` are names that may have been meant.
    """

    example: str
    may_be_empty: bool = False
    judge: Callable[[str], object] = lambda text: None
    judged_here_only: bool = False
    known: Callable[[], Sequence[str]] = tuple

    @property
    def accepts(self) -> str:
        """What is right."""
        return f"text, such as {written(self.example)}"

    def check(self, name: str, value: Any, context: CheckContext) -> Checked:
        """Text that is not empty, or may be."""
        if not isinstance(value, str) or not (value.strip() or self.may_be_empty):
            return _only_wrong(f"{name} is {written(value)}: give {self.accepts}")
        if value and (context.here or not self.judged_here_only):
            try:
                self.judge(value)
            except (VlmtuiError, OSError, ValueError) as error:
                near = nearest_name(value, self.known())
                # other errors: no path can be so long, or have a null character
                remedy = str(error) if isinstance(error, VlmtuiError) else f"give {self.accepts}"
                return _only_wrong(
                    f"{name} is {written(value)}: {f'did you mean {written(near)}?' if near else remedy}"
                )
        return Checked(value)


class Choice(NamedTuple):
    """One of some words; `fits` accepts others than those written out, such as `cuda:1` for `cuda:N`."""

    choices: Callable[[], Sequence[str]]
    fits: Callable[[str], bool] = lambda word: False

    @property
    def accepts(self) -> str:
        """What is right."""
        return f"one of {', '.join(self.choices())}"

    def check(self, name: str, value: Any, context: CheckContext) -> Checked:
        """One of the words."""
        choices = self.choices()
        if isinstance(value, str) and (self.fits(value) or value in choices):
            return Checked(value)
        return _only_wrong(not_one_of(name, value, choices))


class WholeNumber(NamedTuple):
    """A whole number of at least `least`."""

    least: int = 1

    @property
    def accepts(self) -> str:
        """What is right."""
        return f"a whole number of at least {self.least}"

    def check(self, name: str, value: Any, context: CheckContext) -> Checked:
        """Such a number."""
        # a session takes numbers of 64 bits
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1 << 63:
            return _only_wrong(f"{name} is {written(value)}: give a smaller number, of at most 64 bits")
        if isinstance(value, bool) or not isinstance(value, int) or value < self.least:
            return _only_wrong(f"{name} is {written(value)}: give {self.accepts}")
        return Checked(value)


class NameList(NamedTuple):
    """Some names of a list, each once, in the order that is wanted."""

    choices: Callable[[], Sequence[str]]

    @property
    def accepts(self) -> str:
        """What is right."""
        return f"a list of some of {', '.join(self.choices())}"

    def check(self, name: str, value: Any, context: CheckContext) -> Checked:
        """A list with at least one of the names."""
        choices = self.choices()
        if not isinstance(value, list) or not value:
            return _only_wrong(f"{name} is {written(value)}: give {self.accepts}")
        wrong = [not_one_of(f"one of {name}", one, choices) for one in value if one not in choices]
        right = tuple(dict.fromkeys(one for one in value if one in choices))
        twice = [one for one in right if value.count(one) > 1]
        wrong += [f"{name} has {written(one)} more than once: name it once" for one in twice]
        return Checked(right or None, tuple(("", said) for said in wrong))


class FolderList:
    """Folders, relative ones to the folder of the file."""

    accepts = 'a list of folders, such as ["~/lenses"]'

    def check(self, name: str, value: Any, context: CheckContext) -> Checked:
        """A list of folders that exist."""
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            return _only_wrong(f"{name} is {written(value)}: give {self.accepts}")
        folders = {one: _folder(one, context) for one in value}
        wrong = [
            f"{name} has {written(one)}, which is not a folder: check the path"
            for one, folder in folders.items()
            if folder is None
        ]
        right = tuple(folder for folder in folders.values() if folder is not None)
        return Checked(None if wrong and not right else right, tuple(("", said) for said in wrong))


def _folder(name: str, context: CheckContext) -> str | None:
    """The path of a folder; None where there is none of this name."""
    with suppress(ValueError):  # a null character
        path = os.path.join(context.folder, expand_path(name))
        return path if os.path.isdir(path) else None
    return None


class KeyTable:
    """A table of actions, each with its key or keys."""

    accepts = 'a table of actions and their keys, such as find = "f6"'

    def check(self, name: str, value: Any, context: CheckContext) -> Checked:
        """Keys by action, in Textual's names; of two actions with one key the first has it."""
        if not isinstance(value, dict):
            return _only_wrong(f"{name} is {written(value)}: give {self.accepts}")
        from vlmtui.tui.actions.key_table import ACTIONS
        from vlmtui.tui.actions.keymap import key_names, textual_key

        actions = [action.name for action in ACTIONS]
        synonyms = {word: action.name for action in reversed(ACTIONS) for word in action.synonyms.split()}
        synonyms |= {name: name for name in actions}
        wrong: list[tuple[str, str]] = []
        right: dict[str, tuple[str, ...]] = {}
        owner: dict[str, str] = {}
        for action, given in value.items():
            if action not in actions:
                near = nearest_name(action, synonyms)
                near = synonyms[near] if near else None
                remedy = f"did you mean {near}?" if near else "vlmtui config keys lists them"
                wrong.append((action, f"no action of {name} is named {written(action)}: {remedy}"))
                continue
            words = [given] if isinstance(given, str) else given
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                wrong.append((action, f'{name}.{action} is {written(given)}: give a key, such as "f6", or a list'))
                continue
            kept: list[str] = []
            for word in words:
                key = textual_key(word)
                if key is None:
                    near = nearest_name(word, key_names())
                    remedy = f"did you mean {written(near)}?" if near else 'give one such as "f6", "ctrl+f" or "x"'
                    wrong.append((action, f"{name}.{action} is {written(word)}, which is not a key: {remedy}"))
                elif key in owner:
                    also = f"{name}.{owner[key]}" if owner[key] != action else "it"
                    wrong.append(
                        (action, f"{name}.{action} is {written(word)}, which {also} has already: choose another")
                    )
                else:
                    owner[key] = action
                    kept.append(key)
            # an empty list takes the action's keys away; a list in which nothing is right changes nothing
            if kept or not words:
                right[action] = tuple(kept)
        return Checked(right, tuple(wrong))
