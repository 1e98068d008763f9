"""The options that reports alone have: what keeps them small, and what pictures show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from vlmtui.cli.options import check_choice
from vlmtui.errors import UsageError
from vlmtui.reports.formats.base import DRAW
from vlmtui.reports.formats.registry import names, taking, with_fields

if TYPE_CHECKING:
    from vlmtui.query.options import Query


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
        typer.Option("--fields", metavar="NAMES", help=f"{names(with_fields())}: only these, commas between."),
    ] = None

    vectors: Annotated[
        str | None,
        typer.Option("--vectors", metavar="FILE", help="Also the vectors themselves, as .safetensors or .npz."),
    ] = None

    def narrow(self, query: Query) -> Query:
        """The query about these alone; `UsageError` for what is not understood."""
        from vlmtui.query.conditions import parse_where
        from vlmtui.query.fields import parse_fields
        from vlmtui.query.patches import parse_rows

        rows = parse_rows(self.rows) if self.rows is not None else ()
        keep = parse_where(self.where) if self.where is not None else None
        fields = parse_fields(self.fields) if self.fields is not None else ()
        selection = replace(query.selection, rows=rows, keep=keep)
        return replace(query, selection=selection, output=replace(query.output, fields=fields, vectors=self.vectors))

    def check_none(self) -> None:
        """`UsageError` where one was given, for the explorer."""
        given = next((name for name in ("rows", "where", "fields", "vectors") if getattr(self, name) is not None), None)
        if given:
            raise UsageError(f"--{given} is for reports: add --format text, or another")


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What a picture shows, and how large."""

    draw: Annotated[
        str | None,
        typer.Option("--draw", metavar="WHAT", help=f"{names(taking(DRAW))}: words, heat, layers or norms."),
    ] = None
    size: Annotated[
        int | None, typer.Option("--size", metavar="N", help="png, svg: pixels of the longer side; ansi: columns.")
    ] = None
    num_words: Annotated[
        int | None, typer.Option("--num-words", min=1, metavar="N", help="png, svg: words a patch, at most.")
    ] = None
    color: Annotated[str, typer.Option("--color", metavar="DEPTH", help="Explorer, ansi: auto, truecolor or 256.")] = (
        "auto"
    )

    def drawn(self, query: Query) -> Query:
        """The query with these; `UsageError` for what is not there."""
        from vlmtui.query.drawing import parse_drawing

        check_choice("--color", self.color)
        drawing = parse_drawing(self.draw, self.size, self.num_words, self.color != "256")
        return replace(query, output=replace(query.output, drawing=drawing))

    def check_none(self) -> None:
        """`UsageError` where one was given, for the explorer."""
        given = {"--draw": self.draw, "--size": self.size, "--num-words": self.num_words}
        if found := next((option for option, value in given.items() if value is not None), None):
            raise UsageError(f"{found} is for pictures: add --format png, or another")
