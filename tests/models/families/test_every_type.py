"""Every image-text-to-text type of the installed transformers: put together as vlmtui reads it, or refused.

The config is the type's own default, and nothing is loaded: what a hub model meets before its weights are fetched.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
import transformers
from transformers import CONFIG_MAPPING
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from vlmtui.errors import ModelError
from vlmtui.models.families.registry import FAMILIES
from vlmtui.models.families.unread import UNREAD
from vlmtui.models.loading.checkpoint import Checkpoint
from vlmtui.models.loading.loader import empty_model
from vlmtui.models.loading.processor import check_image_processor

ROOT = Path(__file__).parents[3]
PINNED = re.search(r"^transformers==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]
TYPES = list(MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)
# those of the registry are built and read in test_families.py
OTHERS = [name for name in TYPES if name not in FAMILIES]
FOR_TORCHVISION = {
    name: processors["torchvision"]
    for name in TYPES
    if isinstance(processors := IMAGE_PROCESSOR_MAPPING_NAMES.get(name), dict) and "pil" not in processors
}
# towers of another library
FOR_TIMM = {"fast_vlm", "gemma3n"}
# whose image processor needs torchvision: refused without it; with it read by the generic code, places proved
BY_TORCHVISION = {
    *("inkling2", "inkling2_loop", "inkling_mm_model", "kimi_k25", "minimax_m3_vl", "muse_glimmer", "muse_spark"),
    *("nemotron_h_omni", "step3p7", "unlimited_ocr"),
}
# read by the generic code: CONTRIBUTING adds it as an example
GENERIC = {"lighton_ocr"}
# whose default config leaves out what its class needs
NO_IMAGE_TOKEN = {"minicpm_ocr"}


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
    elif name in FOR_TIMM:
        has_timm = importlib.util.find_spec("timm") is not None
        sentence = "needs the package timm: install it with pip install timm, or choose another model"
        assert found == "" if has_timm else found.endswith(sentence)
    elif name in NO_IMAGE_TOKEN:
        assert found == f"it is a {name} model, whose config.json names no image token: choose another model"
    elif name == "nemotron_h_omni":  # JSON has no infinity, which its default config holds
        assert "time_step_limit" in found
    else:
        assert name in BY_TORCHVISION | GENERIC
        assert found == ""


def test_the_types_are_those_of_transformers() -> None:
    """What is read, and what is refused, are together all that the pinned transformers has, each in one place."""
    kinds = {name for name in FAMILIES if name in TYPES}, set(UNREAD), FOR_TIMM, BY_TORCHVISION, GENERIC, NO_IMAGE_TOKEN
    if transformers.__version__ != PINNED:
        pytest.skip(f"the types are those of transformers {PINNED}")
    assert sum(map(len, kinds)) == len(set().union(*kinds)) == len(TYPES) == 100
    assert set().union(*kinds) == set(TYPES)
    assert len(kinds[0]) == 63
    # refused before a download, each of them, where there is no torchvision
    assert set(FOR_TORCHVISION) >= BY_TORCHVISION | NO_IMAGE_TOKEN


def test_no_type_is_both_read_and_refused() -> None:
    assert not FAMILIES.keys() & UNREAD.keys()


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed")
@pytest.mark.parametrize("name", FOR_TORCHVISION)
def test_an_image_processor_for_torchvision_alone_is_said_so(name: str, tmp_path: Path) -> None:
    file = {"image_processor_type": FOR_TORCHVISION[name]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(file))
    with pytest.raises(ModelError, match=r"only for torchvision: install it with pip install 'vlmtui\[torchvision\]'"):
        check_image_processor(tmp_path, CONFIG_MAPPING[name](), "it")
