"""`--help`: options in groups, examples that are right, and no way round through a document."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import typer.main

from vlmtui.cli import app, main
from vlmtui.cli.help import EXAMPLES, GENERAL, HelpCommand
from vlmtui.query.conditions import parse_where

GROUP: Any = typer.main.get_command(app)
COMMANDS = sorted(
    [
        *(name for name, command in GROUP.commands.items() if isinstance(command, HelpCommand)),
        *(f"{name} {sub}" for name in ("session", "config") for sub in GROUP.commands[name].commands),
    ]
)


def help_of(command: str, capfd: pytest.CaptureFixture[str]) -> str:
    assert main([*(command.split() or ["no such image.png"]), "--help"]) == 0
    return capfd.readouterr().out


def test_every_command_has_examples() -> None:
    assert {name.strip() or "image" for name in COMMANDS} == EXAMPLES.keys()


def test_commands_are_listed_with_whole_lines(capfd: pytest.CaptureFixture[str]) -> None:
    for group in ([], ["session"], ["config"]):
        assert main([*group, "--help"]) == 0
        lines = capfd.readouterr().out.partition("\nCommands:\n")[2].splitlines()
        assert len(lines) > 2
        assert all(line.endswith(".") and "..." not in line for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        ["atlas", "words.parquet"],
        ["ask", "x.png", "What is it?"],
        ["classify", "x.png", "-m", "vit-base"],
        ["match", "x.png", "--text", "a dog", "-m", "clip-vit-l-336"],
        ["outliers", "x.png", "y.png", "z.png"],
        ["verify", "demo"],
        ["vocabulary"],
    ],
)
def test_the_formats_in_the_help_are_those_that_are_offered(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--format", "none"]) == 2
    *first, last = capfd.readouterr().err.strip().rpartition("choose ")[2].split(", ")
    listed = " ".join(help_of(words[0], capfd).partition("--format FORMAT")[2].split())
    assert listed.startswith(
        (f"{', '.join(first)} or {last}.", f"{', '.join(first)} or {last}; or by the ending of -o.")
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_ends_with_its_examples_and_names_no_document(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    shown = help_of(command, capfd)
    lines = EXAMPLES[command.strip() or "image"]
    assert shown.endswith("\nExamples:\n" + "".join(f"  {line}\n" for line in lines))
    assert "README" not in shown
    general = shown.partition(f"\n{GENERAL}:\n")[2].partition("\n\n")[0]
    assert {word for word in general.split() if word.startswith("--")} >= {"--debug", "--help"}


def test_options_are_in_groups(capfd: pytest.CaptureFixture[str]) -> None:
    shown = help_of("report", capfd)
    headings = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == [
        "Arguments:",
        "Options:",
        "Stage and patches:",
        "Nearest tokens:",
        "Lens:",
        "Rows and fields:",
        "Drawing:",
        "Tables of many images:",
        "Output:",
        "Model:",
        "Session:",
        "General:",
        "Examples:",
    ]
    # every option that the command has is listed once
    listed = [line.split()[0].rstrip(",") for line in shown.splitlines() if line.startswith("  -")]
    command = GROUP.commands["report"]
    assert sorted(listed) == sorted([*(one.opts[0] for one in command.params if one.opts[0][0] == "-"), "-h"])


@pytest.mark.parametrize("command", [*COMMANDS, "", "session", "config"])
def test_h_is_help_and_so_is_the_command_help(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    words = command.split() or (["x.png"] if command else [])
    assert main([*words, "--help"]) == 0
    shown = capfd.readouterr().out
    assert main([*words, "-h"]) == 0
    assert capfd.readouterr().out == shown
    if words != ["x.png"]:
        assert main(["help", *words]) == 0
        assert capfd.readouterr().out == shown


def test_help_of_no_command_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    for words in (["modles"], ["session", "begin"], ["report", "more"]):
        assert main(["help", *words]) == 2
        assert capfd.readouterr().err == f"vlmtui: there is no command {' '.join(words)!r}: vlmtui --help lists them\n"


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_an_example_is_understood(line: str) -> None:
    words = shlex.split(line)
    rest = words[words.index("vlmtui") + 1 :]
    with GROUP.make_context("vlmtui", rest) as context:
        inner, command = context, GROUP
        while hasattr(command, "commands"):
            name, command, rest = command.resolve_command(inner, [*inner._protected_args, *inner.args])
            inner = command.make_context(name, rest, parent=inner)
        values = inner.params
    if where := values.get("where"):
        parse_where(where)


def test_the_condition_in_the_help_is_one(capfd: pytest.CaptureFixture[str]) -> None:
    shown = " ".join(help_of("report", capfd).split())
    parse_where(shown.partition("such as “norm")[2].partition("”")[0].join(("norm", "")))


def test_the_width_of_the_terminal_breaks_no_example(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in ("40", "0", "-5", "abc", "9" * 20):
        monkeypatch.setenv("COLUMNS", columns)
        shown = help_of("report", capfd)
        assert all(f"  {line}\n" in shown for line in EXAMPLES["report"])
