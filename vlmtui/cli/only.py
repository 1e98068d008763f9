"""The options that keep a report small: which entries, which of their fields."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from vlmtui.errors import UsageError

if TYPE_CHECKING:
    from vlmtui.reports import Query


@dataclass(frozen=True, kw_only=True)
class Only:
    """Which of a picture's entries a report is about, and what of them it has."""

    rows: Annotated[
        str | None, typer.Option("--rows", metavar="R-R", help="Only these rows of the grid, such as 0-5 or 3,7.")
    ] = None
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="CONDITION", help="Only such patches, as “norm>z3”: see the README."),
    ] = None
    fields: Annotated[
        str | None,
        typer.Option("--fields", metavar="NAMES", help="csv, json, jsonl, parquet: only these, commas between."),
    ] = None

    def narrow(self, query: Query) -> Query:
        """The query about these alone; `UsageError` for what is not understood."""
        from vlmtui.reports.fields import parse_fields
        from vlmtui.reports.patches import parse_rows
        from vlmtui.reports.where import parse_where

        return replace(
            query,
            rows=parse_rows(self.rows) if self.rows is not None else (),
            keep=parse_where(self.where) if self.where is not None else None,
            fields=parse_fields(self.fields) if self.fields is not None else (),
        )

    def check_none(self) -> None:
        """`UsageError` where one was given, for the explorer."""
        given = next((name for name in ("rows", "where", "fields") if getattr(self, name) is not None), None)
        if given:
            raise UsageError(f"--{given} is for reports: add --format text, or another")
