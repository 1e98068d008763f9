"""The options of tables of many images, where they are of no use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.desk import pictures
from vlmtui.cli import main


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["-o", "words.parquet", "--engine", "slurm"], "--engine 'slurm' is not one of here, ray"),
        (["-o", "words.parquet", "--workers", "2"], "--workers is for --engine ray: leave it out, or add that"),
        (["-o", "words.csv", "--fresh"], "--fresh is for tables of many images: name a file for one with -o"),
        (["-o", "words.csv", "--resume"], "--resume is for tables of many images"),
        (["--format", "parquet", "--part-size", "8"], "--part-size is for tables of many images"),
        (["-o", "v.parquet", "--vectors", "v.npz", "--engine", "ray"], "--engine is for tables of many images"),
    ],
)
def test_refused(
    words: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(tmp_path / "album", 2)
    monkeypatch.chdir(tmp_path)
    assert main(["report", "album", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert why in err
    assert [path.name for path in tmp_path.iterdir()] == ["album"]
