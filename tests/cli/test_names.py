"""Names on the command line that name nothing: one sentence with what was typed."""

from __future__ import annotations

import pytest

from vlmtui.cli import main

PHOTO = "sample_images/china.jpg"


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
