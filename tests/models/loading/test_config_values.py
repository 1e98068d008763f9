"""Values that no model has: one sentence with the file, the key and the value, before any weight is read."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.models.test_vlm import held
from vlmtui.errors import ModelError
from vlmtui.models.loading import loader

CONFIG, PROCESSOR, OF = "config.json", "processor_config.json", "image_processor"
WRONG: tuple[tuple[str, str, Any], ...] = (
    *((CONFIG, f"{part}.{key}", value) for part in ("text_config", "vision_config") for key, value in (
        ("num_hidden_layers", -1), ("num_hidden_layers", 0), ("num_hidden_layers", "4"), ("num_hidden_layers", None),
        ("hidden_size", -32), ("hidden_size", None), ("num_attention_heads", 0), ("intermediate_size", 0),
        ("hidden_size", 32.5), ("num_attention_heads", True),
    )),
    *((CONFIG, f"vision_config.{key}", value) for key, value in (
        ("patch_size", 0), ("patch_size", -14), ("patch_size", "14"), ("patch_size", None), ("image_size", 0),
        ("image_size", [336, 0]), ("image_size", []), ("num_channels", 0),
    )),
    (CONFIG, "text_config.vocab_size", "many"),
    (CONFIG, "quantization_config", [{"quant_method": "gptq"}]),
    (CONFIG, "quantization_config", "gptq"),
    *((PROCESSOR, f"{OF}.image_std", value) for value in (0, [0.5, 0, 0.5], [0.5, -0.5, 0.5], math.nan, "0.5", [])),
    *((PROCESSOR, f"{OF}.image_mean", value) for value in ([math.inf, 0, 0], "0.5", [[0.5], [0.5], [0.5]])),
    *((PROCESSOR, f"{OF}.rescale_factor", value) for value in (0, -1, "1/255")),
    *((PROCESSOR, f"{OF}.size", value) for value in ({"height": 0, "width": 56}, -56, "large", {"shortest_edge": -1})),
)  # fmt: skip


def change(file: Path, path: str, value: Any) -> None:
    """Set one value of a JSON file: that at `outer.key`, or at `key`."""
    content = json.loads(file.read_text())
    *outer, key = path.split(".")
    part = content
    for name in outer:
        part = part[name]
    part[key] = value
    file.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory, siglip_folder: Path) -> Path:
    return Path(shutil.copytree(siglip_folder, tmp_path_factory.mktemp("wrong") / "model"))


@pytest.mark.parametrize(("file", "path", "value"), WRONG, ids=lambda one: str(one))
def test_it_is_named_before_weights_are_read(
    copied: Path, monkeypatch: pytest.MonkeyPatch, file: str, path: str, value: Any
) -> None:
    monkeypatch.setattr(loader, "_weights", lambda *_: pytest.fail("weights are read"))
    before = (copied / file).read_text()
    change(copied / file, path, value)
    try:
        with pytest.raises(ModelError) as caught:
            held(copied)
    finally:
        (copied / file).write_text(before)
    said = str(caught.value)
    key = path.rpartition(".")[2]
    assert said.startswith(f"the {file} of ")
    assert f" has {json.dumps(value)} for {key}, which must be " in said
    assert "\n" not in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("file", "path", "value"),
    [
        (CONFIG, "hidden_size", None),
        (CONFIG, "quantization_config", None),
        (CONFIG, "vision_config.num_channels", 3),
        (PROCESSOR, f"{OF}.image_mean", 0.5),
        (PROCESSOR, f"{OF}.image_std", None),
    ],
)
def test_what_stands_for_a_default_is_read(
    tmp_path: Path, siglip_folder: Path, file: str, path: str, value: Any
) -> None:
    folder = Path(shutil.copytree(siglip_folder, tmp_path / "model"))
    change(folder / file, path, value)
    held(folder)
