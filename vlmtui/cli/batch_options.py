"""The options of tables of many images, which are made in parts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from vlmtui.cli.options import check_choice
from vlmtui.errors import UsageError
from vlmtui.files import expand_path

if TYPE_CHECKING:
    from vlmtui.batch import How
    from vlmtui.query.options import Query


@dataclass(frozen=True, kw_only=True)
class Many:
    """How the table of many images is made."""

    part_size: Annotated[
        int | None, typer.Option("--part-size", min=1, metavar="N", help="Tables of many: images a part, or 64.")
    ] = None
    resume: Annotated[
        bool | None,
        typer.Option("--resume/--fresh", help="Tables of many: go on with the images of then, or begin anew."),
    ] = None
    engine: Annotated[
        str, typer.Option("--engine", metavar="ENGINE", help="Tables of many: here, or ray, on a cluster.")
    ] = "here"
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, metavar="N", help="--engine ray: sessions, or one a GPU.")
    ] = None

    def how(self, sources: tuple[str, ...], several: bool, query: Query, format: str, output: str | None) -> How | None:
        """How to make it in parts; None where the report is no table of many images in a file of its own.

        `UsageError` where one of these options is of no use.
        """
        from vlmtui.reports.formats.registry import format_named

        check_choice("--engine", self.engine)
        to_file = output not in (None, "-") and not _special(output or "")
        many = (several or len(sources) > 1) and "-" not in sources
        if not (format_named(format).in_parts and to_file and many and query.output.vectors is None):
            self._check_none()
            return None
        from vlmtui.batch import How

        if self.workers is not None and self.engine == "here":
            raise UsageError("--workers is for --engine ray: leave it out, or add that")
        return How(self.part_size, self.resume, "ray" if self.engine == "ray" else "here", self.workers)

    def _check_none(self) -> None:
        given = {
            "--part-size": self.part_size is not None,
            "--resume" if self.resume else "--fresh": self.resume is not None,
            "--engine": self.engine != "here",
            "--workers": self.workers is not None,
        }
        if found := next((option for option, there in given.items() if there), None):
            raise UsageError(f"{found} is for tables of many images: name a file for one with -o, as words.parquet")


def _special(output: str) -> bool:
    """Whether it is there and no file: a device, a pipe."""
    path = expand_path(output)
    return os.path.exists(path) and not os.path.isfile(path)
