"""Completion of the command line by shells: what is offered, and that it is quick."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

MODULES = "import sys; from vlmtui.__main__ import run\ntry: run()\nfinally: print(*sys.modules, file=sys.stderr)"


def completed(words: str, shell: str = "bash") -> tuple[list[str], list[str]]:
    """What is offered for the last of the words, and the modules that were imported for it."""
    env = {**os.environ, "_VLMTUI_COMPLETE": f"complete_{shell}", "COMP_WORDS": words}
    env |= {"COMP_CWORD": str(len(words.split(" ")) - 1), "_TYPER_COMPLETE_ARGS": words}
    done = subprocess.run([sys.executable, "-c", MODULES], env=env, capture_output=True, text=True, check=False)
    return done.stdout.split(), done.stderr.split()


def test_commands_and_options_are_offered_without_torch() -> None:
    offered, modules = completed("vlmtui re")
    assert offered == ["report"]
    assert not {"torch", "transformers", "textual", "numpy"}.intersection(modules)
    assert "--metric" in completed("vlmtui report x.png --me")[0]
    assert "--metric" in completed("vlmtui x.png --me")[0]
    assert completed("vlmtui session sta")[0] == ["start", "status"]


def test_a_word_near_a_command_breaks_nothing() -> None:
    assert "--metric" in completed("vlmtui modles --me")[0]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_shown(shell: str) -> None:
    env = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    command = [sys.executable, "-m", "vlmtui", "--show-completion", shell]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "_VLMTUI_COMPLETE" in done.stdout
