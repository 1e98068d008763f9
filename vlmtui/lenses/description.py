"""Lens description: what the session tells clients about a lens. Clients never import a lens that is not built in."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from vlmtui.lenses.kinds import KINDS, ResultKind

Values = Literal["bool", "int", "float", "text", "choice", "list"]


class LensOption(msgspec.Struct, frozen=True, kw_only=True):
    """One option of a lens: the type it takes, the item type `of` a list, and its default.

    `choices` are the allowed values of a choice, `range` is the range of a number in words, `help` the help text.
    """

    name: str
    takes: Values
    of: Values | None = None
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    range: str = ""
    help: str = ""


class LensDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A lens: its name, subject, kind of result, help line, stages, options in declaration order, and origin.

    `trouble` says why it cannot be used, or "".
    """

    name: str
    subject: str = "stage"
    kind: str = ""
    line: str = ""
    stages: tuple[str, ...] = ()
    cost: str = "quick"
    options: tuple[LensOption, ...] = ()
    origin: str = "vlmtui"
    trouble: str = ""

    @property
    def result(self) -> type[ResultKind]:
        """The kind of result."""
        return KINDS[self.kind]

    @property
    def missing(self) -> tuple[str, ...]:
        """The options that must be given."""
        return tuple(option.name for option in self.options if option.required)
