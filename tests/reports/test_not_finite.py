"""Vectors that are not finite, as of an overflow or a broken projector: no words, and one line about them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from vlmtui.cli import main

CHINA = Path(__file__).parents[2] / "sample_images" / "china.jpg"


@pytest.mark.parametrize("broken", [float("inf"), float("nan")])
def test_they_have_no_words_and_a_line_says_so(
    broken: float, siglip_folder: Path, tmp_path: Path, warm_session: None, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(siglip_folder, folder)
    (file,) = folder.glob("*.safetensors")
    tensors = load_file(file)
    (bias,) = (tensor for name, tensor in tensors.items() if name.endswith("multi_modal_projector.linear_2.bias"))
    bias[3] = broken
    save_file(tensors, file, {"format": "pt"})
    assert main(["report", str(CHINA), "-m", str(folder), "--format", "json"]) == 0
    out, err = capfd.readouterr()
    tokens = json.loads(out)["tokens"]
    assert len(tokens) == 36
    assert all(token["words"] == [] and token["norm"] is None for token in tokens)
    assert err.startswith(
        f"vlmtui: {CHINA}: 36 of 36 vectors are not finite at tokens, and have no words: float16 may overflow"
    )
    assert err.count("\n") == 1
