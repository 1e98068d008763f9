"""The length of image tokens beside that of words: the default metric does not depend on it, and others say so."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from tests.reports.test_against_transformers import reported

pytestmark = pytest.mark.usefixtures("warm_session")
TIMES = 20


@pytest.fixture(scope="module")
def longer(clip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint with its projector's last layer times `TIMES`: all image tokens are so much longer."""
    folder = Path(shutil.copytree(clip_folder, tmp_path_factory.mktemp("longer") / "clip"))
    weights = load_file(folder / "model.safetensors")
    last = [name for name in weights if name.endswith(("linear_2.weight", "linear_2.bias"))]
    assert len(last) == 2
    save_file(weights | {name: TIMES * weights[name] for name in last}, folder / "model.safetensors", {"format": "pt"})
    return folder


def words(report: dict) -> list[list[int]]:
    return [[word["id"] for word in token["words"]] for token in report["tokens"]]


def test_the_default_metric_names_the_same_words_however_long_tokens_are(clip_folder: Path, longer: Path) -> None:
    (_, before), (_, after) = reported(clip_folder), reported(longer)
    assert words(before) == words(after)
    ratio = after["query"]["length_ratio"]
    assert ratio == pytest.approx(TIMES * before["query"]["length_ratio"], rel=1e-5)
    assert ratio > 2
    (_, by_l2), (_, by_length) = reported(clip_folder, "--metric", "l2"), reported(longer, "--metric", "l2")
    assert words(by_l2) != words(by_length)
    norms = np.array([token["norm"] for token in after["tokens"]])
    assert np.median(norms) == pytest.approx(TIMES * np.median([token["norm"] for token in before["tokens"]]), rel=1e-5)
