"""Patches before the first block, against transformers' own modules: positions, pixels, the projection."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.families import FAMILIES
from tests.families.pictures import picture
from vlmtui.models.vision.patch_projection import projection_of

# class tokens, tiles, interpolation, padding, gates, positions in buckets, orders of the tower's own
LEARNED = [
    "llava",
    "llava_next",
    "paligemma",
    "idefics2",
    "idefics3",
    "internvl",
    "blip2",
    "qwen3_vl",
    "mllama",
    "siglip2",
    "vit",
    "dinov2",
]
NORMED = {"llava", "llava_next", "mllama"}
ROTARY = ["pixtral", "mistral3", "qwen2_vl", "qwen2_5_vl", "dinov3_vit"]
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def prepared(model, name: str):
    return model.prepare(picture(*FAMILIES[name].shapes["wide"]), None)


def before_the_norm(model, inputs) -> Tensor:
    """What is there before the first block, and before the norm that CLIP and Mllama have there [patches, hidden]."""
    tower = model.family.tower
    named = dict(tower.named_modules())
    norm = next((m for n, m in named.items() if n.endswith(("pre_layrnorm", "layernorm_pre"))), None)
    if norm is None:
        return model.tower_states(inputs, lambda stage, states: stage == 0)[0]
    caught: list[Tensor] = []
    hook = norm.register_forward_pre_hook(lambda module, args: caught.append(args[0]))
    model.encode(inputs)
    hook.remove()
    numbers = torch.arange(caught[0][..., 0].numel()).view(caught[0].shape[:-1])
    tiles = model.family.states(numbers, model.family.shapes(model.family.frames(inputs.pixels)))
    return caught[0].reshape(-1, caught[0].shape[-1])[torch.cat([patches for patches, _ in tiles])]


def embeddings(tower: nn.Module) -> list[nn.Parameter]:
    return [p for name, p in tower.named_parameters() if "pos_embed" in name or "position" in name]


@pytest.mark.parametrize("name", LEARNED)
def test_positions_are_what_is_gone_when_they_are_zero(name, held):
    model = held(name)
    inputs = prepared(model, name)
    found = model.patch_embedding.position_embedding(inputs)
    whole = before_the_norm(model, inputs)
    parameters = embeddings(model.family.tower)
    assert parameters
    values = [parameter.detach().clone() for parameter in parameters]
    try:
        with torch.no_grad():
            for parameter in parameters:
                parameter.zero_()
        expected = whole - before_the_norm(model, inputs)
        none = model.patch_embedding.position_embedding(inputs)
    finally:
        with torch.no_grad():
            for parameter, value in zip(parameters, values, strict=True):
                parameter.copy_(value)
    assert found.rows.shape == whole.shape
    torch.testing.assert_close(found.rows, expected, rtol=1e-4, atol=1e-5)
    assert found.normed == (name in NORMED)
    assert none.rows is None
    assert "position embedding" in none.why
    # the model is as it was
    assert torch.equal(model.patch_embedding.position_embedding(inputs).rows, found.rows)
    assert torch.equal(before_the_norm(model, inputs), whole)


@pytest.mark.parametrize("name", ROTARY)
def test_rotary_positions_are_said_to_be_none(name, held):
    model = held(name)
    found = model.patch_embedding.position_embedding(prepared(model, name))
    assert found.rows is None
    assert "positions are rotated within its attention" in found.why


PROJECTED = ["llava", "paligemma", "idefics3", "qwen2_vl", "qwen2_5_vl", "siglip2", "pixtral", "mllama"]


@pytest.mark.parametrize("name", PROJECTED)
def test_a_patch_is_what_the_towers_own_projection_was_given(name, held):
    """Of every patch of the first and the last tile, with positions taken away, what enters the blocks."""
    model = held(name)
    inputs = prepared(model, name)
    positions = model.patch_embedding.position_embedding(inputs).rows
    entered = before_the_norm(model, inputs)
    entered = entered if positions is None else entered - positions
    if name == "pixtral":  # its norm has another name, and what was before that is what the projection put out
        entered = put_out(model, inputs)
    shapes = model.family.shapes(model.family.frames(inputs.pixels))
    first = 0
    for tile, (rows, cols) in enumerate(shapes):
        for patch in {0, 1, cols, rows * cols - 1} if tile in (0, len(shapes) - 1) else ():
            cut = model.patch_embedding.embed_patch(inputs, tile, patch // cols, patch % cols)
            torch.testing.assert_close(cut.projected, entered[first + patch], rtol=1e-4, atol=1e-4)
            assert cut.values.shape == cut.levels.shape == (3, *model.family.patch_size)
            assert cut.frames == (2 if name.startswith("qwen") else 1)
            assert cut.flat.numel() == cut.frames * cut.values.numel()
            # the same numbers, in whatever order
            counted = cut.values.flatten().repeat(cut.frames).sort().values
            assert torch.equal(cut.flat.sort().values, counted)
        first += rows * cols
    assert first == len(entered)


def put_out(model, inputs) -> Tensor:
    caught: list[Tensor] = []
    hook = projection_of(model.family).register_forward_hook(lambda module, args, output: caught.append(output))
    model.encode(inputs)
    hook.remove()
    return caught[0].flatten(2)[0].T


def test_levels_are_those_of_the_resized_picture(held):
    """SigLIP's processor resizes, rescales and normalises: undone, what is left is what Pillow resizes to."""
    model = held("siglip")
    shown = picture(420, 180)
    inputs = model.prepare(shown, None)
    side = inputs.pixels["pixel_values"].shape[-1]
    resized = np.asarray(Image.fromarray(shown.rgb).resize((side, side), Image.Resampling.BICUBIC))
    tall, wide = model.family.patch_size
    cut = model.patch_embedding.embed_patch(inputs, 0, 2, 3)
    expected = resized[2 * tall : 3 * tall, 3 * wide : 4 * wide].transpose(2, 0, 1)
    np.testing.assert_allclose(cut.levels, expected, atol=0.51)
    assert cut.projected is not None


def test_nothing_is_left_behind(held):
    model = held("llava")
    inputs = prepared(model, "llava")
    before = model.encode(inputs).tokens
    model.patch_embedding.position_embedding(inputs)
    model.patch_embedding.embed_patch(inputs, 0, 1, 1)
    assert torch.equal(model.encode(inputs).tokens, before)


@pytest.mark.parametrize("name", [*PROJECTED, "blip2", "llava_next"])
def test_norms_of_pixels_are_those_of_every_patch_cut_out(name, held):
    model = held(name)
    inputs = prepared(model, name)
    layout = model.layout(picture(*FAMILIES[name].shapes["wide"]), inputs, model.encode(inputs))
    cuts = [model.patch_embedding.embed_patch(inputs, at.grid, at.row, at.col).values for at in layout.patch_places]
    torch.testing.assert_close(model.patch_embedding.norms(inputs), torch.stack([cut.norm() for cut in cuts]))
