"""Every image-text-to-text type of the installed transformers: put together as vlmtui reads it, or refused.

The config is the type's own default, and nothing is loaded: what a hub model meets before its weights are fetched.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from transformers import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from vlmtui.errors import ModelError
from vlmtui.models.families.registry import FAMILIES
from vlmtui.models.loading.checkpoint import Checkpoint
from vlmtui.models.loading.loader import empty_model

# those of the registry are built and read in test_families.py
OTHERS = [name for name in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES if name not in FAMILIES]
# what no installed package changes
REFUSED = {
    "blip": "whose images reach its language model in a way vlmtui does not support",
    "fuyu": "which has no vision tower of its own that vlmtui recognises",
    "git": "which has no vision tower of its own that vlmtui recognises",
    # before transformers 5.24 it has no method that gives its image features either
    "kosmos-2": "whose config.json names no image token|whose images reach its language model in a way",
    "pix2struct": "which has no vision tower of its own that vlmtui recognises",
}


def refusal(name: str, folder: Path) -> str:
    """The sentence that refuses a type before its weights are fetched, or ""."""
    settings = json.loads(CONFIG_MAPPING[name]().to_json_string(use_diff=False))
    settings.pop("dtype", None)
    (folder / "config.json").write_text(json.dumps(settings))
    try:
        empty_model(Checkpoint("it", folder, None, settings))
    except ModelError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", OTHERS)
def test_it_is_put_together_or_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    found = refusal(name, tmp_path)
    assert "\n" not in found
    assert re.search(REFUSED.get(name, ""), found)
    if "timm" in found:
        assert found.endswith("needs the package timm: install it with pip install timm, or choose another model")
