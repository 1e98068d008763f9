"""The length of image tokens beside that of words: the default metric does not depend on it, and others say so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from tests.reports.page.contents import Parsed
from vlmtui.cli import main

TIMES = 20
CHINA = str(Path(__file__).parents[2] / "sample_images" / "china.jpg")
Said = Callable[..., str]
pytestmark = pytest.mark.usefixtures("warm_session")


@pytest.fixture(scope="module")
def longer(clip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint with its projector's last layer times `TIMES`: all image tokens are so much longer."""
    folder = Path(shutil.copytree(clip_folder, tmp_path_factory.mktemp("longer") / "clip"))
    weights = load_file(folder / "model.safetensors")
    last = [name for name in weights if name.endswith(("linear_2.weight", "linear_2.bias"))]
    assert len(last) == 2
    save_file(weights | {name: TIMES * weights[name] for name in last}, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """What a report of the photograph by a checkpoint prints."""

    def run(folder: Path, format: str, *options: str) -> str:
        words = ["report", CHINA, "-m", str(folder), "--format", format, "--device", "cpu", "--quiet", *options]
        assert main(words) == 0
        return capsys.readouterr().out

    return run


def words(report: dict[str, Any]) -> list[list[int]]:
    return [[word["id"] for word in token["words"]] for token in report["tokens"]]


def test_the_default_metric_names_the_same_words_however_long_tokens_are(
    clip_folder: Path, longer: Path, said: Said
) -> None:
    before, after = (json.loads(said(folder, "json")) for folder in (clip_folder, longer))
    assert words(before) == words(after)
    ratio = after["query"]["length_ratio"]
    assert ratio == pytest.approx(TIMES * before["query"]["length_ratio"], rel=1e-5)
    assert ratio > 2
    by_l2, by_length = (json.loads(said(folder, "json", "--metric", "l2")) for folder in (clip_folder, longer))
    assert words(by_l2) != words(by_length)
    norms = np.array([token["norm"] for token in after["tokens"]])
    assert np.median(norms) == pytest.approx(TIMES * np.median([token["norm"] for token in before["tokens"]]), rel=1e-5)


def test_the_metrics_that_depend_on_it_say_so(longer: Path, tmp_path: Path, said: Said) -> None:
    for metric in ("cosine", "l2", "dot", "omp"):
        text = " ".join(said(longer, "text", "--metric", metric, "--no-null").split())
        assert (f"times as long as words: {metric} orders by the words' length" in text) == (metric in ("l2", "dot"))
    assert main(["report", CHINA, "-m", str(longer), "-o", str(tmp_path / "a.html"), "--no-null", "--quiet"]) == 0
    data = Parsed((tmp_path / "a.html").read_text("utf-8")).data
    assert "times as long as words: l2 and dot order by the words' length" in dict(data["facts"])["lengths"]
    (stage,) = [stage for stage in data["stages"] if stage["words"]]
    told = {order: found["lengths"] for order, found in stage["words"].items() if found["lengths"]}
    assert told.keys() == {"l2", "dot"}
    assert told["dot"].endswith(" times as long as words: dot orders by the words' length")
