"""Families that see one square of a fixed size: DeepSeek-VL, Janus, Ovis 2, GOT-OCR 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.families.base import SHAPES, Family, chat_template, id_of, save, save_parts, text, tokenizer, vision
from tests.families.shrunk import build_small, image_processor

_SIDE, _PATCH = 56, 14


def deepseek_vl(folder: Path) -> None:
    """Letterboxed to 56×56 on a colour, 4×4 patches, a SigLIP tower without its pooling head."""
    from transformers import DeepseekVLConfig, DeepseekVLForConditionalGeneration
    from transformers.models.deepseek_vl.image_processing_pil_deepseek_vl import DeepseekVLImageProcessorPil

    tokens = tokenizer(named={"image_token": "<image_placeholder>"}, template=chat_template("<image_placeholder>"))
    config = DeepseekVLConfig(
        vision_config=vision(model_type="siglip_vision_model", image_size=_SIDE, patch_size=_PATCH),
        text_config=text(tokens, model_type="llama"),
        image_token_id=id_of(tokens, "<image_placeholder>"),
    )
    save(DeepseekVLForConditionalGeneration(config), folder)
    images = DeepseekVLImageProcessorPil(size={"height": _SIDE, "width": _SIDE})
    save_parts(folder, images, tokens, "DeepseekVLProcessor", num_image_tokens=(_SIDE // _PATCH) ** 2)


def janus(folder: Path) -> None:
    """Letterboxed as DeepSeek-VL; beside the tower it has a decoder of images, which is not read."""
    from transformers import JanusConfig, JanusForConditionalGeneration
    from transformers.models.janus.image_processing_pil_janus import JanusImageProcessorPil

    named = {"image_token": "<image_placeholder>", "boi_token": "<begin_of_image>", "eoi_token": "<end_of_image>"}
    tokens = tokenizer(named=named, template=chat_template("<image_placeholder>"))
    count = (_SIDE // _PATCH) ** 2
    tower = vision(image_size=_SIDE, patch_size=_PATCH, projection_dim=48, num_image_tokens=count, mlp_ratio=2)
    tower.pop("intermediate_size")
    pixels = {"base_channels": 32, "channel_multiplier": [1], "num_res_blocks": 1, "latent_channels": 32}
    config = JanusConfig(
        vision_config=tower,
        text_config=text(tokens, model_type="llama"),
        vq_config=pixels | {"num_embeddings": 16, "projection_dim": 48, "image_token_embed_dim": 48},
        image_token_id=id_of(tokens, "<image_placeholder>"),
    )
    save(JanusForConditionalGeneration(config), folder)
    images = JanusImageProcessorPil(size={"height": _SIDE, "width": _SIDE})
    save_parts(folder, images, tokens, "JanusProcessor", num_image_tokens=count)


def ovis2(folder: Path) -> None:
    """Squashed to 56×56; each block of 2×2 patches becomes a mixture of the rows of a visual vocabulary."""
    from transformers import Ovis2Config, Ovis2ForConditionalGeneration
    from transformers.models.ovis2.image_processing_pil_ovis2 import Ovis2ImageProcessorPil

    marks = [f"<IMG_{name}>" for name in ("START", "END", "GRID", "COL", "ROW")]
    tokens = tokenizer(["<image>", "<IMG_ATOM>", *marks], template=chat_template("<image>"))
    decoder = text(tokens, model_type="qwen2")
    config = Ovis2Config(
        vision_config=vision(image_size=_SIDE, patch_size=_PATCH, vocab_size=40, hidden_stride=2),
        text_config=decoder,
        image_token_id=id_of(tokens, "<IMG_ATOM>"),
        visual_indicator_token_ids=[id_of(tokens, mark) for mark in marks],
        vocab_size=decoder["vocab_size"],
        hidden_size=decoder["hidden_size"],
    )
    save(Ovis2ForConditionalGeneration(config), folder)
    images = Ovis2ImageProcessorPil(size={"height": _SIDE, "width": _SIDE})
    save_parts(folder, images, tokens, "Ovis2Processor", image_seq_length=4)


def save_got_ocr2(config_class: Any, tokens: Any, folder: Path) -> None:
    """GOT-OCR 2's model of a config class: a SAM at 256×256 with windows alone, and a Qwen2."""
    from transformers import GotOcr2ForConditionalGeneration

    tower = vision(image_size=256, patch_size=4, output_channels=16, mlp_dim=32, window_size=8, num_hidden_layers=3)
    tower.pop("intermediate_size")
    config = config_class(
        vision_config=tower | {"hidden_size": 16, "num_attention_heads": 2, "global_attn_indexes": []},
        text_config=text(tokens, model_type="qwen2"),
        image_token_index=id_of(tokens, "<imgpad>"),
    )
    save(GotOcr2ForConditionalGeneration(config), folder)


def got_ocr2(folder: Path) -> None:
    """Squashed to 256×256, 64×64 patches of 4; convolutions after the blocks make 16×16 tokens of overlapping windows.

    Its processor writes 256 image tokens, whatever the size. Attention is in windows of 8 patches alone.
    """
    from transformers import GotOcr2Config
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    tokens = tokenizer(["<img>", "</img>", "<imgpad>"], template=chat_template("<img><imgpad></img>"))
    save_got_ocr2(GotOcr2Config, tokens, folder)
    images = GotOcr2ImageProcessorPil(size={"height": 256, "width": 256})
    save_parts(folder, images, tokens, "GotOcr2Processor")


def deepseek_vl_hybrid(folder: Path) -> None:
    """As DeepSeek-VL, and SAM at 128×128: 16×16 patches, convolved to 4×4 and added to the SigLIP patches."""
    sam = {"image_size": 128, "patch_size": 8, "output_channels": 16, "window_size": 8, "global_attn_indexes": [2]}
    images = image_processor(
        "deepseek_vl_hybrid", size={"height": _SIDE, "width": _SIDE}, high_res_size={"height": 128, "width": 128}
    )
    build_small(
        folder,
        "deepseek_vl_hybrid",
        images,
        "DeepseekVLHybridProcessor",
        {"high_res_vision_config": sam},
        num_image_tokens=(_SIDE // _PATCH) ** 2,
    )


FAMILIES = [
    Family("deepseek_vl_hybrid", deepseek_vl_hybrid, "patch", has_processor=False),
    Family("deepseek_vl", deepseek_vl, "patch"),
    Family("janus", janus, "patch", like="deepseek_vl"),
    Family("ovis2", ovis2, "merged", last_by_hook=True),
    Family("got_ocr2", got_ocr2, "overlapping", shapes={"wide": SHAPES["wide"]}),
]
