"""A session's vocabulary from Python, and the same by the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vlmtui
from vlmtui.cli import main
from vlmtui.errors import UsageError


@pytest.fixture(scope="module")
def session(module_warm_session: None) -> Iterator[vlmtui.Session]:
    with vlmtui.open_session("demo", device="cpu") as session:
        yield session


def test_the_same_as_the_command_prints(session: vlmtui.Session, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found, near = session.vocabulary(k=3, named=True), session.near("sky", "cosine", k=4)
    whole, table, close = (tmp_path / name for name in ("whole.json", "rows.csv", "near.json"))
    assert main(["vocabulary", "demo", "-k", "3", "--format", "json", "-o", str(whole)]) == 0
    assert main(["vocabulary", "demo", "--format", "csv", "-o", str(table)]) == 0
    near_words = ["--near", "sky", "--metric", "cosine", "-k", "4"]
    assert main(["vocabulary", "demo", *near_words, "--format", "json", "-o", str(close)]) == 0
    told = json.loads(whole.read_text())
    assert (told["rows"], told["hidden"]) == (found.rows, found.hidden) == session.model.embeddings
    assert [row["id"] for row in told["smallest"]] == found.smallest.tolist()
    assert [row["norm"] for row in told["largest"]] == found.norms[found.largest].tolist()
    assert sum(bar["rows"] for bar in told["histogram"]) == found.rows
    assert sum(bar["words"] for bar in told["histogram"]) == told["words"] == int(found.of("word").sum())
    rows = list(csv.DictReader(table.open(newline="")))
    assert [int(row["id"]) for row in rows] == list(range(found.rows))
    assert [float(row["norm"]) for row in rows] == found.norms.tolist()
    assert [row["kind"] for row in rows] == [found.kind(row) for row in range(found.rows)]
    words = json.loads(close.read_text())["words"]
    assert [(word["text"], word["score"]) for word in words] == near.words
    assert near.words == sorted(near.words, key=lambda word: -word[1])
    assert capsys.readouterr().out == ""
    # by default, too
    assert main(["vocabulary", "demo", "--near", "sky", "-k", "4", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["words"] == words
    assert session.near("sky", k=4).words == near.words


def test_what_is_refused(session: vlmtui.Session, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(UsageError, match="choose l2, cosine, dot, cosine-centred"):
        session.near("sky", "omp")  # type: ignore[arg-type]
    assert np.isfinite(session.vocabulary().norms).all()
    assert main(["vocabulary", "demo", "--near", "sky", "--metric", "omp"]) == 2
    assert main(["vocabulary", "demo", "--format", "html"]) == 2
    assert main(["vocabulary", str(tmp_path / "nowhere")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert "choose text, json, csv" in said[1]
