"""Files of a checkpoint that are missing, elsewhere, links without a target, or of another format: each is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from tests.hub import serving
from tests.models.loading.test_hub import fetch_all
from tests.models.loading.test_published import edit, refusal, tokens
from tests.models.test_vlm import held, picture
from vlmtui.errors import ModelError

PARTS = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]


@pytest.fixture
def folder(tmp_path: Path, siglip_folder: Path) -> Path:
    """A copy of a good checkpoint, to be edited."""
    return Path(shutil.copytree(siglip_folder, tmp_path / "model"))


def split(folder: Path) -> dict[str, str]:
    """Put the weights into two parts; returns which tensor is in which."""
    weights = list(load_file(folder / "model.safetensors").items())
    (folder / "model.safetensors").unlink()
    for part, half in zip(PARTS, (weights[::2], weights[1::2]), strict=True):
        save_file(dict(half), folder / part)
    return {key: PARTS[i % 2] for i, (key, _) in enumerate(weights)}


# -- weights


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (("tf_model.h5",), "TensorFlow's format only (tf_model.h5): give them as .safetensors"),
        (("flax_model.msgpack",), "Flax's format only (flax_model.msgpack)"),
        (("epoch=3.ckpt",), "PyTorch Lightning's format only (epoch=3.ckpt)"),
        (("onnx/vision_encoder.onnx",), "ONNX format only (onnx)"),
        (("global_step9/a.pt", "zero_to_fp32.py"), "in the parts that DeepSpeed saves: put them together with its"),
        (("pytorch_model_fsdp_0/__0_0.distcp",), "in the parts that FSDP saves: put them together"),
        (("optimizer.pt", "training_args.bin", "rng_state_0.pth"), "has no .safetensors files"),
        (("pytorch_model.bin", "training_args.bin"), "in .bin files only, which can hold code"),
        (("weights/model.safetensors",), "has its weights in weights: move them to its config.json"),
    ],
)
def test_weights_of_other_formats_and_places(there: tuple[str, ...], said: str, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    for file in there:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(b"")
    assert said in refusal(folder)


@pytest.mark.parametrize("weights", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])
def test_a_repository_of_open_clip(weights: str, folder: Path) -> None:
    shutil.move(folder / "model.safetensors", folder / weights)
    shutil.move(folder / "config.json", folder / "open_clip_config.json")
    assert "tiny is in OpenCLIP's format (open_clip_config.json), which vlmtui does not read: choose" in refusal(folder)


@pytest.mark.parametrize("wrapped", [{}, {"model_type": "timm_wrapper"}])
def test_a_repository_of_timm(wrapped: dict[str, str], folder: Path) -> None:
    config = {"architecture": "vit_base_patch16_224", "num_classes": 5, "pretrained_cfg": {"tag": "augreg"}}
    (folder / "config.json").write_text(json.dumps(config | wrapped))
    assert "tiny is in timm's format (vit_base_patch16_224), which vlmtui does not read: choose a" in refusal(folder)


def test_what_a_trainer_keeps_beside_the_weights(folder: Path, siglip_folder: Path) -> None:
    for file in ("optimizer.pt", "training_args.bin", "zero_to_fp32.py", "flax_model.msgpack"):
        (folder / file).write_bytes(b"")
    assert (tokens(folder) == tokens(siglip_folder)).all()


def test_a_part_that_is_missing_is_named(folder: Path) -> None:
    split(folder)
    (folder / PARTS[1]).unlink()
    assert f"tiny is incomplete: {PARTS[1]} is missing" in refusal(folder)


def test_an_index_of_files_elsewhere_is_named(folder: Path) -> None:
    index = {key: f"weights/{part}" for key, part in split(folder).items()}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert f'names "weights/{PARTS[0]}", which is no .safetensors file beside it' in refusal(folder)


def test_two_files_of_which_either_may_be_the_weights(folder: Path) -> None:
    for name in ("a", "b"):
        shutil.copy(folder / "model.safetensors", folder / f"{name}.safetensors")
    (folder / "model.safetensors").unlink()
    assert "has a.safetensors and b.safetensors, but neither" in refusal(folder)
    assert "call the file with its weights model.safetensors" in refusal(folder)


def test_a_repository_of_another_format_is_named_before_anything_is_fetched(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "onnx").mkdir()
    (folder / "onnx" / "vision_encoder.onnx").write_bytes(b"")
    with serving({"org/onnx": folder}) as hub:
        (found,) = fetch_all(tmp_path / "home", hub.endpoint, ("org/onnx", None, 0))
        assert not hub.sent
    assert "org/onnx has its weights in ONNX format only (onnx)" in found["error"]


# -- links, as the hub's cache has them


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "processor_config.json", "chat_template.jinja"]
)
def test_a_link_without_its_target_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("../../blobs/0123")
    said = refusal(folder)
    assert f"{name} of tiny is damaged" in said
    assert "it is a link to ../../blobs/0123, which is not there" in said


def test_the_hubs_whole_cache_names_what_is_in_it(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "hub" / "models--org--name" / "snapshots" / "0123"
    shutil.copytree(folder, place)
    with pytest.raises(ModelError, match="give the folder of a model in it, tiny/models--org--name/snapshots/0123"):
        held(tmp_path / "hub")
    with pytest.raises(ModelError, match="give the folder of a model in it, tiny/snapshots/0123"):
        held(place.parent.parent)


# -- tokenizer, image processor, template


def test_no_tokenizer(folder: Path) -> None:
    for file in folder.glob("*token*"):
        file.unlink()
    assert refusal(folder) == (
        "tiny has no usable tokenizer files: name a model or folder that has them with --processor"
    )
    (folder / "tekken.json").write_text("{}")
    assert "has only Mistral's own tokenizer (tekken.json)" in refusal(folder)


@pytest.mark.parametrize("part", ["pre_tokenizer", "decoder", "normalizer"])
def test_a_tokenizer_of_a_newer_version(part: str, folder: Path) -> None:
    edit(folder / "tokenizer.json", **{part: {"type": "OfTomorrow", "level": 3}})
    assert "the tokenizer.json of tiny has something that the installed package tokenizers (" in refusal(folder)


def test_an_image_processor_of_the_repositorys_own_code(folder: Path) -> None:
    settings: dict[str, Any] = json.loads((folder / "processor_config.json").read_text())
    own = settings.pop("image_processor") | {"image_processor_type": "OwnProcessor"}
    (folder / "processor_config.json").write_text(json.dumps(settings))
    own["auto_map"] = {"AutoImageProcessor": "image_processing_own.OwnProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(own))
    assert "the image processor of tiny (OwnProcessor) is code of its own from the hub" in refusal(folder)


@pytest.mark.parametrize("form", ["with a byte order mark", "a text in JSON"])
def test_a_template_in_another_form(form: str, folder: Path, siglip_folder: Path) -> None:
    file = folder / "chat_template.jinja"
    text = file.read_text()
    if form == "a text in JSON":
        file.unlink()
        (folder / "chat_template.json").write_text(json.dumps(text))
    else:
        file.write_text(text, encoding="utf-8-sig")
    mine, plain = (held(one).prepare(picture(50, 40), None).prompt for one in (folder, siglip_folder))
    assert mine == plain
