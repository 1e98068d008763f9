"""Format of a report: its name, its content, and the command-line options that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vlmtui.query.options import Query
    from vlmtui.reports.per_image import ImageFailure

Writer = Callable[[Iterable[Any], "Query", bool], Iterator[str | bytes]]
"""(contents, query, whether of several images) -> the report, in chunks.

A writer exhausts the contents even for a single image: the file of `--vectors` is written at their end.
"""


class Content(Enum):
    """Kind of content that a format is written from, one object per image (`vlmtui.reports.formats.contents`)."""

    REPORT = "report"
    DRAWING = "drawing"
    PAGE = "page"
    ANIMATION = "animation"


ROWS, FIELDS, STAGES, DRAW, CSV_SAFE, FOLD, NOISE, COLOR = (
    "--rows",
    "--fields",
    "--stages",
    "--draw",
    "--csv-safe",
    "--fold",
    "--null",
    "--color",
)
"""Options that not every format takes; `--where` follows `--rows`, `--size` and `--num-words` follow `--draw`."""


@dataclass(frozen=True)
class Format:
    """One output format.

    `writer`, `terminal_writer` (used when standard output is a terminal) and `check` (raises for a query that this
    format cannot write) are given as `module:function` and imported on first use. `lens_kinds` names the kinds of lens
    results that the format can hold, None for every kind.

    A `binary` format is not written to a terminal. A `one_image` format takes a single image; with `folder` set,
    several images go to a folder, one file each. `in_parts` marks formats that a batch writes in parts
    (`vlmtui.batch`), `says_empty` those whose report itself states that no patch meets `--where`.
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
        """Whether it is written entry by entry, so that a table could hold the same rows."""
        return self.content is Content.REPORT

    def takes(self, option: str) -> bool:
        """Whether it takes an option that not every format does."""
        return option in self.options

    def holds(self, kind: str) -> bool:
        """Whether it can hold lens results of this kind."""
        return self.lens_kinds is None or kind in self.lens_kinds

    def usual(self, query: Query, several: bool = False) -> Query:
        """The query with what is usual for this format where it leaves that open, for one image or `several`."""
        search = query.search
        if self.takes(FOLD) and search.fold is None:
            search = replace(search, fold=True)
        if self.takes(NOISE) and search.noise is None:
            search = replace(search, noise=not several)
        return replace(query, search=search)

    def check_query(self, query: Query) -> None:
        """Raise `UsageError` for a query that this format cannot write."""
        if self.check:
            _imported(self.check)(query)

    def write(
        self, contents: Iterable[Any | ImageFailure], query: Query, several: bool, to_terminal: bool = False
    ) -> Iterator[str | bytes]:
        """Write the report in chunks, as its contents are computed."""
        writer: Writer = _imported((to_terminal and self.terminal_writer) or self.writer)
        return writer(contents, query, several)


def _imported(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)
