"""`vlmtui outliers`: whether norm outliers are at the same positions in all images."""

from __future__ import annotations

from typing import Annotated

import typer

from vlmtui.cli.match import Format, Images, ModelArguments, Output, order_for
from vlmtui.cli.options import Debug, LoadArguments, Quiet, RemoteArguments, Version, with_grouped_options
from vlmtui.errors import UsageError

_LEAST = 3  # `vlmtui.display.outlier_positions.LEAST`, which imports NumPy


def _accept_any(name: str, family: str | None) -> None:
    """Every model has norms."""


@with_grouped_options
def outliers(
    images: Images,
    tower: ModelArguments,
    load_arguments: LoadArguments,
    remote_arguments: RemoteArguments,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="STAGE", help="Only this stage: vision.0 …, tokens, or llm.1 ….")
    ] = None,
    format: Format = "text",
    output: Output = None,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Test whether norm outliers are by position or by content.

    Positions where the norms of many images have an outlier are compared with chance; at least three images are
    needed.
    """
    from vlmtui.reports.commands.outliers import run_outliers

    load = tower.load_options(load_arguments, remote_arguments, _accept_any)
    order = order_for(images, load.where, output, quiet, debug)
    if (given := len(order.sources)) < _LEAST:
        raise UsageError(
            f"outliers compares images, and {given} cannot tell position from content: give at least {_LEAST} "
            "different ones, or see those of one image with vlmtui report IMAGE"
        )
    return run_outliers(load, tower.read_options, stage, format, order)
