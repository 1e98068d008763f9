"""Checkpoints of bitsandbytes, where the library is installed (`pip install 'vlmtui[bitsandbytes]'`)."""

from __future__ import annotations

import shutil

import pytest
import torch
from transformers import AutoModelForImageTextToText, BitsAndBytesConfig

from tests.models.test_model import held, picture
from tests.tiny import build_llava

pytest.importorskip("bitsandbytes")
pytest.importorskip("accelerate")


@pytest.mark.parametrize("bits", [4, 8])
def test_a_quantised_checkpoint_is_read_as_the_library_runs_it(bits, tmp_path):
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
