"""Names of weights that are not those of the model: wrappers, unmerged adapters, other conversions, what is missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.families import build
from tests.models.loading.test_published import refusal, rewrite, tokens
from tests.models.test_vlm import held

Rename = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path, siglip_folder: Path) -> Path:
    """A copy of a good checkpoint, to be edited. Its names are those before transformers 4.52."""
    return Path(shutil.copytree(siglip_folder, tmp_path / "model"))


def rename(folder: Path, change: Rename) -> None:
    rewrite(folder, lambda weights: {change(key): value for key, value in weights.items()})


@pytest.mark.parametrize("prefix", ["base_model.model.", "trained.inner.", "student."])
def test_a_wrapper_is_removed_where_some_names_fit_with_it(prefix: str, folder: Path, siglip_folder: Path) -> None:
    """transformers' renaming finds `language_model.model.` in the middle of a name, and the head's at its start."""
    rename(folder, lambda key: f"{prefix}{key}")
    mine, plain = (held(one, decoder_layers=None).network.state_dict() for one in (folder, siglip_folder))
    assert mine.keys() == plain.keys()
    assert all(torch.equal(value, plain[key]) for key, value in mine.items())


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("q_proj.base_layer.bias", lambda key: key.replace("q_proj.", "q_proj.base_layer.")),
        ("linear_1.modules_to_save.default.bias", lambda key: key.replace("1.", "1.modules_to_save.default.")),
    ],
)
def test_an_adapter_that_was_not_merged_is_named(what: str, change: Rename, folder: Path) -> None:
    rename(folder, change)
    said = refusal(folder)
    assert what in said
    assert "of an adapter (LoRA) that was not merged when it was saved: merge it with peft's merge_and_unload()" in said


def test_an_adapter_beside_the_weights_that_it_changes(folder: Path, siglip_folder: Path) -> None:
    """Read without it, the numbers would be those of the base. What it changes elsewhere is of no matter here."""
    tower, decoder = "vision_tower.vision_model.encoder.layers.0.mlp.fc1", "language_model.model.layers.0.mlp.up_proj"
    lora = torch.zeros(3, 32)
    rewrite(folder, lambda weights: weights | {f"{decoder}.lora_A.default.weight": lora})
    assert torch.equal(tokens(folder), tokens(siglip_folder))
    assert f"{decoder}.lora_A.default.weight, of an adapter" in refusal(folder, decoder_layers=None)
    rewrite(folder, lambda weights: weights | {f"{tower}.lora_A.default.weight": lora})
    assert f"{tower}.lora_A.default.weight, of an adapter" in refusal(folder)


def test_one_part_of_another_name(folder: Path) -> None:
    """Only the matrix is missing: the rest of the decoder is not looked for."""
    rename(folder, lambda key: key.replace("language_model.", "llm."))
    assert (
        "have other names than those of a llava model (llm.model.embed_tokens.weight, where "
        "model.language_model.embed_tokens.weight is expected): give its conversion" in refusal(folder)
    )


def test_a_missing_tower_is_not_blamed_on_the_decoders_names(folder: Path) -> None:
    rewrite(folder, lambda weights: {key: value for key, value in weights.items() if "vision_tower" not in key})
    said = refusal(folder)
    assert "lacks weights that its config requires (model.vision_tower." in said
    assert "or give the config.json that its weights were saved with" in said


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_a_dual_encoder_without_its_tower(family: str, tmp_path: Path) -> None:
    folder = build(family, tmp_path / "model")
    rewrite(folder, lambda weights: {key: value for key, value in weights.items() if "vision_model" not in key})
    assert "tiny lacks weights that its config requires (embeddings." in refusal(folder)


def test_weights_in_the_order_of_mlx(folder: Path) -> None:
    """MLX has the channels of a convolution last; what it does not quantise is stored without a word about it."""
    order = (0, 2, 3, 1)
    rewrite(folder, lambda ws: {k: w.permute(order).contiguous() if w.ndim == 4 else w for k, w in ws.items()})
    said = refusal(folder)
    assert "in the order of MLX (for Apple's own library), which vlmtui does not support: choose the model" in said


def test_a_config_without_its_parts_names_what_it_asks_for(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({key: config[key] for key in config if key != "vision_config"}))
    assert "lm_head" not in refusal(folder)


def test_more_rows_of_the_output_head_than_words(folder: Path) -> None:
    rows = len(load_file(folder / "model.safetensors")["language_model.lm_head.weight"])
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["vocab_size"] = rows - 5
    (folder / "config.json").write_text(json.dumps(config))
    assert f"set text_config.vocab_size to {rows} there" in refusal(folder, decoder_layers=None)


def test_weights_that_zero_3_left_elsewhere(folder: Path) -> None:
    rewrite(folder, lambda weights: {k: torch.empty(0) if "linear_1" in k else w for k, w in weights.items()})
    assert "linear_1.bias of tiny is empty, as DeepSpeed (ZeRO 3) saves what is on other devices" in refusal(folder)
