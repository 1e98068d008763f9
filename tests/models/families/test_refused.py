"""Why types are refused: each reason, seen in a model that transformers builds from a config of the type."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import CONFIG_MAPPING, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING, ShieldGemma2ForImageClassification

from vlmtui import cache
from vlmtui.errors import ModelError
from vlmtui.models.families.unread import UNREAD
from vlmtui.models.loading import hub

_TEXT = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
_ROPE = {"rope_type": "default", "rope_theta": 10000.0}
# settings without which the default config of a type is no model
_EXPERTS = {"num_experts": 2, "top_k_experts": 1, "moe_intermediate_size": 8}
_NEEDED = {
    "chameleon": {"vocabulary_map": {"<image>": 4}},
    "diffusion_gemma": {"text_config": _EXPERTS, "vision_config": {"model_type": "gemma4_vision"}},
    "emu3": {"vocabulary_map": {"<image>": 4}},
}


def empty(model_type: str) -> Any:
    """The model of the type's default config, without values."""
    if model_type not in CONFIG_MAPPING:
        pytest.skip("the installed transformers lacks the type")
    config = CONFIG_MAPPING[model_type](**_NEEDED.get(model_type, {}))
    with torch.device("meta"):
        return MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING[type(config)]._from_config(config)


def tower(model: Any) -> Any:
    """What transformers gives for the tower of images: the model itself, where it knows none."""
    found = model.get_encoder(modality="image")
    return None if found in (model, getattr(model, "model", model)) else found


@pytest.mark.parametrize("name", ["apertus1p5", "chameleon", "emu3"])
def test_images_become_codes(name: str) -> None:
    model = empty(name)
    assert "codebook" in UNREAD[name]
    codes = [part for part, _ in model.named_modules() if "quantize" in part and "embedding" in part]
    assert codes


@pytest.mark.parametrize("name", ["blip", "idefics", "pp_formulanet", "vision-encoder-decoder"])
def test_no_image_tokens_enter_the_prompt(name: str) -> None:
    model = empty(name)
    assert "cross-attention" in UNREAD[name]
    assert not hasattr(getattr(model, "model", model), "get_image_features")
    assert getattr(model.config, "image_token_id", None) is None


@pytest.mark.parametrize("name", ["evolla", "gemma4_unified", "git", "mistral4", "pi0", "pix2struct", "udop"])
def test_there_is_no_tower_of_its_own(name: str) -> None:
    assert tower(empty(name)) is None


@pytest.mark.parametrize("name", ["minicpmv4_6", "minicpmv4_7"])
def test_patches_are_merged_within_the_tower(name: str) -> None:
    parts = [part for part, _ in tower(empty(name)).named_modules()]
    assert any("merger" in part for part in parts)


def test_positions_are_marked_by_a_mask() -> None:
    model = empty("kosmos-2.5")
    assert getattr(model.config, "image_token_id", None) is None
    assert "image_embeds_position_mask" in inspect.signature(model.forward).parameters


def test_diffusion_gemmas_image_tokens_are_in_an_encoder() -> None:
    model = empty("diffusion_gemma")
    assert "canvas_length" in model.config.to_dict()
    towers = [part for part, _ in model.named_modules() if part.endswith("vision_tower")]
    assert towers == ["model.encoder.vision_tower"]


def test_instructblip_video_takes_frames_alone() -> None:
    model = empty("instructblipvideo")
    assert hasattr(model, "get_video_features")
    assert not hasattr(model, "get_image_features")


def test_pi0_returns_actions() -> None:
    model = empty("pi0")
    assert model.get_output_embeddings() is None
    assert model.action_out_proj.out_features == model.config.max_action_dim


def test_shieldgemma2s_weights_have_other_names_than_the_model_with_a_language_model() -> None:
    whole = empty("shieldgemma2")
    with torch.device("meta"):
        saved = ShieldGemma2ForImageClassification._from_config(whole.config)
    assert not saved.state_dict().keys() & whole.state_dict().keys()


