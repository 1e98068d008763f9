"""What a config.json has beside the model, or lacks: how it was run, paddings, the image's token, how it generates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.families import build
from tests.models.loading.test_published import IMAGE, tokens
from tests.models.test_vlm import held
from vlmtui.errors import ModelError

Config = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path, siglip_folder: Path) -> Path:
    """A copy of a good checkpoint, to be edited."""
    return Path(shutil.copytree(siglip_folder, tmp_path / "model"))


def change(folder: Path, made: Callable[[Config], object]) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    made(config)
    file.write_text(json.dumps(config))


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation", "_experts_implementation"])
def test_the_kernels_it_was_run_with_are_of_no_matter(key: str, folder: Path, siglip_folder: Path) -> None:
    def with_kernels(config: Config) -> None:
        for part in (config, config["text_config"], config["vision_config"]):
            part |= {key: "flash_attention_2", "_attn_implementation_autoset": True}

    change(folder, with_kernels)
    assert torch.equal(tokens(folder), tokens(siglip_folder))


@pytest.mark.parametrize("padding", [10**6, -(10**6)])
def test_a_padding_token_without_a_row(padding: int, folder: Path, siglip_folder: Path) -> None:
    change(folder, lambda config: config["text_config"].update(pad_token_id=padding))
    mine, plain = (held(one, decoder_layers=None) for one in (folder, siglip_folder))
    inputs = mine.prepare(IMAGE, None)
    assert torch.equal(mine.embeddings, plain.embeddings)
    assert mine.generator.generate(inputs) == plain.generator.generate(inputs)


@pytest.mark.parametrize("family", ["llava", "vit", "clip"])
def test_blocks_of_the_tower_beyond_the_config_are_said_to_be_left_out(
    family: str, folder: Path, tmp_path: Path
) -> None:
    """As transformers leaves them out, which only its log says."""
    if family != "llava":
        folder = build(family, tmp_path / family)
    assert held(folder).info.note == ""

    def shorter(config: Config) -> None:
        config.get("vision_config", config)["num_hidden_layers"] -= 1

    change(folder, shorter)
    assert held(folder).info.note == "its config.json leaves out 1 block of the vision tower that its weights have"


def test_an_image_token_that_no_key_names(folder: Path) -> None:
    """Transformers' own default may be right, or no word-piece of this tokenizer, or have no row."""
    change(folder, lambda config: config.pop("image_token_index"))
    model = held(folder)
    with pytest.raises(ModelError, match=r"^the config\.json of tiny names no image token, for which transformers"):
        model.encode(model.prepare(IMAGE, None))
    with pytest.raises(ModelError, match=r"and its tokenizer has \d+ \(<image>\): set image_token_index to \d+ there"):
        model.prompted(model.prepare(IMAGE, None), 9, None)
