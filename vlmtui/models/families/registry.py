"""The registry of model families: transformers' `model_type`, and where the family's class is. No torch."""

from __future__ import annotations

from importlib import import_module

from vlmtui.models.families.base import Family
from vlmtui.models.families.encoder import Encoder
from vlmtui.results import classification, image_text

FAMILIES: dict[str, str] = {
    "llava": "llava.Llava",
    "vipllava": "llava.VipLlava",
    "mistral3": "mistral3.Mistral3",
    "mistral_large4": "mistral3.MistralLarge4",
    "llava_next": "llava_next.LlavaNext",
    "llava_next_video": "llava_next.LlavaNextVideo",
    "llava_onevision": "llava_next.LlavaOnevision",
    "paligemma": "paligemma.PaliGemma",
    "video_llava": "llava.VideoLlava",
    "gemma3": "gemma3.Gemma3",
    "gemma4": "gemma4.Gemma4",
    "deepseek_vl": "deepseek_vl.DeepseekVL",
    "deepseek_vl_hybrid": "deepseek_vl.DeepseekVLHybrid",
    "janus": "deepseek_vl.Janus",
    "ovis2": "ovis2.Ovis2",
    "got_ocr2": "got_ocr2.GotOcr2",
    "pp_chart2table": "got_ocr2.PPChart2Table",
    "fuyu": "fuyu.Fuyu",
    "kosmos-2": "kosmos2.Kosmos2",
    "idefics2": "idefics2.Idefics2",
    "idefics3": "idefics3.Idefics3",
    "smolvlm": "idefics3.SmolVLM",
    "blip-2": "blip2.Blip2",
    "aria": "aria.Aria",
    "florence2": "florence2.Florence2",
    "granite_docling": "granite_docling.GraniteDocling",
    "instructblip": "blip2.InstructBlip",
    "qwen2_vl": "qwen_vl.Qwen2VL",
    "qwen2_5_vl": "qwen_vl.Qwen2_5VL",
    "qwen3_vl": "qwen_vl.Qwen3VL",
    "qwen3_vl_moe": "qwen_vl.Qwen3VLMoe",
    "qwen3_5": "qwen_vl.Qwen3_5",
    "qwen3_5_moe": "qwen_vl.Qwen3_5Moe",
    "glm4v": "qwen_vl.Glm4V",
    "glm46v": "qwen_vl.Glm46V",
    "glm4v_moe": "qwen_vl.Glm4VMoe",
    "glm_ocr": "qwen_vl.GlmOcr",
    "ernie4_5_vl_moe": "qwen_vl.Ernie45VLMoe",
    "exaone4_5": "qwen_vl.Exaone45",
    "hyperclovax_vision_v2": "qwen_vl.HyperClovaX",
    "paddleocr_vl": "qwen_vl.PaddleOcrVL",
    "cohere_compass": "qwen_like.CohereCompass",
    "cosmos3_edge": "qwen_like.Cosmos3Edge",
    "cosmos3_omni": "qwen_like.Cosmos3Omni",
    "dots3_note": "qwen_like.Dots3Note",
    "glm5_next": "qwen_like.Glm5Next",
    "glmga": "qwen_like.Glmga",
    "hunyuan_vl": "qwen_like.HunYuanVL",
    "hy_v4_vl": "qwen_like.HYV4VL",
    "lfm3_vl": "qwen_like.Lfm3VL",
    "qwen4_exp": "qwen_like.Qwen4Exp",
    "video_llama_3": "qwen_like.VideoLlama3",
    "qwen2_5_omni_thinker": "qwen_like.Qwen25Omni",
    "qwen3_omni_moe_thinker": "qwen_like.Qwen3OmniMoe",
    "qianfan_ocr": "internvl.QianfanOcr",
    "internvl": "internvl.InternVL",
    "aya_vision": "aya_vision.AyaVision",
    "cohere2_vision": "cohere2_vision.Cohere2Vision",
    "llama4": "llama4.Llama4",
    "lfm2_vl": "lfm2_vl.Lfm2VL",
    "perception_lm": "perception_lm.PerceptionLM",
    "molmo2": "molmo2.Molmo2",
    "mllama": "mllama.Mllama",
    "clip": "clip.Clip",
    "siglip": "siglip.Siglip",
    "siglip2": "siglip.Siglip2",
    "vit": "vit.Vit",
    "dinov2": "dino.Dinov2",
    "dinov2_with_registers": "dino.Dinov2WithRegisters",
    "dinov3_vit": "dino.Dinov3",
}
"""A family is added by its file and a line here."""
_TOWER_ALONE = "_vision_model"
_PART_SUFFIXES = ("_vision_model", "_text_model", "_vision", "_text")


class UnknownFamily(Family):
    """A family without a line in the registry: read by the generic code, its layout proved for every image."""

    known = False
    stackable = False


def family_class(model_type: str) -> type[Family]:
    """The class of a family, also of its vision tower alone; `UnknownFamily` for one without a line in the registry."""
    found_in = FAMILIES.get(model_type) or FAMILIES.get(model_type.removesuffix(_TOWER_ALONE))
    if found_in is None:
        return UnknownFamily
    module, name = found_in.split(".")
    found: type[Family] = getattr(import_module(f"{__package__}.{module}"), name)
    return found


def is_encoder(model_type: str) -> bool:
    """Whether it is a vision tower without a language model."""
    return issubclass(family_class(model_type), Encoder)


def part_title(model_type: str) -> str:
    """The display name of a tower or a language model by its own `model_type`, such as "CLIP" or "Llama"."""
    part = _without_suffix(model_type)
    titles = (family_class(one).part_titles.get(part) for one in FAMILIES)
    return next(filter(None, titles), part[:1].upper() + part[1:])


def has_class_token(model_type: str) -> bool:
    """Whether a vision tower of this `model_type` is known to put a class token before its patches."""
    return family_class(_without_suffix(model_type)).class_token


def check_text_tower(name: str, model_type: str | None) -> None:
    """Raise `UsageError` for a model whose family, where it is known, never has a text tower."""
    if model_type is not None and (why := family_class(model_type).no_text_tower):
        raise image_text.refusal(name, why)


def check_classifier(name: str, model_type: str | None) -> None:
    """Raise `UsageError` for a model whose family, where it is known, never has a classification head."""
    if model_type is not None and family_class(model_type).classifier_reads is None:
        raise classification.refusal(name)


def _without_suffix(model_type: str) -> str:
    for suffix in _PART_SUFFIXES:
        model_type = model_type.removesuffix(suffix)
    return model_type
