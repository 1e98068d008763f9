"""Lens options, derived from the parameters of the lens's function: as a struct, as a description, and checked."""

from __future__ import annotations

import inspect
import re
import types
import typing
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from vlmtui.errors import UsageError
from vlmtui.lenses.base import Lens
from vlmtui.lenses.description import LensDescription, LensOption, Values
from vlmtui.lenses.kinds import KINDS, ResultKind
from vlmtui.lenses.validation import encode_any, mismatch

_PLAIN: dict[Any, Values] = {bool: "bool", int: "int", float: "float", str: "text"}
_MISSING = re.compile(r"missing required field `([^`]*)`")


def describe_lens(lens: Lens, origin: str = "vlmtui") -> LensDescription:
    """Describe a lens for clients. `UsageError` for a function that is not a valid lens."""
    return LensDescription(
        name=lens.name,
        subject=lens.subject,
        kind=lens.kind.name,
        line=lens.line,
        stages=lens.stages,
        cost=lens.cost,
        options=described_options(lens),
        origin=origin,
    )


def result_kind(lens: Lens) -> type[ResultKind]:
    """The kind of a lens's result. `UsageError` where the return annotation is not a kind."""
    found = _hints(lens).get("return")
    if not (isinstance(found, type) and issubclass(found, ResultKind) and found.name):
        raise UsageError(
            f"the lens {lens.name} does not say what it returns: annotate it with one of {', '.join(KINDS)}"
        )
    return found


def options_struct(lens: Lens) -> type[msgspec.Struct]:
    """Make a struct whose fields are the parameters after the context."""
    fields: list[Any] = []
    for parameter, hint in _parameters(lens):
        _check(lens, parameter.name, hint)
        if parameter.default is inspect.Parameter.empty:
            fields.append((parameter.name, hint))
        else:
            # a list is copied for every call
            default = parameter.default
            kept = msgspec.field(default_factory=default.copy) if isinstance(default, list) else default
            fields.append((parameter.name, hint, kept))
    return msgspec.defstruct("Options", fields, kw_only=True, frozen=True, forbid_unknown_fields=True)


def described_options(lens: Lens) -> tuple[LensOption, ...]:
    """Describe the options, in the order of the parameters."""
    found = []
    for parameter, hint in _parameters(lens):
        _check(lens, parameter.name, hint)
        bare, meta = _split(hint)
        takes, of, choices = _takes(bare)
        required = parameter.default is inspect.Parameter.empty
        found.append(
            LensOption(
                name=parameter.name,
                takes=takes,
                of=of,
                required=required,
                default=None if required else _plain(parameter.default),
                choices=choices,
                range=_range(meta),
                help=str(meta.description or "") if meta else "",
            )
        )
    return tuple(found)


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
            way_out = f"give it with --lens-option {missing[1]}=…"
            raise UsageError(f"the lens {lens.name} needs its option {missing[1]}: {way_out}") from None
        raise UsageError(mismatch(error, words, lens.options)) from None
    return {name: getattr(made, name) for name in there}


def _parameters(lens: Lens) -> list[tuple[inspect.Parameter, Any]]:
    """All parameters after the first, the context, with their types."""
    hints = _hints(lens)
    parameters = list(inspect.signature(lens.function).parameters.values())
    if not parameters:
        raise UsageError(f"the lens {lens.name} takes nothing: its first parameter is the context")
    found = []
    for parameter in parameters[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise UsageError(f"the parameter {parameter.name} of the lens {lens.name} has no name to be given by")
        if parameter.name not in hints:
            raise UsageError(
                f"the option {parameter.name} of the lens {lens.name} has no type: annotate it, such as with float"
            )
        found.append((parameter, hints[parameter.name]))
    return found


def _hints(lens: Lens) -> dict[str, Any]:
    """The annotations of a lens's function; names of `vlmtui.lenses` resolve even if only imported for typing."""
    import vlmtui.lenses as public

    if "_hints" not in lens.__dict__:
        known = {name: getattr(public, name) for name in public.__all__}
        try:
            found = typing.get_type_hints(lens.function, localns=known, include_extras=True)
        except Exception as error:  # whatever stands there is evaluated
            what = f"the annotations of the lens {lens.name} cannot be read ({error})"
            raise UsageError(f"{what}: import what they name") from error
        lens.__dict__["_hints"] = found
    return dict(lens.__dict__["_hints"])


def _split(hint: Any) -> tuple[Any, msgspec.Meta | None]:
    if get_origin(hint) is typing.Annotated:
        bare, *more = get_args(hint)
        return bare, next((one for one in more if isinstance(one, msgspec.Meta)), None)
    return hint, None


def _check(lens: Lens, name: str, hint: Any) -> None:
    try:
        _takes(_split(hint)[0])
    except TypeError:
        shown = getattr(hint, "__name__", str(hint))
        raise UsageError(
            f"the option {name} of the lens {lens.name} is a {shown}: "
            "options are bool, int, float, str, Literal, or lists of these"
        ) from None


def _takes(bare: Any) -> tuple[Values, Values | None, tuple[str, ...]]:
    """The kind of value, the kind of its items and the choices for a type. `TypeError` for an unsupported type."""
    if bare in _PLAIN:
        return _PLAIN[bare], None, ()
    origin, parts = get_origin(bare), get_args(bare)
    if origin is Literal and all(isinstance(part, str) for part in parts):
        return "choice", None, tuple(parts)
    if origin in (list, tuple) and parts:
        of, _, choices = _takes(_split(parts[0])[0])
        return "list", of, choices
    if origin in (Union, types.UnionType):
        some = [part for part in parts if part is not type(None)]
        if len(some) == 1:  # or nothing
            return _takes(_split(some[0])[0])
    raise TypeError(bare)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _range(meta: msgspec.Meta | None) -> str:
    """`above 0`, `1 to 8`, or ""."""
    if meta is None:
        return ""
    parts = []
    if meta.gt is not None:
        parts.append(f"above {meta.gt:g}")
    if meta.ge is not None:
        parts.append(f"from {meta.ge:g}")
    if meta.lt is not None:
        parts.append(f"below {meta.lt:g}")
    if meta.le is not None:
        parts.append(f"up to {meta.le:g}")
    return ", ".join(parts)
