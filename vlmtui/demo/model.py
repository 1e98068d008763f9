"""The demo's architecture in stock classes: a SigLIP tower, LLaVA's projector, a small Llama."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import torch
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    SiglipVisionConfig,
)
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from vlmtui.demo.tokenizer import BOS, CHAT_TEMPLATE, EOS, IMAGE, PAD, SPECIALS, build_tokenizer, pieces

PIXELS: Final = 224
PATCH: Final = 16
GRID: Final = PIXELS // PATCH


def build_config() -> LlavaConfig:
    at = SPECIALS.index
    vision = SiglipVisionConfig(
        hidden_size=192, intermediate_size=768, num_hidden_layers=5, num_attention_heads=3,
        image_size=PIXELS, patch_size=PATCH, vision_use_head=False,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(pieces()), hidden_size=256, intermediate_size=640, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=1024, tie_word_embeddings=True, rms_norm_eps=1e-5,
        bos_token_id=at(BOS), eos_token_id=at(EOS), pad_token_id=at(PAD), initializer_range=0.03,
    )  # fmt: skip
    return LlavaConfig(
        vision_config=vision, text_config=text, image_token_id=at(IMAGE), image_seq_length=GRID * GRID,
        vision_feature_layer=-1, vision_feature_select_strategy="full", projector_hidden_act="gelu",
        tie_word_embeddings=True,
    )  # fmt: skip


def build_model(seed: int) -> LlavaForConditionalGeneration:
    """Fresh weights, the same for the same seed."""
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration(build_config())
    with torch.no_grad():
        # Word vectors start at about unit length: distances and scales of the patch loss begin near where they end.
        model.get_input_embeddings().weight.normal_(0, 256**-0.5)
    at = SPECIALS.index
    model.generation_config = GenerationConfig(
        bos_token_id=at(BOS), eos_token_id=at(EOS), pad_token_id=at(PAD), max_new_tokens=48, do_sample=False
    )
    return model


def build_processor() -> LlavaProcessor:
    images = SiglipImageProcessorPil(
        size={"height": PIXELS, "width": PIXELS},
        resample=3,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        do_convert_rgb=True,
    )
    return LlavaProcessor(
        image_processor=images, tokenizer=build_tokenizer(), patch_size=PATCH, vision_feature_select_strategy="full",
        num_additional_image_tokens=0, chat_template=CHAT_TEMPLATE, image_token=IMAGE,
    )  # fmt: skip


def save(model: LlavaForConditionalGeneration, folder: Path) -> None:
    """Float16 weights, config, processor: all that stock transformers asks of a folder. The folder appears whole."""
    fresh = folder.with_name(folder.name + ".partial")
    shutil.rmtree(fresh, ignore_errors=True)
    half = LlavaForConditionalGeneration(model.config)
    half.load_state_dict(model.state_dict())
    half.generation_config = model.generation_config
    half.to(torch.float16).save_pretrained(fresh)
    build_processor().save_pretrained(fresh)
    folder.mkdir(parents=True, exist_ok=True)
    for made in fresh.iterdir():
        made.chmod(0o644)
        os.replace(made, folder / made.name)
    fresh.rmdir()
