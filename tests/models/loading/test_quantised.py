"""Quantised checkpoints: what is stored as it was is read; bitsandbytes' are where the library is installed
(`pip install 'vlmtui[bitsandbytes]'`)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, BitsAndBytesConfig

from tests.hub import serving
from tests.models.loading.test_hub import fetch_all
from tests.models.test_vlm import held, picture, quiet
from tests.tiny_checkpoints import build_llava
from vlmtui.catalogue import ModelSource
from vlmtui.errors import ModelError
from vlmtui.models.loading import model_folder
from vlmtui.models.loading.checkpoint import Checkpoint, read_config, stored_dtype
from vlmtui.models.loading.loader import empty_model, load_model
from vlmtui.models.loading.needed_tensors import needed_keys
from vlmtui.models.loading.quantised_weights import quantisation, runs_quantised

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


def quantised(plain: Path, folder: Path, method: str, what: str) -> Path:
    """A copy whose 2-D weights with `what` in their names are stored as the method stores them."""
    shutil.copytree(plain, folder)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": method}
    (folder / "config.json").write_text(json.dumps(config))
    weights: dict[str, Any] = {}
    for key, value in load_file(folder / "model.safetensors").items():
        module, _, end = key.rpartition(".")
        if what not in key or value.ndim != 2:
            weights[key] = value
        elif method in ("fp8", "scaled"):
            kept = value.to(torch.float8_e4m3fn) if method == "fp8" else value
            weights |= {key: kept, f"{key}_scale": torch.ones(1)}
        elif method == "bitsandbytes":
            weights |= {key: torch.zeros(7, 1, dtype=torch.uint8), f"{key}.absmax": torch.ones(1)}
        else:
            weights |= {f"{module}.q{end}": torch.zeros(6, 8, dtype=torch.int32), f"{module}.scales": torch.ones(1, 8)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def tokens(folder: Path) -> torch.Tensor:
    model = held(folder)
    found = model.encode(model.prepare(picture(50, 40), None)).tokens
    assert found is not None
    return found


@pytest.mark.parametrize("method", ["awq", "gptq", "fp8", "compressed-tensors"])
def test_a_quantised_decoder_does_not_stop_exploring(method: str, siglip_folder: Path, tmp_path: Path) -> None:
    folder = quantised(siglip_folder, tmp_path / "model", method, "language_model.model.layers.")
    assert torch.equal(tokens(folder), tokens(siglip_folder))
    assert torch.equal(held(folder).embeddings, held(siglip_folder).embeddings)
    with pytest.raises(ModelError, match=r"^the decoder of tiny is quantised with .*: look at its tokens and vision"):
        held(folder, decoder_layers=None)


def of_modelopt(plain: Path, folder: Path) -> Path:
    """A copy whose decoder is quantised, which only ModelOpt's own file says."""
    quantised(plain, folder, "fp8", "language_model.model.layers.")
    shutil.copy(plain / "config.json", folder)
    (folder / "hf_quant_config.json").write_text('{"producer": {"name": "modelopt"}, "quantization": {}}')
    return folder


def test_what_modelopt_says_in_a_file_of_its_own(siglip_folder: Path, tmp_path: Path) -> None:
    folder = of_modelopt(siglip_folder, tmp_path / "model")
    assert torch.equal(tokens(folder), tokens(siglip_folder))
    with pytest.raises(ModelError, match=r"the decoder of tiny is quantised with ModelOpt \("):
        held(folder, decoder_layers=None)


@pytest.mark.parametrize("method", ["awq", "fp8", "scaled", "bitsandbytes"])
@pytest.mark.parametrize("what", ["vision_tower", "embed_tokens", "linear_1"])
def test_what_is_quantised_of_the_rest_is_refused(method: str, what: str, siglip_folder: Path, tmp_path: Path) -> None:
    folder = quantised(siglip_folder, tmp_path / "model", method, what)
    if method == "bitsandbytes" and runs_quantised({"quantization_config": {"quant_method": method}}):
        pytest.skip("bitsandbytes is installed")
    with pytest.raises(ModelError, match=r"^tiny is quantised with .*choose the model it was quantised from"):
        held(folder)


def test_a_leftover_of_quantisation_is_read(siglip_folder: Path, tmp_path: Path) -> None:
    folder = quantised(siglip_folder, tmp_path / "model", "awq", "nothing")
    assert torch.equal(tokens(folder), tokens(siglip_folder))
    whole, plain = (held(one, decoder_layers=None).network.state_dict() for one in (folder, siglip_folder))
    assert all(torch.equal(value, plain[key]) for key, value in whole.items())


def test_only_what_is_not_quantised_is_fetched(siglip_folder: Path, tmp_path: Path) -> None:
    decoder = quantised(siglip_folder, tmp_path / "decoder", "awq", "language_model.model.layers.")
    tower = quantised(siglip_folder, tmp_path / "tower", "awq", "vision_tower")
    nvidia = of_modelopt(siglip_folder, tmp_path / "nvidia")
    folders = {"org/decoder": decoder, "org/tower": tower, "org/nvidia": nvidia, "org/plain": siglip_folder}
    with serving(folders) as hub:
        asked = (("org/decoder", None, None), ("org/tower", None, 0), ("org/nvidia", None, None))
        whole, refused, other, found = fetch_all(tmp_path / "home", hub.endpoint, *asked, ("org/decoder", None, 0))
        of_quantised = hub.weights
        fetch_all(tmp_path / "other", hub.endpoint, ("org/plain", None, 0))
        assert of_quantised < (hub.weights - of_quantised) * 1.05 + 5 * (16 << 10)  # headers of four tries
    assert "the decoder of org/decoder is quantised with AWQ" in whole["error"]
    assert "org/tower is quantised with AWQ" in refused["error"]
    assert "the decoder of org/nvidia is quantised with ModelOpt" in other["error"]
    assert torch.equal(tokens(Path(found["folder"])), tokens(siglip_folder))
