"""Adapters (LoRA): the base is named, and read with the adapter merged, as peft merges it into the whole model."""

from __future__ import annotations

import filecmp
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.families import build
from tests.families.base import chat_template
from tests.hub import COMMIT, serving
from tests.models.loading.test_hub import fetch_all
from tests.models.test_vlm import held, picture
from vlmtui.errors import ModelError
from vlmtui.models.loading.checkpoint import Checkpoint, read_config
from vlmtui.models.loading.loader import load_model
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.session import protocol as m
from vlmtui.session.model_state import find_checkpoint

IMAGE = picture(50, 40)
needs_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")


@pytest.fixture(scope="module")
def saved(clip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of an adapter of tower, projector and decoder, and that of the model that peft merges it into."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlavaForConditionalGeneration

    folder = tmp_path_factory.mktemp("adapters")
    config = LoraConfig(
        r=3,
        lora_alpha=7,
        target_modules=["q_proj", "linear_1", "down_proj"],
        modules_to_save=["linear_2"],
        rank_pattern={"linear_1": 5},
        use_rslora=True,
    )
    torch.manual_seed(0)
    model = get_peft_model(LlavaForConditionalGeneration.from_pretrained(clip_folder), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape))
    model.save_pretrained(folder / "adapter")
    shutil.copytree(clip_folder, folder / "merged")
    model.merge_and_unload().save_pretrained(folder / "merged")
    return folder / "adapter", folder / "merged"


def read(model: VisionLanguageModel) -> torch.Tensor:
    found = model.encode(model.prepare(IMAGE, None)).tokens
    assert found is not None
    return found


@needs_peft
def test_it_is_read_as_peft_merges_it(saved: tuple[Path, Path], clip_folder: Path) -> None:
    adapter, merged = saved
    model = held(adapter)
    torch.testing.assert_close(read(model), read(held(merged)), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(read(model), read(held(clip_folder)), rtol=1e-2, atol=1e-2)
    assert model.info.note == f"{clip_folder} with the adapter tiny"
    mine, theirs = (held(one, decoder_layers=None).network.state_dict() for one in (adapter, merged))
    assert mine.keys() == theirs.keys()
    for key, value in mine.items():
        torch.testing.assert_close(value, theirs[key], rtol=1e-5, atol=1e-5)


@needs_peft
def test_a_processor_that_was_saved_with_it(saved: tuple[Path, Path], clip_folder: Path, tmp_path: Path) -> None:
    """Trainers save what they were given: it is the base's, or said to be unused, and may be named."""
    adapter = Path(shutil.copytree(saved[0], tmp_path / "adapter"))
    plain = f"{clip_folder} with the adapter tiny"
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(clip_folder / file, adapter)
    assert held(adapter).info.note == plain
    (adapter / "chat_template.jinja").write_text(chat_template("<image>OWN "))
    unused = "; the processor is the base's, without the adapter's own chat_template.jinja"
    assert held(adapter).info.note == plain + unused
    shutil.copy(clip_folder / "processor_config.json", adapter)
    model = held(adapter)
    unused = "; the processor is the base's: --processor tiny for the adapter's own (chat_template.jinja)"
    assert model.info.note == plain + unused
    assert "OWN" not in model.prepare(IMAGE, None).prompt.text
    model = held(adapter, processor=adapter)
    assert model.info.note == plain
    assert "OWN" in model.prepare(IMAGE, None).prompt.text


@needs_peft
def test_an_adapter_and_its_base_are_read_from_the_hub(
    saved: tuple[Path, Path], clip_folder: Path, tmp_path: Path
) -> None:
    adapter, merged = saved
    shutil.copytree(adapter, tmp_path / "lora")
    (tmp_path / "lora" / "adapter_config.json").write_text(json.dumps(_config(adapter, "org/base")))
    (tmp_path / "lora" / "chat_template.jinja").write_text("{{ messages }}")
    # larger than any small file may be, there and in `tests.hub`
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "adapter_config.json").write_text(json.dumps(_config(adapter, "org/base")))
    weight = {"base_model.model.lora_A.weight": torch.zeros(33 << 18, dtype=torch.float32)}
    save_file(weight, tmp_path / "large" / "adapter_model.safetensors")
    asked = ("org/lora", None, 0), ("org/large", None, 0)
    with serving({"org/lora": tmp_path / "lora", "org/large": tmp_path / "large", "org/base": clip_folder}) as hub:
        found, large = fetch_all(tmp_path / "home", hub.endpoint, *asked)
    weights = "adapter_model.safetensors"
    assert filecmp.cmp(Path(large["adapter"]) / weights, tmp_path / "large" / weights, shallow=False)
    offline = fetch_all(tmp_path / "home", "http://127.0.0.1:9", *asked, HF_HUB_OFFLINE="1")
    assert offline == [one | {"notes": []} for one in (found, large)]
    folder = Path(found["folder"])
    checkpoint = Checkpoint(
        "org/lora", folder, found["revision"], read_config(folder, "org/lora"), Path(found["adapter"])
    )
    model = VisionLanguageModel(load_model(checkpoint, lambda *_: None, device="cpu", dtype="float32"))
    torch.testing.assert_close(read(model), read(held(merged)), rtol=1e-5, atol=1e-5)
    unused = "; the processor is the base's, without the adapter's own chat_template.jinja"
    assert model.info.note == f"org/base with the adapter org/lora{unused}"


