"""Other pixels in the place of a picture's own, in every form that processors hand them over."""

from __future__ import annotations

import pytest
import torch

from tests.families.pictures import picture
from vlmtui.models.vision.pixel_values import edit_pixels

# whole pictures, tiles, patches by block and by row, tiles that are not looked at, sizes that differ
NAMES = ["llava", "llava_next", "qwen2_5_vl", "qwen3_vl", "siglip2", "mllama", "idefics3", "pixtral"]
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("name", NAMES)
def test_the_tower_sees_what_was_put_in_their_place(name, held):
    model = held(name)
    inputs = model.prepare(picture(420, 180), None)
    before = model.family.frames(inputs.pixels)
    assert before
    same = edit_pixels(model.family, inputs, lambda frames: frames)
    assert torch.equal(same.pixels["pixel_values"], inputs.pixels["pixel_values"])
    other = edit_pixels(model.family, inputs, lambda frames: [frame.flip(-1) for frame in frames])
    for frame, was in zip(model.family.frames(other.pixels), before, strict=True):
        assert torch.equal(frame, was.flip(-1))
    # nothing of the picture is left elsewhere, such as in a second frame of a film
    blank = edit_pixels(model.family, inputs, lambda frames: [torch.full_like(frame, 9.0) for frame in frames])
    left = blank.pixels["pixel_values"] != 9.0
    assert torch.equal(blank.pixels["pixel_values"][left], inputs.pixels["pixel_values"][left])
    assert not left.any() or name in ("mllama", "siglip2", "pixtral")
    assert blank.input_ids is inputs.input_ids


def test_a_form_that_is_not_known(held):
    model = held("llava")
    inputs = model.prepare(picture(420, 180), None)
    inputs.pixels["pixel_values"] = inputs.pixels["pixel_values"].flatten(1)
    assert edit_pixels(model.family, inputs, lambda frames: frames) is None
