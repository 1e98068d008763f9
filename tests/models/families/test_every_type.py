"""Every image-text-to-text type of the installed transformers: put together as vlmtui reads it, or refused.

The config is the type's own default, and nothing is loaded: what a hub model meets before its weights are fetched.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from transformers import CONFIG_MAPPING
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from vlmtui.errors import ModelError
from vlmtui.models.families.registry import FAMILIES
from vlmtui.models.families.unread import UNREAD
from vlmtui.models.loading.checkpoint import Checkpoint
from vlmtui.models.loading.loader import empty_model
from vlmtui.models.loading.processor import check_image_processor

TYPES = list(MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)
# those of the registry are built and read in test_families.py
OTHERS = [name for name in TYPES if name not in FAMILIES]
FOR_TORCHVISION = {
    name: processors["torchvision"]
    for name in TYPES
    if isinstance(processors := IMAGE_PROCESSOR_MAPPING_NAMES.get(name), dict) and "pil" not in processors
}
# towers of another library
FOR_TIMM = {"fast_vlm", "gemma3n", "perception_lm"}


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
    if name in UNREAD:
        assert found == f"it is a {name} model, {UNREAD[name]}: choose another model"
    if name in FOR_TIMM and importlib.util.find_spec("timm") is None:
        assert found.endswith("needs the package timm: install it with pip install timm, or choose another model")


def test_no_type_is_both_read_and_refused() -> None:
    assert not FAMILIES.keys() & UNREAD.keys()


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed")
@pytest.mark.parametrize("name", FOR_TORCHVISION)
def test_an_image_processor_for_torchvision_alone_is_said_so(name: str, tmp_path: Path) -> None:
    file = {"image_processor_type": FOR_TORCHVISION[name]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(file))
    with pytest.raises(ModelError, match=r"only for torchvision: install it with pip install 'vlmtui\[torchvision\]'"):
        check_image_processor(tmp_path, CONFIG_MAPPING[name](), "it")
