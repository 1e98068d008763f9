"""What front ends are told of a lens: they offer it by this, and never import one that is not built in."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from vlmtui.lenses.kinds import KINDS, ResultKind

Values = Literal["bool", "int", "float", "text", "choice", "list"]


class LensOption(msgspec.Struct, frozen=True, kw_only=True):
    """One option: what it takes, `of` which its items are where that is a list, and what it is without being given.

    `lowest` and `highest` bound a number (`above` and `below`: it is more or less than that), `choices` are all that it
    may be; `help` is for a person.
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
    """A lens: its name, what it looks at, the kind of its result, its one line, where it applies, its options in the
    order written, and where it comes from. `trouble` says why it cannot be used, or "".
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
        """The kind of its result."""
        return KINDS[self.kind]

    @property
    def missing(self) -> tuple[str, ...]:
        """The options that must be given."""
        return tuple(option.name for option in self.options if option.required)
