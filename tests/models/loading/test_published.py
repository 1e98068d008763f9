"""Checkpoints as people publish them: other names of files and weights, parts that are missing, foreign formats.

The right value is that of the plain checkpoint, of which each is a copy with one thing edited.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.families import build
from tests.families.towers import classifying
from tests.models.test_vlm import held, picture
from tests.tiny_checkpoints import build_llava
from vlmtui.errors import ModelError
from vlmtui.models.loading import weight_files

IMAGE = picture(50, 40)
Weights = dict[str, torch.Tensor]


@pytest.fixture
def folder(tmp_path: Path, siglip_folder: Path) -> Path:
    """A copy of a good checkpoint, to be edited."""
    return Path(shutil.copytree(siglip_folder, tmp_path / "model"))


@pytest.fixture(scope="module")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("qwen2_5_vl", tmp_path_factory.mktemp("qwen") / "model")


def tokens(folder: Path) -> torch.Tensor:
    model = held(folder)
    found = model.encode(model.prepare(IMAGE, None)).tokens
    assert found is not None
    return found


def rewrite(folder: Path, change: Callable[[Weights], Weights]) -> None:
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def refusal(folder: Path, **options: Any) -> str:
    with pytest.raises(ModelError) as caught:
        held(folder, **options)
    said = str(caught.value)
    assert "\n" not in said
    return said


# -- only what exploring needs


@pytest.mark.parametrize("gone", ["lm_head.weight", "norm.weight"])
def test_what_only_the_output_needs_may_be_missing(gone: str, qwen_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(qwen_folder, tmp_path / "model"))
    rewrite(folder, lambda weights: {k: w for k, w in weights.items() if k not in (gone, f"model.{gone}")})
    assert len(load_file(folder / "model.safetensors")) == len(load_file(qwen_folder / "model.safetensors")) - 1
    assert torch.equal(tokens(folder), tokens(qwen_folder))
    said = refusal(folder, decoder_layers=None)
    assert gone in said
    assert "which its llm stages and answers need" in said


def test_neither_head_nor_norm_is_held(qwen_folder: Path) -> None:
    model = held(qwen_folder)
    there = sum(p.numel() for p in model.network.parameters())
    whole = sum(p.numel() for p in held(qwen_folder, decoder_layers=None).network.parameters())
    weights = load_file(qwen_folder / "model.safetensors")
    left_out = sum(w.numel() for k, w in weights.items() if k.startswith(("model.layers.", "model.norm.", "lm_head.")))
    assert there == whole - left_out
    assert not model.tied


def test_a_final_norm_of_an_unknown_name(tmp_path: Path) -> None:
    folder = build_llava(tmp_path / "model", text_class="Lfm2Config")
    part, whole = held(folder), held(folder, decoder_layers=None)
    found = [model.encode(model.prepare(IMAGE, None)).tokens for model in (part, whole)]
    assert torch.equal(*found)  # what the first layer of the whole model receives
    assert torch.equal(part.embeddings, whole.embeddings)


def test_a_tied_matrix_may_be_stored_by_the_name_of_the_head(qwen_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(qwen_folder, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["tie_word_embeddings"] = config["tie_word_embeddings"] = True
    (folder / "config.json").write_text(json.dumps(config))
    matrix = "model.embed_tokens.weight"

    def tied(weights: Weights) -> Weights:
        key = next(key for key in weights if key.endswith("embed_tokens.weight"))
        return {k: w for k, w in weights.items() if k not in (key, "lm_head.weight")} | {"lm_head.weight": weights[key]}

    rewrite(folder, tied)
    assert matrix not in load_file(folder / "model.safetensors")
    model, plain = held(folder), held(qwen_folder)
    assert model.tied
    assert torch.equal(model.embeddings, plain.embeddings)


# -- names of files and weights


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_forward_module.module.", "student.", "a.b.c."]
)
def test_wrappers_of_training_are_not_part_of_a_name(prefix: str, folder: Path, siglip_folder: Path) -> None:
    rewrite(folder, lambda weights: {f"{prefix}{key}": w for key, w in weights.items()})
    assert torch.equal(tokens(folder), tokens(siglip_folder))


def test_wrappers_within_a_name(folder: Path, siglip_folder: Path) -> None:
    rewrite(
        folder,
        lambda weights: {k.replace("layers.", "layers._fsdp_wrapped_module."): w for k, w in weights.items()},
    )
    assert torch.equal(tokens(folder), tokens(siglip_folder))


def test_weights_of_other_names(folder: Path) -> None:
    rewrite(folder, lambda weights: {key.replace(".", "/"): w for key, w in weights.items()})
    said = refusal(folder)
    assert "have other names than those of a llava model" in said
    assert "multi_modal_projector/linear_1/bias" in said or "language_model/" in said


@pytest.mark.parametrize(
    "name", ["model.fp16.safetensors", "pytorch_model.safetensors", "diffusion_pytorch_model.safetensors"]
)
def test_a_single_file_of_another_name(name: str, folder: Path, siglip_folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / name)
    assert torch.equal(tokens(folder), tokens(siglip_folder))


@pytest.mark.parametrize("index", [None, "model.safetensors.index.json", "model.safetensors.index.fp16.json"])
def test_parts_without_an_index_or_with_a_bare_one(index: str | None, folder: Path, siglip_folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    halves = [dict(list(weights.items())[::2]), dict(list(weights.items())[1::2])]
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    for name, half in zip(names, halves, strict=True):
        save_file(half, folder / name)  # without {"format": "pt"}, as other libraries write it
    if index is not None:  # and without metadata
        of = {key: name for name, half in zip(names, halves, strict=True) for key in half}
        (folder / index).write_text(json.dumps({"weight_map": of}))
    assert torch.equal(tokens(folder), tokens(siglip_folder))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("model.safetensors", "model.fp16.safetensors"), ("model.safetensors",)),
        (("model.fp16.safetensors", "model.bf16.safetensors"), ("model.bf16.safetensors",)),
        (("a.safetensors", "consolidated.safetensors", "adapter_model.safetensors"), ("a.safetensors",)),
        (("a.safetensors", "b.safetensors"), None),
        (("m-00001-of-00003.safetensors", "m-00003-of-00003.safetensors"), None),
        (("m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors", "x.safetensors"), None),
        (("consolidated.safetensors",), None),
        ((), None),
    ],
)
def test_which_files_hold_the_weights(names: tuple[str, ...], expected: tuple[str, ...] | None) -> None:
    found = weight_files.find_weight_files(names)
    assert (found.files if found else None) == expected


# -- shapes


def test_fewer_words_than_rows(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    rows, width = config["text_config"]["vocab_size"], config["text_config"]["hidden_size"]
    config["text_config"]["vocab_size"] -= 5
    (folder / "config.json").write_text(json.dumps(config))
    said = refusal(folder)
    assert (
        f"embed_tokens.weight of tiny is [{rows}, {width}], and its config.json asks for [{rows - 5}, {width}]" in said
    )
    assert f"set text_config.vocab_size to {rows} there" in said
    config["text_config"]["vocab_size"] = rows
    (folder / "config.json").write_text(json.dumps(config))
    held(folder)


def test_any_other_shape(folder: Path) -> None:
    rewrite(
        folder,
        lambda weights: {k: w[:-1].clone() if k.endswith("linear_1.bias") else w for k, w in weights.items()},
    )
    said = refusal(folder)
    assert "linear_1.bias of tiny is [47], and its config.json asks for [48]: give the config.json that" in said


# -- formats of others


@pytest.mark.parametrize(
    ("config", "converted"),
    [
        ({"model_type": "llava", "architectures": ["LlavaLlamaForCausalLM"], "hidden_size": 4096}, "llava-1.5-7b-hf"),
        ({"model_type": "llava_llama", "mm_vision_tower": "x", "hidden_size": 5120}, "llava-1.5-13b-hf"),
        (
            {"model_type": "llava", "mm_projector_type": "m", "hidden_size": 4096, "image_aspect_ratio": "anyres"},
            "llava-v1.6-vicuna-7b-hf",
        ),
        ({"model_type": "llava_mistral", "mm_hidden_size": 1024}, "llava-v1.6-mistral-7b-hf"),
        (
            {"model_type": "llava_qwen", "mm_vision_tower": "x", "hidden_size": 896},
            "llava-onevision-qwen2-0.5b-ov-hf",
        ),
        ({"model_type": "llava_mpt", "mm_vision_tower": "x"}, "huggingface.co/llava-hf"),
    ],
)
def test_the_format_of_llavas_authors(config: dict[str, Any], converted: str, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(config))
    said = refusal(folder)
    assert "is in the format of LLaVA's authors" in said
    assert converted in said


def test_mistrals_own_files(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "consolidated.safetensors")
    assert "mistral-community/pixtral-12b" in refusal(folder)  # with the config of a conversion, without its weights
    (folder / "config.json").rename(folder / "params.json")
    assert "has only Mistral's own files (consolidated.safetensors)" in refusal(folder)


@pytest.mark.parametrize("key", ["quantization", "quantization_config"])
def test_mlx_is_named(key: str, folder: Path) -> None:
    edit(folder / "config.json", **{key: {"group_size": 64, "bits": 4}})

    def packed(weights: Weights) -> Weights:
        key = next(key for key in weights if key.endswith("embed_tokens.weight"))
        return weights | {key: torch.zeros(len(weights[key]), 6, dtype=torch.uint32), f"{key}.scales": torch.ones(1)}

    rewrite(folder, packed)
    assert "is quantised with MLX" in refusal(folder)


@pytest.mark.parametrize("dtype", ["torch.bfloat16", "auto", 16, ["x"], None, "fp8"])
@pytest.mark.parametrize("key", ["torch_dtype", "dtype"])
def test_the_dtype_of_a_config_is_not_read(key: str, dtype: object, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    for part in (config, config["text_config"], config["vision_config"]):
        part.pop("dtype", None)
        part[key] = dtype
    (folder / "config.json").write_text(json.dumps(config))
    assert held(folder).info.dtype == "float32"


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "processor_config.json", "generation_config.json"]
)
def test_a_pipe_is_named_and_not_waited_for(name: str, folder: Path) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    said = refusal(folder)
    assert f"{name} of tiny" in said
    assert "it is no regular file" in said


# -- processors


@pytest.mark.parametrize("name", ["Qwen2_5_VLImageProcessor", "Qwen2_5_VLImageProcessorFast", None])
def test_a_class_called_after_the_family_is_the_familys(name: str | None, qwen_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(qwen_folder, tmp_path / "model"))
    edit(folder / "preprocessor_config.json", image_processor_type=name)
    if name is None:
        settings = json.loads((folder / "preprocessor_config.json").read_text())
        del settings["image_processor_type"]
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    assert torch.equal(tokens(folder), tokens(qwen_folder))


def test_an_unknown_class_is_named(qwen_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(qwen_folder, tmp_path / "model"))
    edit(folder / "preprocessor_config.json", image_processor_type="SomebodysImageProcessor")
    assert "names SomebodysImageProcessor as its image processor" in refusal(folder)


@pytest.mark.parametrize("name", ["processor_config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_damaged_file_of_the_processor_is_named(name: str, folder: Path) -> None:
    (folder / name).write_text('{"a": ')
    said = refusal(folder)
    assert f"its {name} is damaged (Expecting value" in said


def test_an_index_of_a_layer_of_the_tower(clip_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "model"))
    found = {}
    for layer in (0, -5, -4):
        edit(folder / "config.json", vision_feature_layer=layer)
        found[layer] = tokens(folder)
        assert held(folder).info.feeds == f"vision.{layer % 5}"
    assert torch.equal(found[0], found[-5])
    assert not torch.equal(found[0], found[-4])
    for wrong in (5, -6, [-2, 9]):
        edit(folder / "config.json", vision_feature_layer=wrong)
        assert "as vision_feature_layer, and its vision tower has 4 layers" in refusal(folder)


@pytest.mark.parametrize("keys", [True, False])
def test_default_where_the_tower_has_no_class_token(
    keys: bool, folder: Path, siglip_folder: Path, tmp_path: Path
) -> None:
    edit(folder / "config.json", vision_feature_select_strategy="default")
    edit(folder / "processor_config.json", vision_feature_select_strategy="default")
    if not keys:
        settings = json.loads((folder / "processor_config.json").read_text())
        for key in ("patch_size", "vision_feature_select_strategy", "num_additional_image_tokens"):
            settings.pop(key)
        (folder / "processor_config.json").write_text(json.dumps(settings))
    model, full = held(folder), held(siglip_folder)
    inputs = model.prepare(IMAGE, None)
    encoded = model.encode(inputs)
    all_of_them = full.encode(full.prepare(IMAGE, None))
    assert torch.equal(encoded.tokens, all_of_them.tokens[1:])
    places = full.layout(IMAGE, full.prepare(IMAGE, None), all_of_them).places
    assert [place.box for place in model.layout(IMAGE, inputs, encoded).places] == [p.box for p in places[1:]]
    assert len(model.prompted(inputs, len(encoded.tokens), None).input_ids[0]) > len(encoded.tokens)


def test_full_where_there_is_no_room_for_the_class_token(tmp_path: Path) -> None:
    folder = build("llava_next", tmp_path / "model")
    for name in ("config.json", "processor_config.json"):
        edit(folder / name, vision_feature_select_strategy="full")
    with pytest.raises(ModelError, match="LLaVA-NeXT has no place for it among the patches: set it to default"):
        tokens(folder)


# -- towers


@pytest.mark.parametrize("name", ["clip", "siglip", "siglip2"])
def test_a_tower_saved_alone(name: str, tmp_path: Path) -> None:
    import transformers

    both = build(name, tmp_path / "both")
    alone = Path(shutil.copytree(both, tmp_path / "alone"))
    for file in [alone / "model.safetensors", *alone.glob("*token*")]:
        file.unlink()
    kind = {"clip": "CLIPVisionModel", "siglip": "SiglipVisionModel", "siglip2": "Siglip2VisionModel"}[name]
    getattr(transformers, kind).from_pretrained(both).save_pretrained(alone)
    one, two = held(alone), held(both)
    assert (one.info.text_tower, two.info.text_tower, one.info.classifies) == (False, True, False)
    assert one.info.parts == two.info.parts
    norms = [model.encode(model.prepare(IMAGE, None)).norms[0].patches for model in (one, two)]
    assert torch.equal(*norms)


def test_only_a_checkpoint_with_a_head_classifies(tmp_path: Path) -> None:
    assert not held(build("dinov2", tmp_path / "plain")).info.classifies
    assert held(classifying("dinov2", tmp_path / "head")).info.classifies


def test_a_vit_saved_without_its_pooler(tmp_path: Path) -> None:
    import transformers

    plain = build("vit", tmp_path / "vit")
    model = transformers.ViTModel.from_pretrained(plain, add_pooling_layer=False)
    model.save_pretrained(tmp_path / "bare")
    shutil.copy(plain / "preprocessor_config.json", tmp_path / "bare")
    found, expected = held(tmp_path / "bare"), held(plain)
    mine, theirs = (one.encode(one.prepare(IMAGE, None)).norms[0].patches for one in (found, expected))
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("token", [-5, 10**7])
def test_an_image_token_that_no_matrix_has(token: int, clip_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "model"))
    edit(folder / "config.json", image_token_index=token)
    model = held(folder)
    with pytest.raises(ModelError, match=rf"has {token} for the image token, and its embedding matrix has \d+ rows"):
        model.encode(model.prepare(IMAGE, None))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_file_that_is_not_plain_utf_8_is_named(encoding: str, file: str, clip_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "model"))
    (folder / file).write_bytes((folder / file).read_text().encode(encoding))
    with pytest.raises(ModelError, match=rf"{file}.* is damaged .*save it as UTF-8 without a byte order mark"):
        held(folder)
