"""Checkpoints of bitsandbytes: what of them is needed, and that they are read where the library is installed
(`pip install 'vlmtui[bitsandbytes]'`)."""

from __future__ import annotations

import shutil

import pytest
import torch
from transformers import AutoModelForImageTextToText, BitsAndBytesConfig

from tests.models.test_vlm import held, picture, quiet
from tests.tiny_checkpoints import build_llava
from vlmtui.catalogue import ModelSource
from vlmtui.errors import ModelError
from vlmtui.models.loading import model_folder
from vlmtui.models.loading.checkpoint import Checkpoint, read_config, stored_dtype
from vlmtui.models.loading.loader import empty_model, load_model
from vlmtui.models.loading.needed_tensors import needed_keys
from vlmtui.models.loading.other_formats import quantisation

LAYER = "language_model.model.layers.0.mlp.up_proj"
TOWER = "vision_tower.vision_model.encoder.layers.0.mlp.fc1"


def test_what_stands_beside_a_weight_is_needed_where_the_weight_is(siglip_folder):
    model = empty_model(Checkpoint("mine", siglip_folder, None, read_config(siglip_folder, "mine")))
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
def test_a_quantised_checkpoint_is_read_as_the_library_runs_it(bits, tmp_path):
    pytest.importorskip("bitsandbytes")
    pytest.importorskip("accelerate")
    whole = build_llava(tmp_path / "whole", "siglip", hidden=128, vision_hidden=128)
    how = {"load_in_8bit": True} if bits == 8 else {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    folder = tmp_path / "quantised"
    model = AutoModelForImageTextToText.from_pretrained(
        whole, quantization_config=BitsAndBytesConfig(**how), device_map="cpu", dtype=torch.float32
    )
    model.save_pretrained(folder)
    for file in whole.iterdir():
        if not (folder / file.name).exists():
            shutil.copy(file, folder)

    ours, image = held(folder), picture(100, 60)
    inputs = ours.prepare(image, None)
    encoded = ours.encode(inputs)
    seen = {}
    model.get_decoder().layers[0].register_forward_pre_hook(
        lambda _, args, options: seen.update(x=args[0] if args else options["hidden_states"]), with_kwargs=True
    )
    with torch.no_grad():
        model(**inputs.pixels, input_ids=inputs.input_ids)
    expected = seen["x"][inputs.input_ids == model.config.image_token_id]
    torch.testing.assert_close(encoded.tokens, expected, rtol=1e-4, atol=1e-4)
    # the embeddings are not quantised: words are compared with the true ones
    assert torch.equal(ours.embeddings, model.get_input_embeddings().weight)
    assert len(ours.layout(image, inputs, encoded).places) == len(expected)
    with pytest.raises(
        ModelError, match="quantised with float32 computation and cannot be loaded as bfloat16: leave out --dtype"
    ):
        load_model(
            model_folder.find_checkpoint(ModelSource("mine", folder, None), None, quiet),
            quiet,
            device="cpu",
            dtype="bfloat16",
        )
