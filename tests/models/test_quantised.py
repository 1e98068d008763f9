"""Checkpoints in bitsandbytes' 4 and 8 bits: what of them is needed, and that they load where the library is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from tests.models.test_model import picture, quiet
from tests.tiny import build_llava
from vlmtui.catalogue import Source
from vlmtui.errors import ModelError
from vlmtui.models import weights
from vlmtui.models.checkpoint import Checkpoint, quantisation, read_config, stored_dtype
from vlmtui.models.loading import load, skeleton
from vlmtui.models.model import VisionLanguageModel
from vlmtui.models.needed import needed_keys

LAYER = "language_model.model.layers.0.mlp.up_proj"
TOWER = "vision_tower.vision_model.encoder.layers.0.mlp.fc1"


def test_what_stands_beside_a_weight_is_needed_where_the_weight_is(siglip_folder):
    model = skeleton(Checkpoint("mine", siglip_folder, None, read_config(siglip_folder, "mine")))
    beside = ("weight", "weight.absmax", "weight.quant_map", "weight.quant_state.bitsandbytes__nf4", "SCB")
    keys = [f"{module}.{end}" for module in (LAYER, TOWER) for end in beside]
    assert set(needed_keys(model, keys, quantised=True)) == {f"{TOWER}.{end}" for end in beside}
    assert set(needed_keys(model, keys)) == {f"{TOWER}.weight"}


@pytest.mark.parametrize(
    ("config", "method"),
    [
        ({}, None),
        ({"quantization_config": {"quant_method": "AWQ"}}, "awq"),
        ({"quantization_config": {"load_in_8bit": True}}, "bitsandbytes"),
        ({"text_config": {"quantization_config": {"quant_method": "gptq"}}}, "gptq"),
        ({"quantization_config": {"bits": 4}}, "an unnamed method"),
    ],
)
def test_how_it_was_quantised(config, method):
    assert quantisation(config) == method


def test_the_stored_dtype():
    assert stored_dtype({"dtype": "float16", "text_config": {"dtype": "bfloat16"}}) == "float16"
    assert stored_dtype({"text_config": {"torch_dtype": "float32"}}) == "float32"
    assert stored_dtype({}) == "bfloat16"


@pytest.mark.parametrize("bits", [4, 8])
def test_it_loads_where_bitsandbytes_is(bits, tmp_path):
    pytest.importorskip("bitsandbytes")
    pytest.importorskip("accelerate")
    from transformers import AutoModelForImageTextToText, BitsAndBytesConfig

    how = BitsAndBytesConfig(load_in_4bit=True) if bits == 4 else BitsAndBytesConfig(load_in_8bit=True)
    plain = build_llava(tmp_path / "plain", "clip", dtype=torch.bfloat16, hidden=128, vision_hidden=128)
    shutil.copytree(plain, tmp_path / "small", ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    options = {"quantization_config": how, "device_map": {"": "cpu"}, "dtype": torch.bfloat16}
    AutoModelForImageTextToText.from_pretrained(plain, **options).save_pretrained(tmp_path / "small")

    def tokens(folder: Path) -> torch.Tensor:
        checkpoint = weights.find(Source("mine", folder, None), None, quiet)
        dtype = "auto" if folder.name == "small" else "bfloat16"
        model = VisionLanguageModel(load(checkpoint, quiet, device="cpu", dtype=dtype))
        return model.encode(model.prepare(picture(31, 17), None)).tokens.float()

    close = torch.nn.functional.cosine_similarity(tokens(tmp_path / "small"), tokens(plain), dim=-1)
    assert close.min() > (0.9 if bits == 4 else 0.99)
    checkpoint = weights.find(Source("mine", tmp_path / "small", None), None, quiet)
    with pytest.raises(ModelError, match="leave out --dtype"):
        load(checkpoint, quiet, device="cpu", dtype="float32")
