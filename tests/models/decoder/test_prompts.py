"""Prompts begin with BOS once, whoever writes it: the chat template, the tokenizer, or nobody."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image
from transformers import AutoProcessor

from tests.models.test_vlm import held, picture
from tests.tiny_checkpoints import CHAT_TEMPLATE, build_llava
from vlmtui.models.decoder.prompts import prompt_ids
from vlmtui.models.loading.chat_templates import PromptText

BOS = 1
ADDS = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS], "tokens": ["<s>"]}},
}


def model(folder, tokenizer_adds: bool, template: str | None):
    build_llava(folder)
    if tokenizer_adds:
        file = folder / "tokenizer.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"post_processor": ADDS}))
    file = folder / "chat_template.jinja"
    file.unlink()
    if template is not None:
        file.write_text(template)
    return held(folder)


@pytest.mark.parametrize(
    ("template", "tokenizer_adds", "count"),
    [
        (CHAT_TEMPLATE, False, 0),
        (CHAT_TEMPLATE, True, 1),
        ("{{ bos_token }}" + CHAT_TEMPLATE, False, 1),
        ("{{ bos_token }}" + CHAT_TEMPLATE, True, 1),
        (None, False, 1),
        (None, True, 1),
    ],
)
def test_bos_stands_once(template, tokenizer_adds, count, tmp_path):
    one = model(tmp_path / "model", tokenizer_adds, template)
    ids = one.prepare(picture(50, 40), "What is it?").input_ids[0].tolist()
    assert ids.count(BOS) == count
    assert BOS not in ids[1:]
    if template is not None:
        # where the family's processor cannot be built, the prompt is the same
        image = one.tokenizer.convert_tokens_to_ids("<image>")
        text = PromptText(one.prepare(picture(50, 40), "What is it?").prompt.text, "tokenizer")
        assert prompt_ids(one.tokenizer, image, [image] * ids.count(image), text, "What is it?")[0].tolist() == ids


@pytest.mark.parametrize("family", ["paligemma", "paligemma2", "blip2", "instructblip"])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_family_whose_processor_takes_a_plain_sentence_is_asked_with_what_that_writes(family, folders):
    folder = folders(family, False)
    made = AutoProcessor.from_pretrained(folder)(
        images=Image.new("RGB", (50, 40)), text="What is it?", return_tensors="pt"
    )
    assert torch.equal(held(folder).prepare(picture(50, 40), "What is it?").input_ids, made["input_ids"])
