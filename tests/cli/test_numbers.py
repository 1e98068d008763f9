"""Numbers on the command line that no command can use: one sentence with the option and what is allowed."""

from __future__ import annotations

import pytest

from vlmtui.cli import main

BEYOND = "99999999999999999999"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "x.png", "-k", BEYOND], f"-k {BEYOND} is beyond 64 bits: give a whole number of at most"),
        (["report", "x.png", "--max-pixels", BEYOND], f"--max-pixels {BEYOND} is"),
        (["report", "x.png", "--num-words", BEYOND], f"--num-words {BEYOND} is"),
        (["ask", "x.png", "hi", "--max-new-tokens", BEYOND], f"--max-new-tokens {BEYOND} is"),
        (["ask", "x.png", "hi", "--temperature", "1", "--seed", f"-{BEYOND}"], f"--seed -{BEYOND} is"),
        (["classify", "x.png", "-k", BEYOND], f"-k {BEYOND} is"),
        (["report", "x.png", "-k", "0"], "vlmtui: -k must be at least 1: see vlmtui report --help"),
        (["report", "x.png", "-k", "x"], "vlmtui: -k must be a whole number: see"),
        (["ask", "x.png", "hi", "--occlude", "0"], "vlmtui: --occlude must be at least 1: see"),
        (["ask", "x.png", "hi", "--temperature", "x"], "vlmtui: --temperature must be a number: see"),
        (["serve", "--seconds", "nan"], "vlmtui: --seconds must be at least 0.1: see"),
    ],
)
def test_a_number_that_cannot_be_names_its_option(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
