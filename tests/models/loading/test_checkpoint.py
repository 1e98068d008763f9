"""Checkpoints that are whole, and those that are not: one sentence each, that says what to do."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.models.test_vlm import held, picture, quiet
from tests.tiny_checkpoints import build_llava
from vlmtui.catalogue import ModelSource
from vlmtui.errors import ModelError, OutOfMemoryError, UsageError, VlmtuiError, permission_denied
from vlmtui.models.loading import device, model_folder, safetensors_header
from vlmtui.models.loading.loader import load_model
from vlmtui.models.loading.token_ids import candidate_ids
from vlmtui.reports.atlas.tables import table_files
from vlmtui.session import protocol as m
from vlmtui.session.model_state import find_checkpoint


@pytest.fixture
def folder(tmp_path: Path, siglip_folder: Path) -> Path:
    """A copy of a good checkpoint, to be spoilt."""
    return Path(shutil.copytree(siglip_folder, tmp_path / "model"))


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(model_folder.find_checkpoint(ModelSource("mine", folder, None), None, quiet), quiet, device="cpu")
    text = str(caught.value)
    assert "\n" not in text
    assert "mine" in text
    return text


def edit(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    config.update(changes)
    (folder / "config.json").write_text(json.dumps(config))


def test_a_good_folder_has_no_revision(folder):
    assert model_folder.find_checkpoint(ModelSource("mine", folder, None), None, quiet).revision is None
    with pytest.raises(ModelError, match="--revision"):
        model_folder.find_checkpoint(ModelSource("mine", folder, None), "main", quiet)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Whatever may be read by anybody may be read, also where the tests are run by root."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.parametrize(
    "file", ["config.json", "generation_config.json", "preprocessor_config.json", "model.safetensors"]
)
def test_a_file_that_may_not_be_read_is_not_called_damaged(folder: Path, file: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        there = Path(shutil.copytree(folder, Path(place, "model")))
        (there / file).touch()
        (there / file).chmod(0)
        with ordinary_user(), pytest.raises(ModelError) as caught:
            model_folder.find_checkpoint(ModelSource("mine", there, None), None, quiet)
    assert str(caught.value) == f"{there / file}: permission denied; check the permissions of this user"


def test_a_folder_that_may_not_be_listed_is_told_by_its_path() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o711)
        with ordinary_user(), pytest.raises(PermissionError) as caught:
            model_folder.find_checkpoint(ModelSource("mine", Path(place), None), None, quiet)
        assert permission_denied(caught.value) == f"{place}: permission denied; check the permissions of this user"
        with ordinary_user(), pytest.raises(VlmtuiError, match="permission denied"):
            table_files([place])


def test_missing_folder(tmp_path):
    with pytest.raises(ModelError, match="check the path"):
        model_folder.check_folder(tmp_path / "none", "mine")
    with pytest.raises(ModelError, match="--model NAME"):
        model_folder.check_folder(tmp_path / "none", "demo")


def test_empty_folder(tmp_path):
    assert "has no config.json" in refusal(tmp_path)


def test_a_model_in_a_folder_below(tmp_path):
    """A folder of the hub's cache, of training, of a pipeline, and a part of one."""
    for place, config in {
        "cached/snapshots/abc": {"model_type": "llava"},
        **{f"trained/checkpoint-{i}": {"model_type": "llava"} for i in range(5)},
        "pipeline/unet": {"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.30"},
        "pipeline/text_encoder": {"model_type": "qwen2_5_vl"},
        "images/unet": {"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.30"},
    }.items():
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "config.json").write_text(json.dumps(config))
    for name in ("pipeline", "images"):
        (tmp_path / name / "model_index.json").write_text("{}")
    assert refusal(tmp_path / "cached").endswith("no config.json: give the folder of a model in it, mine/snapshots/abc")
    trained = refusal(tmp_path / "trained")
    assert trained.endswith("mine/checkpoint-0 or mine/checkpoint-1 or mine/checkpoint-2 (2 more)")
    assert "mine is a diffusion pipeline (model_index.json): give the" in refusal(tmp_path / "pipeline")
    assert refusal(tmp_path / "pipeline").endswith("in it, mine/text_encoder")
    assert "a diffusion pipeline (model_index.json), which makes images" in refusal(tmp_path / "images")
    assert "a part of a diffusion pipeline (UNet2DConditionModel), which" in refusal(tmp_path / "images" / "unet")