@needs_peft
def test_names_of_older_versions_and_a_base_beside_it(
    saved: tuple[Path, Path], clip_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(saved[0], tmp_path / "adapter"))
    shutil.copytree(clip_folder, tmp_path / "base")
    weights = load_file(folder / "adapter_model.safetensors")
    old = {
        key.replace("model.model.language_model.", "model.language_model.model.").replace(
            "base_model.model.model.", "base_model.model."
        ): w
        for key, w in weights.items()
    }
    assert any(key.startswith("base_model.model.language_model.model.layers.0.") for key in old)
    assert any(key.startswith("base_model.model.multi_modal_projector.") for key in old)
    save_file(old, folder / "adapter_model.safetensors")
    # patterns have the names of training, too
    edit(folder, base_model_name_or_path="../base", alpha_pattern={"language_model.model.layers.0.mlp.down_proj": 7})
    torch.testing.assert_close(read(held(folder)), read(held(saved[1])), rtol=1e-5, atol=1e-5)


def _config(adapter: Path, base: str) -> dict[str, Any]:
    """The config of an adapter, as that of another base."""
    return json.loads((adapter / "adapter_config.json").read_text()) | {"base_model_name_or_path": base}


@needs_peft
def test_a_relative_base_starts_where_the_person_is(
    saved: tuple[Path, Path], clip_folder: Path, tmp_path: Path
) -> None:
    """Not where the session is that reads it."""
    shutil.copytree(clip_folder, tmp_path / "person" / "models" / "base")
    shutil.copytree(saved[0], tmp_path / "person" / "adapters" / "lora")
    edit(tmp_path / "person" / "adapters" / "lora", base_model_name_or_path="models/base")
    asked = m.Load("adapters/lora", base=str(tmp_path / "person"))
    _, checkpoint, _ = find_checkpoint(asked, lambda *_: None)
    assert checkpoint.folder == tmp_path / "person" / "models" / "base"
    assert checkpoint.adapter == tmp_path / "person" / "adapters" / "lora"


