"""Lens signature: the options and the kind of result that a lens function declares by its annotations."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from vlmtui.errors import UsageError
from vlmtui.lenses import context
from vlmtui.lenses.description import LensOption, Values
from vlmtui.lenses.kinds import KINDS, ResultKind

_PLAIN: dict[Any, Values] = {bool: "bool", int: "int", float: "float", str: "text"}


@dataclass(frozen=True, eq=False)
class LensSignature:
    """The signature of a lens's function; `name` is the lens's, for messages.

    Every property raises `UsageError` where the function cannot be a lens.
    """

    function: Callable[..., Any]
    name: str

    @cached_property
    def kind(self) -> type[ResultKind]:
        """The kind of result, from the return annotation. `UsageError` where that is not a kind."""
        found = self._hints.get("return")
        if not (isinstance(found, type) and issubclass(found, ResultKind) and found.name):
            raise UsageError(
                f"the lens {self.name} does not say what it returns: annotate it with one of {', '.join(KINDS)}"
            )
        return found

    @cached_property
    def options(self) -> type[msgspec.Struct]:
        """A struct whose fields are the parameters after the context, in their order."""
        fields: list[Any] = []
        for parameter, hint in self._parameters:
            self._check(parameter.name, hint)
            if parameter.default is inspect.Parameter.empty:
                fields.append((parameter.name, hint))
            else:
                # a list is copied for every call
                default = parameter.default
                kept = msgspec.field(default_factory=default.copy) if isinstance(default, list) else default
                fields.append((parameter.name, hint, kept))
        return msgspec.defstruct("Options", fields, kw_only=True, frozen=True, forbid_unknown_fields=True)

    @cached_property
    def described_options(self) -> tuple[LensOption, ...]:
        """The descriptions of the options, in the order of the parameters."""
        found = []
        for parameter, hint in self._parameters:
            self._check(parameter.name, hint)
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

    @cached_property
    def _parameters(self) -> list[tuple[inspect.Parameter, Any]]:
        """All parameters after the first, the context, with their types."""
        hints = self._hints
        parameters = list(inspect.signature(self.function).parameters.values())
        if not parameters:
            raise UsageError(f"the lens {self.name} takes no parameters: its first parameter is the context")
        found = []
        for parameter in parameters[1:]:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                raise UsageError(
                    f"the parameter {parameter.name} of the lens {self.name} cannot be given by name: "
                    "make it an ordinary or keyword parameter"
                )
            if parameter.name not in hints:
                raise UsageError(
                    f"the option {parameter.name} of the lens {self.name} has no type: annotate it, such as with float"
                )
            found.append((parameter, hints[parameter.name]))
        return found

    @cached_property
    def _hints(self) -> dict[str, Any]:
        """The annotations; names of `vlmtui.lenses` resolve even if the lens's module imports them only for typing."""
        public = {name: getattr(context, name) for name in context.__all__}
        public |= {kind.__name__: kind for kind in KINDS.values()}
        try:
            return typing.get_type_hints(self.function, localns=public, include_extras=True)
        except Exception as error:  # evaluating an annotation may raise anything
            what = f"the annotations of the lens {self.name} cannot be read ({error})"
            raise UsageError(f"{what}: import what they name") from error

    def _check(self, name: str, hint: Any) -> None:
        try:
            _takes(_split(hint)[0])
        except TypeError:
            shown = hint.__name__ if isinstance(hint, type) else str(hint)
            raise UsageError(
                f"the option {name} of the lens {self.name} is of type {shown}: "
                "options are bool, int, float, str, Literal, or lists of these"
            ) from None


def _split(hint: Any) -> tuple[Any, msgspec.Meta | None]:
    if get_origin(hint) is typing.Annotated:
        bare, *more = get_args(hint)
        return bare, next((one for one in more if isinstance(one, msgspec.Meta)), None)
    return hint, None


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
