"""Checks of `verify` that each family has, and those of them that cannot be carried out."""

from __future__ import annotations

from tests.families import FAMILIES
from vlmtui.verify.check_table import (
    CLASS_LOGITS,
    LOGITS,
    MATCHING,
    NORMS,
    OWN_VECTORS,
    PATCH_BOXES,
    POSITIONS,
    TEXT_TOWER,
    TOKEN_BOXES,
    TOKENS,
    WEIGHTS,
    WORDS,
)

TEXTS = (WEIGHTS, TEXT_TOWER, MATCHING)
# with three position ids for each image token
TURNED = {
    *("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"),
    *("glm4v", "glm46v", "glm4v_moe", "glm_ocr", "ernie4_5_vl_moe", "paddleocr_vl"),
    *("cohere_compass", "cosmos3_edge", "cosmos3_omni", "glmga", "hunyuan_vl", "hy_v4_vl", "qwen4_exp"),
    *("qwen2_5_omni_thinker", "qwen3_omni_moe_thinker"),
}
OF_TOWERS = {"clip": TEXTS, "siglip": TEXTS, "siglip2": TEXTS, "vit": (CLASS_LOGITS,)}


def applicable(name: str) -> set[str]:
    """The checks of what the family has."""
    family = FAMILIES[name]
    if family.tower_only:
        return {PATCH_BOXES, NORMS, *OF_TOWERS.get(name, ())}
    words = {TOKENS, TOKEN_BOXES, OWN_VECTORS, WORDS} if family.has_tokens else set()
    if name in TURNED:
        words.add(POSITIONS)
    return {PATCH_BOXES, NORMS, WEIGHTS, *words} | (set() if family.encoder_decoder else {LOGITS})


def unchecked(name: str) -> set[str]:
    """What cannot be checked of a family."""
    if FAMILIES[name].streams > 1:
        return {LOGITS}
    if name == "florence2":  # convolutions in its tower
        return {TOKEN_BOXES, PATCH_BOXES}
    if FAMILIES[name].tokens == "query":
        return {TOKEN_BOXES}
    # its tower returns no hidden states, or is no more than a linear layer
    return {NORMS} if name in ("mllama", "fuyu") else set()
