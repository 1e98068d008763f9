"""Tokens, norms and embeddings against the fully loaded model's own forward pass."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from tests.families import build
from tests.tiny_checkpoints import build_llava
from vlmtui import models
from vlmtui.catalogue import ModelSource
from vlmtui.errors import ModelError, lacks_memory
from vlmtui.images.decoding import RgbImage
from vlmtui.models.families.base import Family
from vlmtui.models.loading.loader import load_model
from vlmtui.models.loading.model_folder import find_checkpoint
from vlmtui.models.loading.token_ids import candidate_ids, named_ids, token_names
from vlmtui.models.vlm import VisionLanguageModel


def quiet(*_: object) -> None:
    pass


def held(folder: Path, **options) -> VisionLanguageModel:
    return VisionLanguageModel(
        load_model(find_checkpoint(ModelSource("tiny", folder, None), None, quiet), quiet, device="cpu", **options)
    )


def picture(width: int, height: int, seed: int = 0) -> RgbImage:
    rng = np.random.default_rng(seed)
    return RgbImage(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


@torch.no_grad()
def whole_model(folder: Path, image: RgbImage, dtype=torch.float32):
    """What the real model does with the real processor: first layer's input at the image positions, hidden states."""
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype).eval()
    processor = AutoProcessor.from_pretrained(folder)
    text = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Describe the image."}]}],
        add_generation_prompt=True,
    )
    inputs = processor(images=Image.fromarray(image.rgb), text=text, return_tensors="pt")
    inputs["pixel_values"] = inputs["pixel_values"].to(dtype)
    seen = {}

    def first_layer(_, args, options):
        seen["input"] = args[0] if args else options["hidden_states"]

    model.get_decoder().layers[0].register_forward_pre_hook(first_layer, with_kwargs=True)
    model(**inputs)
    states = model.get_encoder(modality="image")(inputs["pixel_values"], output_hidden_states=True).hidden_states
    return model, seen["input"][inputs["input_ids"] == model.config.image_token_id], torch.stack(states)


@pytest.mark.parametrize("tower", ["clip", "siglip"])
@pytest.mark.parametrize("size", [(100, 60), (33, 91), (1, 1)])
def test_tokens_and_norms_are_the_whole_models(tower, size, clip_folder, siglip_folder):
    folder = clip_folder if tower == "clip" else siglip_folder
    image = picture(*size)
    model, tokens, states = whole_model(folder, image)
    ours = held(folder)
    encoded = ours.encode(ours.prepare(image, None))
    torch.testing.assert_close(encoded.tokens, tokens, rtol=0, atol=1e-6)

    prefix = 1 if tower == "clip" else 0
    norms = states[:, 0].double().norm(dim=-1)
    assert encoded.norms[0].patches.dtype == torch.float32
    torch.testing.assert_close(encoded.norms[0].patches.double(), norms[:, prefix:], rtol=1e-6, atol=0)
    torch.testing.assert_close(encoded.norms[0].prefix.double(), norms[:, :prefix], rtol=1e-6, atol=0)
    assert len(encoded.norms[0].patches) == ours.info.vision_layers + 1

    assert ours.info.llm_layers == 2
    assert ours.info.feeds == ("vision.3" if tower == "clip" else "vision.4")
    assert ours.info.parts == ("CLIP 14/70 → MLP → Llama" if tower == "clip" else "SigLIP 8/48 → MLP → Llama")
    assert torch.equal(ours.embeddings, model.get_input_embeddings().weight)


def test_bfloat16_is_the_whole_models_too(clip_folder):
    image = picture(90, 120)
    _, tokens, states = whole_model(clip_folder, image, torch.bfloat16)
    ours = held(clip_folder, dtype="bfloat16")
    encoded = ours.encode(ours.prepare(image, None))
    assert ours.info.dtype == "bfloat16"
    assert encoded.tokens.dtype == torch.bfloat16
    assert torch.equal(encoded.tokens, tokens)
    torch.testing.assert_close(encoded.norms[0].patches, states[:, 0, 1:].float().norm(dim=-1), rtol=1e-5, atol=0)


