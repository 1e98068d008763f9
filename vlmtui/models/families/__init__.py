"""How each family is put together: the generic answers in `base`, and a file for each matter that some do differently.

A family without an entry here is read by the generic path, and its places are put to the proof (`models.proof`).
"""

from __future__ import annotations

from typing import Any

from vlmtui.models.families.anyres import LlavaNext, LlavaOnevision
from vlmtui.models.families.base import Family
from vlmtui.models.families.crossed import Mllama
from vlmtui.models.families.encoders import Encoder, Siglip2
from vlmtui.models.families.llava import Llava
from vlmtui.models.families.merged import Mistral3
from vlmtui.models.families.packed import Qwen2_5VL, Qwen2VL
from vlmtui.models.families.prefixed import PaliGemma
from vlmtui.models.families.resamplers import Blip2, Idefics2, InstructBlip
from vlmtui.models.families.shuffled import AyaVision, Idefics3, InternVL

FAMILIES: dict[str, type[Family]] = {
    "llava": Llava,
    "mistral3": Mistral3,
    "paligemma": PaliGemma,
    "gemma3": Family,
    "llava_next": LlavaNext,
    "llava_onevision": LlavaOnevision,
    "idefics2": Idefics2,
    "blip-2": Blip2,
    "instructblip": InstructBlip,
    "idefics3": Idefics3,
    "smolvlm": Idefics3,
    "internvl": InternVL,
    "aya_vision": AyaVision,
    "qwen2_vl": Qwen2VL,
    "qwen2_5_vl": Qwen2_5VL,
    "qwen3_vl": Qwen2VL,
    "mllama": Mllama,
}
ENCODERS: dict[str, type[Encoder]] = {
    "clip": Encoder,
    "siglip": Encoder,
    "siglip2": Siglip2,
    "vit": Encoder,
    "dinov2": Encoder,
    "dinov2_with_registers": Encoder,
    "dinov3_vit": Encoder,
}


class Unknown(Family):
    """A family that no test has seen."""

    known = False
    stackable = False


def kind_of(model_type: str) -> type[Family]:
    """The class for a family by transformers' name for it."""
    return ENCODERS.get(model_type) or FAMILIES.get(model_type, Unknown)


def family_of(model: Any, config: Any, name: str) -> Family:
    """The family of a loaded model."""
    return kind_of(config.model_type)(model, config, name)