def test_adapters_and_gguf(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    assert "is an adapter (LoRA) whose adapter_config.json names no base_model" in refusal(tmp_path)
    (tmp_path / "adapter_config.json").unlink()
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    assert "GGUF" in refusal(tmp_path)


def test_config_that_is_no_json(folder):
    (folder / "config.json").write_text('{"model_type": "lla')
    assert "config.json" in refusal(folder)
    (folder / "config.json").write_text("[]")
    assert "model_type" in refusal(folder)


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed")
def test_an_image_processor_that_exists_for_torchvision_alone(folder):
    file = folder / "processor_config.json"
    text = file.read_text()
    file.write_text(re.sub(r'"image_processor_type": "\w+"', '"image_processor_type": "Llama4ImageProcessor"', text))
    assert refusal(folder).endswith("pip install 'vlmtui[torchvision]'")


def test_weights_in_bin_files(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "save_pretrained" in refusal(folder)


def test_no_weights(folder):
    (folder / "model.safetensors").unlink()
    assert "no .safetensors" in refusal(folder)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_half_written_weights(folder, keep):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    assert "incomplete" in refusal(folder)


def test_a_git_lfs_pointer(folder):
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    assert refusal(folder).endswith("is a git-lfs pointer, not the weights: run git lfs pull where it was cloned")


def test_a_missing_shard(tmp_path):
    folder = build_llava(tmp_path / "sharded", "siglip", max_shard_size="100KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    shards[1].unlink()
    assert shards[1].name in refusal(folder)
    shards[2].unlink()
    assert f"1 more of its {len(shards)}" in refusal(folder)
    (folder / model_folder.INDEX).write_text("{")
    assert model_folder.INDEX in refusal(folder)


def test_remote_code_is_refused(folder):
    edit(folder, model_type="somebodys_own", auto_map={"AutoModel": "modeling.Model"})
    assert "does not run" in refusal(folder)


def test_a_family_from_the_future(folder):
    edit(folder, model_type="llava_2050")
    assert "newer transformers" in refusal(folder)


def test_a_model_that_reads_no_pictures(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    assert "neither a vision-language model" in refusal(folder)


def test_weights_that_the_config_asks_for_in_vain(folder):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    gone = next(key for key in tensors if "multi_modal_projector.linear_2.weight" in key)
    del tensors[gone]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert "multi_modal_projector.linear_2.weight" in refusal(folder)


def test_weights_of_other_shapes(folder):
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["vocab_size"] += 5
    (folder / "config.json").write_text(json.dumps(config))
    refusal(folder)


def retyped(folder: Path, key: str, dtype: str, size: int) -> None:
    """Say in the file's header that a tensor is of another dtype, of `size` bytes a number, and write so many bytes."""
    file = folder / "model.safetensors"
    data = file.read_bytes()
    there = safetensors_header.read(file)
    changed = [
        replace(t, dtype=dtype, end=t.start + size * math.prod(t.shape)) if t.key.endswith(key) else t for t in there
    ]
    bodies = [
        data[old.start : old.end][: new.size].ljust(new.size, b"\0") for old, new in zip(there, changed, strict=True)
    ]
    file.write_bytes(safetensors_header.pack(changed) + b"".join(bodies))


@pytest.mark.parametrize(("dtype", "size"), [("I8", 1), ("I32", 4), ("F8_E4M3", 1), ("BOOL", 1), ("X7", 2)])
def test_weights_of_another_dtype(folder, dtype, size):
    retyped(folder, "embed_tokens.weight", dtype, size)
    said = refusal(folder)
    assert f"embed_tokens.weight as {dtype}" in said
    assert ("an unknown dtype" in said) == (dtype == "X7")


def test_float16_and_float64_are_read(folder):
    retyped(folder, "embed_tokens.weight", "F16", 2)
    retyped(folder, "multi_modal_projector.linear_1.weight", "F64", 8)
    model = load_model(
        model_folder.find_checkpoint(ModelSource("mine", folder, None), None, quiet),
        quiet,
        device="cpu",
        dtype="float32",
    ).model
    assert model.get_input_embeddings().weight.dtype == torch.float32


def test_integers_that_are_no_weights_do_no_harm(folder):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    # as old checkpoints have it
    tensors["vision_tower.vision_model.embeddings.position_ids"] = torch.arange(36)[None]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    load_model(model_folder.find_checkpoint(ModelSource("mine", folder, None), None, quiet), quiet, device="cpu")


def test_a_tokenizer_larger_than_the_matrix(folder, tmp_path):
    small = build_llava(tmp_path / "small", "siglip", extra_rows=0)
    assert held(small)  # as many as rows
    known = json.loads((small / "tokenizer.json").read_text())
    vocab = known["model"]["vocab"]
    vocab |= {f"more{i}": len(vocab) + 2 + i for i in range(50)}
    (small / "tokenizer.json").write_text(json.dumps(known))
    with pytest.raises(ModelError, match=r"word-pieces and its embedding matrix only \d+ rows"):
        held(small)


def test_a_tokenizer_smaller_than_the_matrix(folder, tmp_path):
    large = build_llava(tmp_path / "large", "siglip", extra_rows=500)
    model = held(large)
    words = candidate_ids(model.tokenizer, len(model.embeddings), all_tokens=False)
    assert len(model.embeddings) - len(words) >= 500


def test_no_processor_files(folder):
    for name in ("processor_config.json", "preprocessor_config.json"):
        (folder / name).unlink(missing_ok=True)
    assert "--processor" in refusal(folder)


def test_no_tokenizer_files(folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    assert "tokenizer" in refusal(folder)


def test_a_wrong_processor_is_named_instead_of_the_model(folder, tmp_path):
    found = model_folder.find_checkpoint(ModelSource("mine", folder, None), None, quiet)
    with pytest.raises(ModelError, match=rf"^{re.escape(str(tmp_path))} has no usable image processor files"):
        load_model(found, quiet, device="cpu", processor=tmp_path)
    asked = m.Load(str(folder), processor="nowhere")
    with pytest.raises(ModelError, match=r"^--processor: there is no model folder nowhere: check the path"):
        find_checkpoint(asked, quiet)


def test_without_a_whole_processor_the_parts_do(folder, siglip_folder, monkeypatch):
    whole = held(siglip_folder)
    config = json.loads((folder / "processor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(config["image_processor"]))
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": "SomebodysOwnProcessor"}))
    assert held(folder)._processing.whole is not None  # the family's
    monkeypatch.setattr("transformers.LlavaProcessor.__init__", None)
    parts = held(folder)
    image = picture(31, 17)
    assert parts._processing.whole is None
    tokens = parts.encode(parts.prepare(image, None)).tokens
    assert torch.equal(tokens, whole.encode(whole.prepare(image, None)).tokens)


def test_processor_from_another_folder(folder, siglip_folder):
    (folder / "processor_config.json").unlink()
    checkpoint = model_folder.find_checkpoint(ModelSource("mine", folder, None), None, quiet)
    assert load_model(checkpoint, quiet, device="cpu", processor=siglip_folder).processing.whole is not None


def test_offline_hub_name():
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        model_folder.find_checkpoint(ModelSource("org/none", None, "org/none"), None, quiet)


@pytest.mark.parametrize("branch", ["main", None])
def test_a_snapshot_in_the_hubs_cache(branch, tmp_path, folder, monkeypatch):
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--org--tiny"
    shutil.copytree(folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    if branch:  # without one it was cached by its commit alone
        (repository / "refs" / branch).write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    told = []
    source = ModelSource("org/tiny", None, "org/tiny")
    checkpoint = model_folder.find_checkpoint(source, None, lambda *note: told.append(note[0]))
    assert checkpoint.revision == commit
    assert any("using the commit 0123456789ab of org/tiny" in note for note in told) == (branch is None)
    assert checkpoint.folder.name == commit
    assert model_folder.find_processor(source, quiet).name == commit


def test_devices_and_dtypes():
    cpu = torch.device("cpu")
    assert device.devices()[-1] == "cpu"
    assert device.choose_device("cpu") == cpu
    for wrong in ("gpu", "cpu:1", "cuda:x", ""):
        with pytest.raises(UsageError, match="choose auto"):
            device.choose_device(wrong)
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="no device cuda"):
            device.choose_device("cuda")
    with pytest.raises(ModelError, match="float16 on a CPU"):
        device.choose_dtype("float16", cpu, 10)
    with pytest.raises(UsageError, match="choose auto"):
        device.choose_dtype("int8", cpu, 10)


def test_a_cpu_takes_float32_where_it_fits(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(device, "available_memory", lambda: 20 * 10**9)
    assert device.choose_dtype("auto", cpu, 10**9) == torch.float32
    assert device.choose_dtype("auto", cpu, 7 * 10**9) == torch.bfloat16
    monkeypatch.setattr(device, "available_memory", lambda: 10 * 10**9)
    with pytest.raises(OutOfMemoryError, match=r"16\.\d GB as bfloat16, and 10\.0 GB"):
        device.choose_dtype("auto", cpu, 7 * 10**9)
    with pytest.raises(OutOfMemoryError, match="--dtype bfloat16"):
        device.choose_dtype("float32", cpu, 7 * 10**9)