@pytest.mark.parametrize("tower", ["clip", "siglip"])
def test_without_decoder_layers_the_rest_is_bit_equal(tower, clip_folder, siglip_folder):
    folder = clip_folder if tower == "clip" else siglip_folder
    checkpoint = find_checkpoint(ModelSource("tiny", folder, None), None, quiet)
    part = load_model(checkpoint, quiet, device="cpu").model.state_dict()
    whole = load_model(checkpoint, quiet, device="cpu", decoder_layers=2).model.state_dict()
    decoding = (".language_model.layers.", ".language_model.norm.", "lm_head.")
    assert set(part) == {key for key in whole if not any(name in key for name in decoding)}
    assert all(torch.equal(part[key], whole[key]) for key in part)
    # and what is left out is what only the decoder's output needs
    assert all(any(name in key for key in whole) for name in decoding)


def test_a_sharded_checkpoint_is_the_same_model(tmp_path, clip_folder):
    folder = build_llava(tmp_path / "sharded", "clip", max_shard_size="100KB")
    assert len(list(folder.glob("*.safetensors"))) > 3
    image = picture(80, 80)
    one, other = held(clip_folder), held(folder)
    assert torch.equal(one.encode(one.prepare(image, None)).tokens, other.encode(other.prepare(image, None)).tokens)


def test_embed_is_what_the_first_layer_receives_for_text(clip_folder):
    ours = held(clip_folder)
    assert torch.equal(ours.embed([5, 300, 7]), ours.embeddings[[5, 300, 7]])


