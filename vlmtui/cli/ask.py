"""`vlmtui ask IMAGE QUESTION`: the model's answer, and what it depends on."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from vlmtui.cli.help import ANSWER, ATTRIBUTION, FORMAT_NAMES, OUTPUT
from vlmtui.cli.messages import print_message
from vlmtui.cli.options import (
    Debug,
    ListedOptions,
    LoadArguments,
    QueryArguments,
    Quiet,
    RemoteArguments,
    Version,
    with_grouped_options,
)
from vlmtui.cli.user_settings import UserSettings
from vlmtui.errors import UsageError

_USED = ("model", "max_pixels", "levels", "no_warm")
"""Parameters of `QueryArguments` that an answer depends on."""
_MAX_NEW_TOKENS = 128  # `vlmtui.results.answers.MAX_NEW_TOKENS`, which imports NumPy
_LEAST_TEMPERATURE = 0.0001  # `vlmtui.results.answers.LEAST_TEMPERATURE`


@with_grouped_options
def ask(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A path, an http(s) address, or - for stdin.")],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask about it, in quotes.")],
    query_arguments: Annotated[QueryArguments, ListedOptions(_USED)],
    load_arguments: LoadArguments,
    remote_arguments: RemoteArguments,
    settings: UserSettings,
    max_new_tokens: Annotated[
        int,
        typer.Option("--max-new-tokens", rich_help_panel=ANSWER, min=1, metavar="N", help="Longest answer, in tokens."),
    ] = _MAX_NEW_TOKENS,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            rich_help_panel=ANSWER,
            metavar="T",
            help="Sample with this temperature; greedy without it.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", rich_help_panel=ANSWER, metavar="N", help="Random seed for --temperature.")
    ] = None,
    attention: Annotated[
        bool,
        typer.Option("--attention", rich_help_panel=ATTRIBUTION, help="json: attention of each token of the answer."),
    ] = False,
    gradient: Annotated[
        bool, typer.Option("--gradient", rich_help_panel=ATTRIBUTION, help="json: gradient × input of every patch.")
    ] = False,
    ablate: Annotated[
        list[str] | None,
        typer.Option(
            "--ablate",
            rich_help_panel=ATTRIBUTION,
            metavar="[GRID:]R,C",
            help="Ask again with this patch replaced, or a region R-R,C-C; repeatable.",
        ),
    ] = None,
    occlude: Annotated[
        int | None,
        typer.Option(
            "--occlude",
            rich_help_panel=ATTRIBUTION,
            min=1,
            metavar="SIDE",
            help="json: occlusion map, by blocks of SIDE × SIDE patches.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            rich_help_panel=ATTRIBUTION,
            metavar="REPLACEMENT",
            help="What replaces patches: mean, zero or blur.",
        ),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", rich_help_panel=OUTPUT, metavar="FORMAT", help=f"{FORMAT_NAMES}.")
    ] = "text",
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", rich_help_panel=OUTPUT, metavar="FILE", help="Write the answer to FILE."),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Ask the model about IMAGE and print its answer.

    The answer is printed token by token; Ctrl-C stops it.
    """
    settings.tell()
    query = query_arguments.query(load_arguments, remote_arguments, settings.lens_folders)
    if query_arguments.prompt is not None:
        raise UsageError("QUESTION is the prompt: leave out --prompt")
    if seed is not None and temperature is None:
        raise UsageError("--seed is for a sampled answer: add --temperature, such as 0.7, or leave it out")
    if temperature is not None and not _LEAST_TEMPERATURE <= temperature < math.inf:
        raise UsageError(
            f"--temperature {temperature:g} is not a number of at least {_LEAST_TEMPERATURE:g}: "
            "choose one such as 0.7, or leave it out"
        )
    from vlmtui.images.paths import exists, is_address, is_file, local_name
    from vlmtui.query.patches import parse_patches
    from vlmtui.reports.commands.ask import AskOptions, check_format, run_ask
    from vlmtui.reports.commands.attribution import AttributionOptions
    from vlmtui.results.answers import check_question
    from vlmtui.results.replacement import REPLACEMENTS
    from vlmtui.signals import exit_on_signals

    def tell(note: str) -> None:
        if not quiet:
            print_message(note)

    exit_on_signals()
    check_question(question)
    if is_file(question) and not (image == "-" or is_address(image) or exists(local_name(image))):
        raise UsageError(f"{image} does not exist, and {question} does: IMAGE goes before QUESTION")
    stand = next((stand for stand in REPLACEMENTS if stand == (by or REPLACEMENTS[0])), None)
    if stand is None:
        raise UsageError(f"--by {by!r} is not one of {', '.join(REPLACEMENTS)}")
    if by is not None and not ablate and occlude is None:
        raise UsageError("--by says what replaces patches: name some with --ablate, or a block's side with --occlude")
    patches = tuple(patch for words in ablate or () for patch in parse_patches(words, "--ablate"))
    wanted = AttributionOptions(attention, gradient, patches, occlude, stand)
    asked = AskOptions(image, question, max_new_tokens, temperature, seed or 0, wanted)
    check_format(format, wanted)
    unused = [option for name, option in settings.named.items() if hasattr(query_arguments, name) and name not in _USED]
    if unused:
        tell(f"an answer does not depend on {', '.join(unused)}: see vlmtui ask --help for what it takes")
    return run_ask(asked, query.load, query.read, format, output, quiet, tell)
