"""Names on the command line that name nothing: one sentence with what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from vlmtui.cli import app, main

PHOTO = "sample_images/china.jpg"
EMPTY_IS_A_VALUE = ("--prompt", "--remote", "--profile")
"""A prompt without words, this machine, and no profile."""


def _naming_options(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """The options of all commands whose value names something: the command and what it needs, name, metavar."""
    for name, one in getattr(command, "commands", {}).items():
        yield from _naming_options(one, (*path, name.strip()))
    needed = [parameter.name for parameter in command.params if parameter.required]
    for parameter in command.params if path else ():
        name = max(parameter.opts, key=len)
        if parameter.metavar in ("FILE", "NAME", "WORD", "COMMAND") and name[0] == "-" and name not in EMPTY_IS_A_VALUE:
            yield (*filter(None, path), *(["image.png"] * len(needed))), name, parameter.metavar


OPTIONS = sorted(set(_naming_options(typer.main.get_command(app))))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify", ""], "MODEL is empty"),
        (["models", "--clear", ""], "--clear is empty"),
        (["report", PHOTO, "-m", ""], "--model is empty"),
        (["report", PHOTO, "--lens", ""], "--lens is empty"),
        (["report", PHOTO, "--stages", ",", "--format", "html"], "--stages names no stage"),
        (["report", PHOTO, "--find", "sky", "--marked", "0,0"], "--find and --marked are for different lenses"),
        (["report", PHOTO, "-m", "dmeo"], "there is no model dmeo: did you mean demo?"),
        (
            ["report", PHOTO, "-m", "https://huggingface.co/a/b/tree/main"],
            "is an address: give the model's name on the hub, a/b",
        ),
        (["report", PHOTO, "-m", "nothing-like-it"], "there is no model folder nothing-like-it"),
    ],
)
def test_a_name_that_names_nothing(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) in (1, 2)
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("words", "name", "metavar"), OPTIONS, ids=str)
def test_an_empty_value_is_refused_by_the_name_of_its_option(
    words: tuple[str, ...], name: str, metavar: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, name, ""]) == 2
    assert capsys.readouterr().err == f"vlmtui: {name} is empty: give {metavar}, or leave it out\n"
