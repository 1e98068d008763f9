"""Keymap: the bindings of the actions, and the keys that a user gave to actions instead of those of the table.

Each action has two bindings that Textual's keymap can change: one for the explorer, and one with priority, which holds
in dialogs too. Keys with Ctrl belong to the second, so that a letter given to `quit` can still be typed in a dialog. A
binding without a key has a name in its place that no terminal sends.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence

from textual.binding import Binding, BindingType
from textual.keys import Keys, key_to_character

from vlmtui.tui.actions.key_table import ACTIONS, Action

MODIFIERS = frozenset(("ctrl", "shift", "alt", "super", "hyper", "meta"))
ANYWHERE = ".anywhere"
"""The end of the id of the binding with priority."""
UNBOUND = "unbound_"


def bindings(*, of_app: bool) -> list[BindingType]:
    """The bindings of the application's actions, or of all others."""
    return [
        Binding(
            keys, action.call.partition(".")[2], action.title, show=False, priority=name.endswith(ANYWHERE), id=name
        )
        for action in ACTIONS
        if action.call.startswith("app.") == of_app
        for name, keys in _bound(action, usual_keys(action)).items()
    ]


def keymap(given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Textual's keymap for keys by action; a key that was another action's is that action's no more."""
    taken = {key for keys in given.values() for key in keys}
    found: dict[str, str] = {}
    for action in ACTIONS:
        usual = usual_keys(action)
        if action.name in given:
            found |= _bound(action, given[action.name])
        elif taken.intersection(usual):
            found |= _bound(action, [key for key in usual if key not in taken])
    return found


def given_keys(keymap: Mapping[str, str]) -> dict[str, str]:
    """The keys, with commas between, of every action that one of Textual's keymaps changes; "" for none."""
    found: dict[str, str] = {}
    for action in ACTIONS:
        usual = _bound(action, usual_keys(action))
        if keymap.keys() & usual:
            keys = [key for name in usual for key in keymap.get(name, usual[name]).split(",")]
            found[action.name] = ",".join(key for key in keys if not key.startswith(UNBOUND))
    return found


def usual_keys(action: Action) -> list[str]:
    """The keys of an action in the table."""
    return [key for key in action.keys.split(",") if key]


def textual_key(word: str) -> str | None:
    """A key by Textual's own name, such as `slash` for `/`; None for a word that names no key."""
    if word in _NAMED:
        return word
    *modifiers, base = word.split("+")
    if word == "+" or word.endswith("++"):
        modifiers, base = modifiers[:-1], "+"
    if not set(modifiers) <= MODIFIERS or len(set(modifiers)) < len(modifiers):
        return None
    name = base if base in _NAMED or base in _PUNCTUATION else _of_character(base)
    # with a modifier, terminals send the small letter
    if name is None or (modifiers and len(name) == 1 and name != name.lower()):
        return None
    return "+".join([*sorted(modifiers), name])


def key_names() -> list[str]:
    """Names of keys, for advice."""
    return [*sorted(_NAMED), *sorted(_PUNCTUATION)]


def _bound(action: Action, keys: Iterable[str]) -> dict[str, str]:
    """The ids of an action's two bindings, and their keys."""
    plain = [key for key in keys if not key.startswith("ctrl+")]
    anywhere = [key for key in keys if key.startswith("ctrl+")]
    return {
        action.name: ",".join(plain) or f"{UNBOUND}{action.name}",
        action.name + ANYWHERE: ",".join(anywhere) or f"{UNBOUND}{action.name}_anywhere",
    }


def _named(character: str) -> str:
    """The name of the key of a character; what a binding cannot be written with has its name here."""
    return {",": "comma", " ": "space"}.get(character) or _textual_name(character)


def _textual_name(character: str) -> str:
    return next(iter(Binding.make_bindings([Binding(character, "")]))).key


def _of_character(base: str) -> str | None:
    """The name of the key of a character, which is given itself or by its name."""
    character = base if len(base) == 1 else key_to_character(base)
    return _named(character) if character is not None and character.isprintable() else None


_NAMED = frozenset(key.value for key in Keys if "<" not in key.value)
_PUNCTUATION = frozenset(map(_named, string.punctuation))
