"""`vlmtui match` and `vlmtui classify`: zero-shot scores and classification of whole images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from vlmtui.cli.help import FORMAT_NAMES, OUTPUT
from vlmtui.cli.messages import print_error, print_message
from vlmtui.cli.options import (
    MAX_PIXELS,
    Debug,
    LevelsOption,
    LoadArguments,
    MaxPixels,
    ModelName,
    NoWarm,
    Quiet,
    RemoteArguments,
    Version,
    with_grouped_options,
)
from vlmtui.errors import UsageError

if TYPE_CHECKING:
    from vlmtui.query.options import LoadOptions, ReadOptions
    from vlmtui.reports.run import ReportJob
    from vlmtui.session.discovery import SessionLocation

Images = Annotated[
    list[str], typer.Argument(metavar="IMAGE", help="Paths, folders, patterns in quotes, addresses, - for stdin.")
]
Format = Annotated[str, typer.Option("--format", rich_help_panel=OUTPUT, metavar="FORMAT", help=f"{FORMAT_NAMES}.")]
Output = Annotated[
    str | None, typer.Option("-o", "--output", rich_help_panel=OUTPUT, metavar="FILE", help="Write to FILE.")
]


@dataclass(frozen=True, kw_only=True)
class ModelArguments:
    """Which model is used, and in which session."""

    model: ModelName = None
    max_pixels: MaxPixels = MAX_PIXELS
    levels: LevelsOption = "auto"
    no_warm: NoWarm = False

    def load_options(
        self, load_arguments: LoadArguments, remote_arguments: RemoteArguments, check: Callable[[str, str | None], None]
    ) -> LoadOptions:
        """Load options, checked as far as possible without a model; `check` gets the model's name and family."""
        from vlmtui.catalogue import default_model, family_of, resolve_model

        where: SessionLocation = remote_arguments.location(warm=not self.no_warm)
        load_arguments.check()
        name = self.model if self.model is not None else default_model()
        if where.remote is None:
            # refuse at once, not after torch is imported and the weights are fetched
            check(name, family_of(resolve_model(name)))
        return load_arguments.load_options(name, where)

    @property
    def read_options(self) -> ReadOptions:
        """How images are read."""
        from vlmtui.images.levels import check_levels
        from vlmtui.query.options import ReadOptions

        return ReadOptions(max_pixels=self.max_pixels, levels=check_levels(self.levels))


@with_grouped_options
def match(
    images: Images,
    tower: ModelArguments,
    load_arguments: LoadArguments,
    remote_arguments: RemoteArguments,
    text: Annotated[
        list[str] | None, typer.Option("--text", metavar="TEXT", help="A text to match with the images; repeatable.")
    ] = None,
    captions: Annotated[
        bool, typer.Option("--captions", help="One caption per image, in order: also report the loss.")
    ] = False,
    patches: Annotated[bool, typer.Option("--patches", help="Also match the images' patches, approximately.")] = False,
    format: Format = "text",
    output: Output = None,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Match images with texts, using a CLIP or SigLIP model.

    Each image gets the cosine and the probability of every text.
    """
    if not text:
        raise UsageError("match needs texts: give one or more, such as --text 'a photo of a cat'")
    if any(not one.strip() for one in text):
        raise UsageError("--text is empty: give it some words")
    from vlmtui.models.families.registry import check_text_tower
    from vlmtui.reports.commands.match import MatchOptions, run_match

    load = tower.load_options(load_arguments, remote_arguments, check_text_tower)
    order = order_for(images, load.where, output, quiet, debug)
    return run_match(MatchOptions(tuple(text), captions, patches), load, tower.read_options, format, order)


@with_grouped_options
def classify(
    images: Images,
    tower: ModelArguments,
    load_arguments: LoadArguments,
    remote_arguments: RemoteArguments,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="Top classes per image.")] = 8,
    format: Format = "text",
    output: Output = None,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Classify images, using a model with a classification head.

    Each image gets its top classes and, for these, the evidence of every patch.
    """
    from vlmtui.models.families.registry import check_classifier
    from vlmtui.reports.commands.classify import run_classify

    load = tower.load_options(load_arguments, remote_arguments, check_classifier)
    return run_classify(load, tower.read_options, k, format, order_for(images, load.where, output, quiet, debug))


def order_for(images: list[str], where: SessionLocation, output: str | None, quiet: bool, debug: bool) -> ReportJob:
    """The order for these images. From now on a signal ends the command and its session."""
    from vlmtui.reports.run import ReportJob
    from vlmtui.reports.select.sources import expand_sources
    from vlmtui.signals import exit_on_signals

    def tell(note: str) -> None:
        if not quiet:
            print_message(note)

    exit_on_signals()
    sources, several = expand_sources(images, on_note=tell)
    return ReportJob(sources, where, output, quiet, lambda error: print_error(error, debug), tell, debug, several)
