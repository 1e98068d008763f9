"""Validation of messages and lens options before they are sent: a wrong type is an error for whoever passed it."""

from __future__ import annotations

import re
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from vlmtui.errors import ArgumentTypeError, UsageError, type_name
from vlmtui.lenses.arrays import decode_array, encode_other
from vlmtui.lenses.base import Lens
from vlmtui.lenses.registry import find_lens

_T = TypeVar("_T")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_RANGE = re.compile(r"Expected `(?:int|float)` (>=|>|<=|<) (\S+)")
_BOUNDS = {">=": "at least", ">": "above", "<=": "at most", "<": "below"}
_BYTES = (bytes, bytearray, memoryview)
_LISTS = (list, tuple)
_ALIKE = {float: (float, int), tuple: _LISTS, list: _LISTS}
"""Other types that are accepted for a type."""


def validated(message: _T) -> _T:
    """The message as the other end would receive it; `ArgumentTypeError`, in a sentence, for a value of a wrong type.

    Bytes are not copied, so this costs little compared with sending them.
    """
    try:
        whole = msgspec.to_builtins(message, builtin_types=_BYTES, enc_hook=encode_any)
        return msgspec.convert(whole, type(message), builtin_types=_BYTES, dec_hook=decode_array)
    except msgspec.ValidationError as error:
        raise mismatch(error, message) from None


def checked_options(lens: Lens, options: dict[str, Any], strict: bool = False) -> dict[str, Any]:
    """Check and convert the options of a call; unless `strict`, command-line strings are parsed to the wanted type.

    `UsageError` for an unknown or missing option, and for one of the wrong type or out of range.
    """
    there = {option.name: option for option in lens.described.options}
    for name in options:
        if name not in there:
            has = f"it has {', '.join(there)}" if there else "it has none"
            raise UsageError(f"the lens {lens.name} has no option {name!r}: {has}")
    words = {
        # one word for a list is a list of one
        name: [value] if there[name].takes == "list" and not isinstance(value, list | tuple) else value
        for name, value in options.items()
    }
    try:
        made = msgspec.convert(msgspec.to_builtins(words, enc_hook=encode_any), lens.options, strict=strict)
    except msgspec.ValidationError as error:
        if missing := _MISSING.search(str(error)):
            way_out = f"give {missing[1]}=…"
            if find_lens(lens.name) is not lens:  # commands have options of their own for what built-in ones need
                way_out += f", on the command line --lens-option {missing[1]}=…"
            raise UsageError(f"the lens {lens.name} needs its option {missing[1]}: {way_out}") from None
        raise mismatch(error, words, lens.options) from None
    return {name: getattr(made, name) for name in there}


def encode_any(value: Any) -> Any:
    """`encode_other`; for what cannot be sent, a value that is of no expected type."""
    try:
        return encode_other(value)
    except TypeError:
        return {}  # so that msgspec reports its place


def mismatch(error: msgspec.ValidationError, given: Any, wanted: Any = None) -> UsageError:
    """The error of what msgspec found wrong in `given`, such as `text must be str, not int`: an `ArgumentTypeError`
    where that is the type.

    `given` may also be a dictionary that was to become a message of the type `wanted`.
    """
    message, _, path = str(error).partition(" - at `$")
    name, wanted = "it", wanted or type(given)
    for field, index in _STEP.findall(path):
        try:
            if field and isinstance(given, dict):
                given, wanted, name = given[field], get_type_hints(wanted)[field], field
            elif field:
                given, wanted, name = getattr(given, field), get_type_hints(type(given))[field], field
            else:
                given, wanted, name = given[int(index)], _element(wanted, int(index)), f"{name}[{index}]"
        except (AttributeError, KeyError, IndexError, TypeError):
            break  # the path leads into a set, a dictionary or an object that is no message
    if beyond := _RANGE.match(message):
        return UsageError(f"{name} must be {_BOUNDS[beyond[1]]} {beyond[2].removesuffix('.0')}, not {given}")
    kinds = _kinds(wanted)
    if isinstance(given, str) and any(get_origin(kind) is Literal for kind in kinds):
        return UsageError(f"{name} must be {_named(wanted)}, not {given!r}")
    alike = {other for kind in kinds for other in _ALIKE.get(get_origin(kind) or kind, (get_origin(kind) or kind,))}
    if type(given) in alike:
        return UsageError(
            f"{name} cannot be sent: {message[:1].lower()}{message[1:]}"
        )  # the type is right, its contents are not
    return ArgumentTypeError(f"{name} must be {_named(wanted)}, not {type_name(given)}")


def _kinds(wanted: Any) -> tuple[Any, ...]:
    return get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)


def _element(wanted: Any, index: int) -> Any:
    """The type of the element at an index of a list or a tuple."""
    kind = next(kind for kind in (*_kinds(wanted), tuple[Any, ...]) if get_origin(kind) in _LISTS)
    parts = [part for part in get_args(kind) if part is not ...]
    return parts[min(index, len(parts) - 1)]


def _named(wanted: Any) -> str:
    """A type for the user, such as `int or None`, `'softmax' or 'sigmoid'` or `a list of str`."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if wanted is NoneType:
        return "None"
    if origin in _LISTS:
        return f"a list of {_named(parts[0])}"
    if origin is Literal or origin in (Union, UnionType):
        names = [repr(part) if origin is Literal else _named(part) for part in parts]
        return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return str(getattr(origin or wanted, "__name__", wanted))
