"""Checkpoints of random weights in real sizes: a LLaVA with one layer of its LLM."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write(folder: Path, vision: Any, text: dict[str, int], image_processor: Any, class_token: bool, dtype: str) -> None:
    """Write a checkpoint of a tower's config, a Llama's sizes and an image processor.

    With `class_token` the tower has a class token, which the projector is not given.
    """
    import torch
    from transformers import LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    from tests.tiny_checkpoints import IMAGE_TOKEN, tiny_tokenizer

    tokenizer = tiny_tokenizer()
    config = LlavaConfig(
        vision_config=vision,
        text_config=LlamaConfig(num_hidden_layers=1, **text),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        image_seq_length=(vision.image_size // vision.patch_size) ** 2,
        **({} if class_token else {"vision_feature_layer": -1, "vision_feature_select_strategy": "full"}),
    )
    torch.manual_seed(0)
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        LlavaForConditionalGeneration(config).save_pretrained(folder)
    finally:
        torch.set_default_dtype(torch.float32)
    LlavaProcessor(
        image_processor=image_processor,
        tokenizer=tokenizer,
        patch_size=vision.patch_size,
        vision_feature_select_strategy="default" if class_token else "full",
        num_additional_image_tokens=int(class_token),
    ).save_pretrained(folder)
