"""Families that nobody has looked at: their places are proved, or they have none."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tests.families import build
from tests.models.test_vlm import held, picture
from tests.tiny_checkpoints import build_llava, randomise
from vlmtui.errors import ModelError
from vlmtui.models.families import registry
from vlmtui.models.families.base import TokenSources
from vlmtui.session.engine import Engine
from vlmtui.session.protocol import Load, Read
from vlmtui.session.request_control import RequestControl

SIZE = (400, 120)
# transformers' PaliGemma processor, under NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unknown")
    return lambda name: build(name, folder / name) if not (folder / name).exists() else folder / name


def looked_at(folder: Path):
    model = held(folder)
    image = picture(*SIZE)
    inputs = model.prepare(image, None)
    encoded = model.encode(inputs)
    return model.layout(image, inputs, encoded), encoded


@pytest.mark.parametrize("name", ["paligemma", "gemma3", "internvl", "idefics3", "aya_vision"])
def test_a_layout_of_blocks_is_proved_and_is_the_familys_own(name, built, monkeypatch):
    known, _ = looked_at(built(name))
    monkeypatch.setattr(registry, "FAMILIES", {})
    proved, _ = looked_at(built(name))
    assert proved == known
    assert proved.places[0].box is not None


@pytest.mark.parametrize("name", ["llava_next", "llava_onevision", "qwen2_vl", "idefics2", "blip2"])
def test_what_is_not_proved_has_no_places(name, built, monkeypatch):
    known, tokens = looked_at(built(name))
    monkeypatch.setattr(registry, "FAMILIES", {"blip-2": registry.FAMILIES["blip-2"]})
    layout, encoded = looked_at(built(name))
    assert {place.kind for place in layout.places} == {"query"}
    assert all(place.box is None for place in layout.places)
    assert layout.placeless
    # its tokens are what they are all the same, and so are the norms where the patches are a plain raster
    assert torch.equal(encoded.tokens, tokens.tokens)
    assert layout.patch_places in ((), known.patch_places)


def transposed(sources: TokenSources) -> np.ndarray:
    side = int(len(sources.patches) ** 0.5)
    return sources.patches.reshape(side, side, -1).transpose(1, 0, 2).reshape(len(sources.patches), -1)


WRONG = {
    "transposed": transposed,
    "a row further": lambda sources: np.roll(sources.patches, 5, axis=0),
    "two exchanged": lambda sources: sources.patches[[1, 0, *range(2, len(sources.patches))]],
    "one patch too many": lambda sources: np.concatenate([sources.patches, np.roll(sources.patches, 1)], axis=1),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_layout_does_not_pass_the_proof(wrong, built, monkeypatch):
    class Wrong(registry.UnknownFamily):
        def sources(self, shapes, pixels, tokens):
            return TokenSources(wrong(super().sources(shapes, pixels, tokens)))

    monkeypatch.setattr(registry, "FAMILIES", {})
    monkeypatch.setattr(registry, "UnknownFamily", Wrong)
    layout, _ = looked_at(built("paligemma"))
    assert layout.placeless == "the order of the family paligemma's tokens could not be verified"
    assert all(place.box is None for place in layout.places)
    assert layout.patch_places


def test_states_in_another_order_are_no_patches(built, monkeypatch):
    class Reversed(registry.UnknownFamily):
        def states(self, values, shapes):
            return [(patches.flip(0), prefix) for patches, prefix in super().states(values, shapes)]

    monkeypatch.setattr(registry, "FAMILIES", {})
    monkeypatch.setattr(registry, "UnknownFamily", Reversed)
    layout, _ = looked_at(built("paligemma"))
    assert layout.placeless == "how the family paligemma divides an image into patches is unknown"
    assert (layout.grids, layout.patch_places) == ((), ())


def test_a_family_of_the_library_that_has_no_entry_here(tmp_path):
    """VipLLaVA: LLaVA with features of several layers, so that no one stage feeds the projector."""
    folder = build_llava(tmp_path / "llava", "clip")
    config = transformers.AutoConfig.from_pretrained(folder)
    vip = transformers.VipLlavaConfig(
        vision_config=config.vision_config,
        text_config=config.text_config,
        image_token_index=config.image_token_id,
        vision_feature_layers=[-2, -3, 1],
    )
    model = transformers.VipLlavaForConditionalGeneration(vip)
    randomise(model, 0)
    model.save_pretrained(folder)
    layout, encoded = looked_at(folder)
    assert len(encoded.tokens) == 25
    assert layout.placeless == ""
    assert [place.patches for place in layout.places] == [(index,) for index in range(25)]
    assert held(folder).info.feeds is None


def test_a_family_without_image_features_is_refused(tmp_path):
    folder = build_llava(tmp_path / "git", "clip")
    config = transformers.GitConfig(
        vision_config={"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4},
        vocab_size=500,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    transformers.GitForCausalLM(config).save_pretrained(folder)
    with pytest.raises(ModelError, match="git model, whose language model reads patches beside the text"):
        held(folder)


def test_a_picture_without_patches_has_no_norms_at_a_vision_stage(built):
    engine = Engine()
    engine.answer(Load(str(built("llava_next")), device="cpu"), RequestControl())
    data = io.BytesIO()
    Image.new("RGB", (1, 1)).save(data, "PNG")
    reading = engine.answer(Read("dot.png", data.getvalue(), "", 10**6), RequestControl()).reading
    assert reading.grids == ()
    assert reading.placeless
    assert reading.norms_at("vision.1").shape == (0,)