def test_t5gemma2s_encoder_reads_images_and_their_tokens() -> None:
    model = empty("t5gemma2")
    assert model.config.is_encoder_decoder
    assert {name for name, _ in model.model.encoder.named_children()} >= {"vision_tower", "text_model"}


@pytest.mark.parametrize("name", sorted(UNREAD))
def test_nothing_but_its_config_is_fetched(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "commit_folder", lambda *_: tmp_path / "model")
    model_type, fetched = name, []

    class Remote:
        """A repository with a config and weights, whose files are written as they are asked for."""

        name, commit = "some/model", "0" * 40
        files = frozenset({"config.json", "model.safetensors", "preprocessor_config.json"})

        def fetch(self, file: str, place: Path) -> None:
            fetched.append(file)
            (place / file).write_text(json.dumps({"model_type": model_type}))

    remote: Any = Remote()
    with pytest.raises(ModelError) as caught:
        hub._Download(remote, "some/model", 0, lambda *_: None, True).run()
    assert str(caught.value) == f"some/model is a {name} model, {UNREAD[name]}: choose another model"
    assert fetched == ["config.json"]


@torch.no_grad()
def test_deepseek_ocr2_passes_its_tower_twice() -> None:
    sam = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "patch_size": 4, "image_size": 64}
    sam |= {"output_channels": 8, "downsample_channels": [8, 64], "window_size": 4, "global_attn_indexes": [0]}
    config = CONFIG_MAPPING["deepseek_ocr2"](
        vision_config={"sam_config": sam, "encoder_config": _TEXT | {"rope_parameters": _ROPE}},
        text_config=_TEXT | {"rope_parameters": _ROPE, "mlp_layer_types": ["dense"] * 2, "num_experts_per_tok": 1},
        image_token_id=5,
    )
    model = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING[type(config)]._from_config(config).eval()
    sizes = []

    def entered(_: nn.Module, args: tuple[Any, ...]) -> None:
        sizes.append(tuple(args[0].shape))

    model.model.vision_tower.register_forward_pre_hook(entered)
    whole, tiles = torch.randn(1, 3, 64, 64), torch.randn(2, 3, 32, 32)
    found = model.model.get_image_features(whole, tiles, [2], return_dict=True)
    assert sizes == [(1, 3, 64, 64), (2, 3, 32, 32)]
    # its queries do not depend on how many patches there are
    assert [len(part) for part in found.pooler_output] == [3 * 144 + 1]


@torch.no_grad()
def test_granite4_visions_image_tokens_are_zeros() -> None:
    vision = {"model_type": "clip_vision_model", "hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 2}
    config = CONFIG_MAPPING["granite4_vision"](
        vision_config=vision | {"num_attention_heads": 1, "image_size": 64, "patch_size": 8},
        text_config=_TEXT,
        image_token_index=5,
        image_grid_pinpoints=[[64, 64]],
        downsample_rate="1/2",
        deepstack_layer_map=[[-1, 0], [-2, 1]],
        spatial_target_layers=[0, 1, 0, 1],
    )
    model = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING[type(config)]._from_config(config).eval()
    pixels, sizes = torch.randn(1, 2, 3, 64, 64), torch.tensor([[64, 64]])
    features = model.model.get_image_features(pixels, sizes, return_dict=True)
    assert getattr(features, "pooler_output", None) is None
    assert [layer for layer, _ in features.deepstack_features] == [0, 1, 0, 1, 0, 1]
    caught = []

    def given(_: nn.Module, __: Any, options: dict[str, Any]) -> None:
        caught.append(options["inputs_embeds"])

    model.model.language_model.register_forward_pre_hook(given, with_kwargs=True)
    count = len(features.deepstack_features[0][1][0])
    model(input_ids=torch.tensor([[1, *[5] * count, 2]]), pixel_values=pixels, image_sizes=sizes)
    assert (caught[0][0, 1:-1] == 0).all()
    assert (caught[0][0, [0, -1]] != 0).any(dim=1).all()
