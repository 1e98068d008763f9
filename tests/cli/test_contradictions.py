"""Words of a command line that contradict each other: one sentence, status 2, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlmtui.cli import main

CHINA = str(Path(__file__).parents[2] / "sample_images" / "china.jpg")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("report a.png --lens pca --lens norms", "--lens is given more than once: give one"),
        ("report a.png --format json --format csv", "--format is given more than once: give one"),
        ("a.png -k 3 --metric l2 -k 4", "-k is given more than once: give one"),
        ("atlas a.parquet -o {0}/x --output {0}/y", "--output is given more than once: give one"),
        (
            "report a.png -o {0}/x.json --format png",
            "--format is png: leave --format out, or name a file that ends in .png",
        ),
        ("vocabulary demo -o {0}/x.csv --format json", "ends as csv does, and --format is json"),
        ("atlas a.parquet --csv-safe", "--csv-safe is for spreadsheets: leave it out, or choose --format csv"),
        ("vocabulary demo --csv-safe --format json", "choose --format csv"),
        ("session start --dtype bfloat16", "--dtype says how a model is loaded: name one with -m, or leave it out"),
        ("config --format json path", "--format is not used before path: see vlmtui help config path"),
        ("report a.png --null --no-null", "--null or --no-null is given more than once: give one"),
        ("atlas a.parquet -o {0}/x.html --format text", "ends as html does, and --format is text"),
    ],
)
def test_it_is_said(words: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.format(tmp_path).split()) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n"), list(tmp_path.iterdir())) == ("", 1, [])


@pytest.mark.parametrize("words", ["--patch 1,1 --patch 2,2", "--quiet --quiet", "-o {0}/x.odd --format text"])
def test_what_may_be_repeated_or_has_no_known_ending(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "no.png", *words.format(tmp_path).split()]) == 1
    assert "no.png does not exist" in capsys.readouterr().err


def test_a_model_of_the_environment_is_said_to_be_that(
    warm_session: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("VLMTUI_MODEL", "org/nowhere")
    for words, named in ([], True), (["-m", "org/other"], False), (["-m", "org/nowhere"], False):
        assert main(["report", CHINA, *words]) == 1
        said = capsys.readouterr().err
        assert "is not on this disk" in said
        assert said.count("(VLMTUI_MODEL names it)") == named
    monkeypatch.setenv("VLMTUI_MODEL", "./nowhere")
    for words, named in ([], True), (["-m", "./other"], False), (["-m", "./nowhere"], False):
        assert main(["a.png", "--format", "text", *words]) == 1
        assert ("(VLMTUI_MODEL names it)" in capsys.readouterr().err) == named
