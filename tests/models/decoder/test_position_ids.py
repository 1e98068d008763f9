"""Position ids of image tokens by time, row and column, against what M-RoPE says of a grid in a prompt."""

from __future__ import annotations

import pytest

from tests.families.pictures import picture


@pytest.mark.parametrize("name", ["qwen2_vl", "glm4v", "paddleocr_vl"])
def test_rows_and_columns_are_counted_from_the_end_of_the_prompt_before_the_image(name, held):
    model = held(name)
    inputs = model.prepare(picture(420, 180), None)
    tokens = len(model.encode(inputs).tokens)
    ids = model.prompted(inputs, tokens, None).input_ids[0].tolist()
    before = ids.index(model.family.config.image_token_id)
    _, rows, cols = (int(n) for n in inputs.pixels["image_grid_thw"][0])
    expected = [[before, before + row, before + col] for row in range(rows // 2) for col in range(cols // 2)]
    assert before > 0
    assert model.position_ids(inputs, tokens).tolist() == expected


def test_a_position_with_one_id_has_none(held):
    model = held("llava")
    assert model.position_ids(model.prepare(picture(90, 70), None), 25) is None
