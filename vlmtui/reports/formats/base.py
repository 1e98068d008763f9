"""Format of a report: its name, what it is written from, and which options of the command line it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vlmtui.query.options import Query
    from vlmtui.reports.per_image import ImageFailure

Writer = Callable[[Iterable[Any], "Query", bool], Iterator[str | bytes]]
"""(contents, query, whether of several images) -> the report, piece by piece.

It takes the contents to their end, also those of one image: the file of `--vectors` is written there.
"""


class Content(Enum):
    """What a format is written from, one for each image (`vlmtui.reports.formats.contents`)."""

    REPORT = "report"
    DRAWING = "drawing"
    PAGE = "page"
    ANIMATION = "animation"


ROWS, FIELDS, STAGES, DRAW = "--rows", "--fields", "--stages", "--draw"
"""Options that not every format takes; `--where` goes with `--rows`, `--size` and `--num-words` with `--draw`."""


@dataclass(frozen=True)
class Format:
    """One output format.

    `writer` and `terminal_writer`, the one used where standard output is a terminal, are named as `module:function`
    and imported when they are first called; so is `check`, which raises what is wrong with a query for this format
    alone. `lens_kinds` are the kinds of lens results that it has a place for, by name, None for every kind.

    A `binary` format is not written to a terminal. A format of `one_image` takes no second one, but where `folder` is
    set several go to a folder, a file each. `in_parts` says that a table of many images is made in parts
    (`vlmtui.batch`), `says_empty` that the report itself says that no patch fulfils `--where`.
    """

    name: str
    endings: tuple[str, ...]
    writer: str
    content: Content | None = Content.REPORT
    options: frozenset[str] = frozenset((ROWS,))
    lens_kinds: frozenset[str] | None = None
    check: str = ""
    terminal_writer: str = ""
    binary: bool = False
    one_image: bool = False
    folder: bool = False
    in_parts: bool = False
    says_empty: bool = False

    @property
    def of_rows(self) -> bool:
        """Whether it is written entry by entry, so that a table could have the same rows."""
        return self.content is Content.REPORT

    def takes(self, option: str) -> bool:
        """Whether it takes an option that not every format does."""
        return option in self.options

    def holds(self, kind: str) -> bool:
        """Whether it has a place for a kind of lens results."""
        return self.lens_kinds is None or kind in self.lens_kinds

    def check_query(self, query: Query) -> None:
        """Raise `UsageError` for what this format alone has no use for."""
        if self.check:
            _imported(self.check)(query)

    def write(
        self, contents: Iterable[Any | ImageFailure], query: Query, several: bool, to_terminal: bool = False
    ) -> Iterator[str | bytes]:
        """The report, piece by piece, as its contents are made."""
        writer: Writer = _imported((to_terminal and self.terminal_writer) or self.writer)
        return writer(contents, query, several)


def _imported(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)
