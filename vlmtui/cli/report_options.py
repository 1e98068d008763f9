"""Options of reports alone: selection of entries, drawing, and tables of many images."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from vlmtui.cli.help import DRAWING, ROWS, TABLES
from vlmtui.cli.options import CsvSafe
from vlmtui.errors import UsageError
from vlmtui.files import expand_path
from vlmtui.query.choices import COLOR_DEPTHS, ENGINES, check_choice
from vlmtui.reports.formats.base import DRAW
from vlmtui.reports.formats.registry import names, taking, with_fields

if TYPE_CHECKING:
    from vlmtui.batch import BatchOptions
    from vlmtui.query.options import Query


@dataclass(frozen=True, kw_only=True)
class SelectionArguments:
    """Which of an image's entries are in a report, and which of their fields."""

    rows: Annotated[
        str | None,
        typer.Option(
            "--rows", rich_help_panel=ROWS, metavar="R-R", help="Only these rows of the grid, such as 0-5 or 3,7."
        ),
    ] = None
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            rich_help_panel=ROWS,
            metavar="CONDITION",
            help="Only patches for which this is true, such as “norm > z3 and word ~ sky”.",
        ),
    ] = None
    fields: Annotated[
        str | None,
        typer.Option(
            "--fields",
            rich_help_panel=ROWS,
            metavar="NAMES",
            help=f"{names(with_fields())}: only these, separated by commas.",
        ),
    ] = None

    vectors: Annotated[
        str | None,
        typer.Option(
            "--vectors",
            rich_help_panel=ROWS,
            metavar="FILE",
            help="Also save the vectors, as .safetensors or .npz.",
        ),
    ] = None

    csv_safe: CsvSafe = False

    def apply(self, query: Query) -> Query:
        """The query with this selection; `UsageError` where an option cannot be parsed."""
        from vlmtui.query.conditions import parse_where
        from vlmtui.query.fields import parse_fields
        from vlmtui.query.patches import parse_rows

        rows = parse_rows(self.rows) if self.rows is not None else ()
        condition = parse_where(self.where) if self.where is not None else None
        fields = parse_fields(self.fields) if self.fields is not None else ()
        selection = replace(query.selection, rows=rows, condition=condition)
        output = replace(query.output, fields=fields, vectors=self.vectors, csv_safe=self.csv_safe)
        return replace(query, selection=selection, output=output)

    def check_none(self) -> None:
        """`UsageError` where one of them was given to the explorer."""
        given = next((name for name in ("rows", "where", "fields", "vectors") if getattr(self, name) is not None), None)
        given = "csv-safe" if self.csv_safe else given
        if given:
            raise UsageError(f"--{given} is for reports: add --format text, or another")


@dataclass(frozen=True, kw_only=True)
class DrawingArguments:
    """What a drawn report shows, and its size."""

    draw: Annotated[
        str | None,
        typer.Option(
            "--draw",
            rich_help_panel=DRAWING,
            metavar="WHAT",
            help=f"{names(taking(DRAW))}: words, heat, layers or norms.",
        ),
    ] = None
    size: Annotated[
        int | None,
        typer.Option(
            "--size", rich_help_panel=DRAWING, metavar="N", help="png, svg: pixels of the longer side; ansi: columns."
        ),
    ] = None
    num_words: Annotated[
        int | None,
        typer.Option(
            "--num-words",
            rich_help_panel=DRAWING,
            min=1,
            metavar="N",
            help="png, svg: at most so many words per patch.",
        ),
    ] = None
    color: Annotated[
        str,
        typer.Option(
            "--color", rich_help_panel=DRAWING, metavar="DEPTH", help="Explorer, ansi: auto, truecolor or 256."
        ),
    ] = "auto"

    def apply(self, query: Query) -> Query:
        """The query with these options; `UsageError` where one of them is invalid."""
        from vlmtui.query.drawing_options import parse_drawing

        check_choice("--color", self.color, COLOR_DEPTHS)
        drawing = parse_drawing(self.draw, self.size, self.num_words, self.color != "256")
        return replace(query, output=replace(query.output, drawing=drawing))

    def check_none(self) -> None:
        """`UsageError` where one of them was given to the explorer."""
        given = {"--draw": self.draw, "--size": self.size, "--num-words": self.num_words}
        if found := next((option for option, value in given.items() if value is not None), None):
            raise UsageError(f"{found} is for drawn reports: add --format png, or another")


@dataclass(frozen=True, kw_only=True)
class BatchArguments:
    """How the table of many images is made."""

    part_size: Annotated[
        int | None,
        typer.Option("--part-size", rich_help_panel=TABLES, min=1, metavar="N", help="Images per part, 64 by default."),
    ] = None
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--fresh",
            rich_help_panel=TABLES,
            help="Resume an interrupted table, or start it anew.",
        ),
    ] = None
    engine: Annotated[
        str,
        typer.Option("--engine", rich_help_panel=TABLES, metavar="ENGINE", help="here, or ray for a cluster."),
    ] = "here"
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            rich_help_panel=TABLES,
            min=1,
            metavar="N",
            help="--engine ray: so many sessions, or one per GPU.",
        ),
    ] = None

    def batch_options(
        self, sources: tuple[str, ...], several: bool, query: Query, format: str, output: str | None
    ) -> BatchOptions | None:
        """Options of a batch; None where the report is not a table of many images in a file.

        `UsageError` where one of these options has no effect.
        """
        from vlmtui.reports.formats.registry import format_named

        check_choice("--engine", self.engine, ENGINES)
        to_file = output not in (None, "-") and not _is_special(output or "")
        many = (several or len(sources) > 1) and "-" not in sources
        if not (format_named(format).in_parts and to_file and many and query.output.vectors is None):
            self._check_none()
            return None
        from vlmtui.batch import BatchOptions

        if self.workers is not None and self.engine == "here":
            raise UsageError("--workers is for --engine ray: leave it out, or add that")
        return BatchOptions(self.part_size, self.resume, "ray" if self.engine == "ray" else "here", self.workers)

    def _check_none(self) -> None:
        given = {
            "--part-size": self.part_size is not None,
            "--resume" if self.resume else "--fresh": self.resume is not None,
            "--engine": self.engine != "here",
            "--workers": self.workers is not None,
        }
        if found := next((option for option, there in given.items() if there), None):
            raise UsageError(
                f"{found} is for tables of many images: name a file for one with -o, such as words.parquet"
            )


def _is_special(output: str) -> bool:
    """Whether `-o` names a device or a pipe."""
    path = expand_path(output)
    return os.path.exists(path) and not os.path.isfile(path)
