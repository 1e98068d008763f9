"""What transformers rejects in a config is named by its key and value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from transformers import CLIPVisionConfig, LlavaConfig

from vlmtui.errors import ModelError
from vlmtui.models.loading.checkpoint import Checkpoint
from vlmtui.models.loading.skeleton import skeleton


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("text_config", "vocab_size", "x", 'text_config.vocab_size is "x", where a whole number is expected'),
        ("text_config", "hidden_act", 5, "text_config.hidden_act is 5, where a text is expected"),
        ("vision_config", "hidden_act", "gelo", 'vision_config.hidden_act is "gelo", which the installed transformers'),
        ("vision_config", "image_size", "x", 'vision_config.image_size is "x", where a whole number is expected'),
        ("vision_config", "model_type", "clop", "vision_config.model_type is clop, which the installed transformers"),
        ("text_config", "model_type", None, "its text_config has no model_type"),
        (
            "text_config",
            "num_attention_heads",
            7,
            r"hidden size \(48\) is not a multiple of the number of attention heads",
        ),
        ("", "tie_word_embeddings", 1.5, "tie_word_embeddings is 1.5, where true or false is expected"),
        ("", "vision_config", [], r"vision_config is \[\], where another type is expected"),
    ],
)
def test_it_is_named(section: str, key: str, value: Any, said: str) -> None:
    text = {"model_type": "llama", "hidden_size": 48, "num_attention_heads": 4, "num_hidden_layers": 1}
    config = LlavaConfig(vision_config=CLIPVisionConfig(num_hidden_layers=1), text_config=text).to_dict()
    (config[section] if section else config)[key] = value
    with pytest.raises(ModelError) as caught:
        skeleton(Checkpoint("it", Path(), None, config), 0)
    found = str(caught.value)
    assert "the config.json of it does not describe a llava model (" in found
    assert re.search(said, found), found