@needs_peft
def test_an_adapter_in_the_hubs_cache_without_a_branch(
    saved: tuple[Path, Path], clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cached by its commit alone: offline, it is used all the same."""
    place = tmp_path / "hub" / "models--org--lora" / "snapshots" / COMMIT
    shutil.copytree(saved[0], place)
    edit(place, base_model_name_or_path=str(clip_folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("VLMTUI_CACHE", str(tmp_path / "own"))
    told = []
    asked = m.Load("org/lora")
    _, checkpoint, _ = find_checkpoint(asked, lambda *note: told.append(note[0]))
    assert checkpoint.adapter == place
    assert f"using the commit {COMMIT[:12]} of org/lora, which is on this disk" in told


def edit(folder: Path, **changes: Any) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@needs_peft
@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("org/none", "is an adapter (LoRA) of org/none: org/none is not on this disk"),
        ("/no/such/folder", "is an adapter (LoRA) of /no/such/folder: there is no model folder /no/such/folder"),
        (None, "names no base_model_name_or_path"),
        (".", "it is an adapter itself"),
    ],
)
def test_a_base_that_cannot_be_had(base: str | None, said: str, saved: tuple[Path, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved[0], tmp_path / "adapter"))
    edit(folder, base_model_name_or_path=base)
    with pytest.raises(ModelError) as caught:
        held(folder)
    assert said in str(caught.value)


@needs_peft
def test_the_config_of_the_base_beside_an_adapter(saved: tuple[Path, Path], clip_folder: Path, tmp_path: Path) -> None:
    """As trainers put it there; in a folder with all weights the adapter has been merged."""
    folder = Path(shutil.copytree(saved[0], tmp_path / "runs" / "checkpoint-10"))
    shutil.copy(clip_folder / "config.json", folder)
    torch.testing.assert_close(read(held(folder)), read(held(saved[1])), rtol=1e-5, atol=1e-5)
    with pytest.raises(ModelError, match="give the folder of a model in it, tiny/checkpoint-10"):
        held(tmp_path / "runs")
    (folder / "adapter_model.safetensors").rename(tmp_path / "kept")
    (folder / "adapter_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"without adapter_model\.safetensors: save it as safetensors"):
        held(folder)
    shutil.copytree(clip_folder, folder, dirs_exist_ok=True)
    assert torch.equal(read(held(folder)), read(held(clip_folder)))


@needs_peft
def test_an_adapter_of_another_model(saved: tuple[Path, Path], siglip_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved[0], tmp_path / "adapter"))
    weights = load_file(folder / "adapter_model.safetensors")
    save_file({k.replace("proj", "other"): w for k, w in weights.items() if "q_proj" in k}, folder / "w.safetensors")
    (folder / "w.safetensors").rename(folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match=r"which .* does not have: name its own base"):
        held(folder, decoder_layers=None)


@needs_peft
def test_an_adapter_of_the_language_model_alone(saved: tuple[Path, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved[0], tmp_path / "adapter"))
    weights = load_file(folder / "adapter_model.safetensors")
    inside = "model.language_model."
    own = {key.replace(inside, "model."): one for key, one in weights.items() if inside in key}
    save_file(own, folder / "adapter_model.safetensors")
    with pytest.raises(
        ModelError, match=r"was trained on the language model of .* alone \(it changes base_model\..* is"
    ):
        held(folder)


@needs_peft
@pytest.mark.parametrize("decoder_layers", [0, None])
def test_what_has_no_place_is_refused(
    decoder_layers: int | None, saved: tuple[Path, Path], siglip_folder: Path, tmp_path: Path
) -> None:
    weights = load_file(saved[0] / "adapter_model.safetensors")
    delta = "base_model.model.model.language_model.embed_tokens.token_adapter.trainable_tokens_delta"
    for at, changed in enumerate(
        (
            weights | {delta: torch.zeros(2, 4)},
            {f"base_model.model.layers.0.attn.{i}.lora_A.weight": one for i, one in enumerate(weights.values())},
            {},
        )
    ):
        folder = Path(shutil.copytree(saved[0], tmp_path / str(at)))
        save_file(changed, folder / "adapter_model.safetensors")
        with pytest.raises(ModelError, match=r"the adapter tiny changes .*, which .* does not have"):
            held(folder, decoder_layers=decoder_layers)


@needs_peft
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"peft_type": "XLORA", "adapters": {"0": "org/other"}}, "Invalid enum value 'XLORA'"),
        ({"megatron_config": {"x": 1}, "megatron_core": "this"}, "with megatron_config, which vlmtui cannot merge"),
        ({"trainable_token_indices": [1]}, "with trainable_token_indices, which vlmtui cannot merge"),
        ({"init_lora_weights": "pissa_niter_4"}, "that began with pissa_niter_4, which changes its base"),
        ({"alpha_pattern": {"(a+)+b": 2}}, "with a pattern that is no module's name"),
        ({"r": "much"}, "Expected `int`, got `str`"),
    ],
)
def test_no_config_makes_peft_do_more_than_merge(
    changes: dict[str, Any], said: str, saved: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(saved[0], tmp_path / "adapter"))
    edit(folder, **changes)
    with pytest.raises(ModelError, match="merge it with peft's merge_and_unload") as caught:
        held(folder)
    assert said in str(caught.value)


def trained(model: Any, folder: Path, **options: Any) -> Any:
    """Save an adapter of the model with values that are not zero; the model that peft merges it into."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    wrapped = get_peft_model(model, LoraConfig(r=3, **options))
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape))
    wrapped.save_pretrained(folder)
    return wrapped.merge_and_unload()


@needs_peft
def test_tied_matrices_that_were_trained_apart(tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText

    base = build("idefics3", tmp_path / "base")
    edit_model(base, tie_word_embeddings=True)
    plain = AutoModelForImageTextToText.from_pretrained(base)
    merged = trained(
        plain, tmp_path / "adapter", target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"]
    )
    mine = held(tmp_path / "adapter", decoder_layers=None)
    for get in ("get_input_embeddings", "get_output_embeddings"):
        torch.testing.assert_close(getattr(mine.network, get)().weight, getattr(merged, get)().weight)
    assert not torch.equal(mine.network.get_input_embeddings().weight, mine.network.get_output_embeddings().weight)


@needs_peft
@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_an_adapter_of_both_towers(name: str, tmp_path: Path) -> None:
    from transformers import AutoModel

    base = build(name, tmp_path / "base")
    merged = trained(AutoModel.from_pretrained(base), tmp_path / "adapter", target_modules=["q_proj"])
    theirs = {key: value for key, value in merged.state_dict().items() if "q_proj.weight" in key}
    for layers in (0, None):
        mine = held(tmp_path / "adapter", decoder_layers=layers).network.state_dict()
        same = [
            key
            for key in theirs
            if any(
                torch.allclose(theirs[key], one, atol=1e-6) for k, one in mine.items() if k.endswith("q_proj.weight")
            )
        ]
        expected = [key for key in theirs if layers is None or "vision" in key]
        assert len(expected) > 1
        assert same == expected


def edit_model(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_without_peft_base_and_extra_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlmtui.models.loading.adapters.importlib.util.find_spec", lambda name: None)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/base"}))
    with pytest.raises(ModelError) as caught:
        held(tmp_path)
    assert str(caught.value) == (
        "tiny is an adapter (LoRA) of org/base: to read org/base with it, pip install 'vlmtui[peft]'; without it "
        "choose org/base"
    )