@pytest.mark.parametrize("text_class", ["GemmaConfig", "Gemma2Config", "Qwen2Config", "MistralConfig", "Phi3Config"])
def test_other_decoders_and_their_scaling(text_class, tmp_path):
    """Gemma multiplies its embeddings by √hidden on the way to the first layer: that is where words are compared."""
    folder = build_llava(tmp_path / "model", "siglip", text_class=text_class)
    image = picture(64, 48)
    model, tokens, _ = whole_model(folder, image)
    ours = held(folder)
    torch.testing.assert_close(ours.encode(ours.prepare(image, None)).tokens, tokens, rtol=1e-6, atol=1e-6)
    seen = []
    model.get_decoder().layers[0].register_forward_pre_hook(
        lambda _, args, options: seen.append(args[0] if args else options["hidden_states"]), with_kwargs=True
    )
    ids = torch.tensor([[3, 300, 401]])
    with torch.no_grad():
        model(input_ids=ids)
        scale = float(seen[0].norm() / model.get_input_embeddings().weight[ids[0]].norm())
    torch.testing.assert_close(ours.embeddings[ids[0]], seen[0][0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.embed(ids[0].tolist()), seen[0][0], rtol=1e-6, atol=1e-6)
    assert scale == pytest.approx(48**0.5 if "Gemma" in text_class else 1.0, rel=1e-5)


def test_prompt_does_not_move_the_image_tokens(siglip_folder):
    ours = held(siglip_folder)
    image = picture(50, 50)
    short, long = ours.prepare(image, None), ours.prepare(image, "what is the colour of the sky over the sea?")
    assert short.input_ids.shape[1] < long.input_ids.shape[1]
    assert torch.equal(ours.encode(short).tokens, ours.encode(long).tokens)


def test_which_rows_are_words(clip_folder):
    tokenizer = held(clip_folder).tokenizer
    rows = 474
    chosen = candidate_ids(tokenizer, rows, all_tokens=False).tolist()
    named = {tokenizer.convert_ids_to_tokens(i) for i in chosen}
    assert "<plain>" in named
    assert named.isdisjoint({"<image>", "<s>", "</s>", "<unk>"})
    assert len(chosen) == 461 - 4
    assert candidate_ids(tokenizer, rows, all_tokens=True).tolist() == list(range(rows))
    newline = tokenizer.convert_tokens_to_ids("<0x0A>")
    pieces, texts = token_names(tokenizer, named_ids(tokenizer), [newline, rows - 1])
    assert pieces == {newline: "<0x0A>", rows - 1: None}
    assert texts == {newline: "\n", rows - 1: None}


NAMES = {
    # as the published LLaVA checkpoints name their tensors
    "published": {"vision_tower.": "vision_tower.vision_model."},
    # as the modules are named in the library now
    "modules": {
        "language_model.model.": "model.language_model.",
        "language_model.lm_head.": "lm_head.",
        "vision_tower.": "model.vision_tower.",
        "multi_modal_projector.": "model.multi_modal_projector.",
    },
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_checkpoints_with_other_names_of_weights(names, tmp_path, clip_folder):
    folder = Path(shutil.copytree(clip_folder, tmp_path / "renamed"))
    renamed = {}
    for key, tensor in load_file(folder / "model.safetensors").items():
        prefix = next((prefix for prefix in names if key.startswith(prefix)), "")
        renamed[names.get(prefix, "") + key.removeprefix(prefix)] = tensor
    assert any(key.startswith(tuple(names.values())) for key in renamed)
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    image = picture(90, 70)
    one, other = held(clip_folder), held(folder)
    assert torch.equal(one.encode(one.prepare(image, None)).tokens, other.encode(other.prepare(image, None)).tokens)


def test_processor_files_of_old_versions(tmp_path, clip_folder):
    """Image processor settings in a file of their own, and a processor that does not know its patches."""
    folder = Path(shutil.copytree(clip_folder, tmp_path / "old"))
    config = json.loads((folder / "processor_config.json").read_text())
    settings = config.pop("image_processor")
    settings["image_processor_type"] = "CLIPImageProcessor"
    settings["crop_size"], settings["size"] = 70, 70
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": "LlavaProcessor"}))
    image = picture(90, 70)
    one, other = held(clip_folder), held(folder)
    inputs = other.prepare(image, None)
    assert int((inputs.input_ids == 459).sum()) == 25
    assert torch.equal(one.encode(one.prepare(image, None)).tokens, other.encode(inputs).tokens)
    mine = one.prepare(image, None)
    assert other.layout(image, inputs, other.encode(inputs)) == one.layout(image, mine, one.encode(mine))


def test_a_processor_that_leaves_the_wrong_number_of_places(tmp_path, clip_folder):
    folder = Path(shutil.copytree(clip_folder, tmp_path / "wrong"))
    config = json.loads((folder / "processor_config.json").read_text())
    config["patch_size"] = 35
    (folder / "processor_config.json").write_text(json.dumps(config))
    model = held(folder)
    with pytest.raises(ModelError, match="25 image tokens where its processor leaves 4 positions"):
        model.encode(model.prepare(picture(70, 70), None))


@pytest.mark.parametrize(
    "error", [KeyError("own mistake"), RuntimeError("CUDA error: an illegal address"), torch.OutOfMemoryError("much")]
)
def test_what_the_inputs_have_no_part_in_is_not_laid_to_them(error: Exception, clip_folder: Path) -> None:
    model = held(clip_folder)
    # as in a line of the package
    exec(compile("def on_block(done, total):\n    raise error", models.__file__, "exec"), own := {"error": error})
    with pytest.raises(type(error)):
        model.encode(model.prepare(picture(50, 40), None), own["on_block"])


@pytest.mark.parametrize("strategy", ["full", "default"])
@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: not enough memory")]
)
def test_too_little_memory_is_no_wrong_config(
    error: Exception, strategy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = held(build("llava_next", tmp_path / "model"))
    model.family.config.vision_feature_select_strategy = strategy
    monkeypatch.setattr(Family, "features", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(type(error)) as raised:
        model.encode(model.prepare(picture(50, 40), None))
    assert lacks_memory(raised.value)
