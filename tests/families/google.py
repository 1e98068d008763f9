"""PaliGemma 1 and 2 and Gemma 3: SigLIP towers at one fixed size, decoders that scale their embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.families.base import Family, chat_template, id_of, save, save_parts, text, tokenizer, vision


def _paligemma(folder: Path, **decoder: Any) -> None:
    from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration, PaliGemmaProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    side, patch = 70, 14
    count = (side // patch) ** 2
    tokens = tokenizer(["<image>"])
    images = SiglipImageProcessorPil(size={"height": side, "width": side}, image_seq_length=count)
    # the processor adds a thousand <loc0000> and <seg000> words, so it comes before the sizes are read
    processor = PaliGemmaProcessor(image_processor=images, tokenizer=tokens)
    config = PaliGemmaConfig(
        vision_config=vision(
            model_type="siglip_vision_model", image_size=side, patch_size=patch, vision_use_head=False
        ),
        text_config=text(tokens, head_dim=12, num_image_tokens=count, **decoder),
        image_token_index=id_of(tokens, "<image>"),
        projection_dim=48,
    )
    save(PaliGemmaForConditionalGeneration(config), folder)
    processor.save_pretrained(folder)


def paligemma(folder: Path) -> None:
    """Squashed to 70×70, 5×5 patches; the decoder is Gemma."""
    _paligemma(folder, model_type="gemma")


def paligemma2(folder: Path) -> None:
    """As PaliGemma with a Gemma 2 decoder, whose logits are soft-capped."""
    _paligemma(folder, model_type="gemma2", query_pre_attn_scalar=12, final_logit_softcapping=30.0)


def gemma3(folder: Path) -> None:
    """Squashed to 84×84, 12×12 patches of 7, averaged 4×4 to 3×3 tokens; pan-and-scan off, as published."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3Processor
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    tokens = tokenizer(named=named, template=chat_template("<start_of_image>"))
    config = Gemma3Config(
        vision_config=vision(model_type="siglip_vision_model", image_size=84, patch_size=7, vision_use_head=False),
        text_config=text(tokens, model_type="gemma3_text", head_dim=12, query_pre_attn_scalar=12, sliding_window=64),
        mm_tokens_per_image=9,
        boi_token_index=id_of(tokens, "<start_of_image>"),
        eoi_token_index=id_of(tokens, "<end_of_image>"),
        image_token_index=id_of(tokens, "<image_soft_token>"),
    )
    save(Gemma3ForConditionalGeneration(config), folder)
    images = Gemma3ImageProcessorPil(size={"height": 84, "width": 84}, image_seq_length=9)
    Gemma3Processor(
        image_processor=images, tokenizer=tokens, chat_template=tokens.chat_template, image_seq_length=9
    ).save_pretrained(folder)


def gemma4(folder: Path) -> None:
    """Any shape of at most 70 tokens of 3×3 patches; every decoder layer has an input of its own for each token."""
    from transformers import Gemma4Config, Gemma4ForConditionalGeneration
    from transformers.models.gemma4.image_processing_pil_gemma4 import Gemma4ImageProcessorPil

    named = {"boi_token": "<|image>", "eoi_token": "<image|>", "image_token": "<|image|>"}
    tokens = tokenizer(named=named, template=chat_template("<|image|>"))
    decoder = text(tokens, head_dim=12, global_head_dim=12, sliding_window=512, hidden_size_per_layer_input=8)
    kinds = ["sliding_attention", "full_attention"]
    config = Gemma4Config(
        vision_config=vision(num_key_value_heads=4, head_dim=8, patch_size=4, position_embedding_size=160),
        text_config=decoder | {"layer_types": kinds, "vocab_size_per_layer_input": decoder["vocab_size"]},
        boi_token_id=id_of(tokens, "<|image>"),
        eoi_token_id=id_of(tokens, "<image|>"),
        image_token_id=id_of(tokens, "<|image|>"),
    )
    save(Gemma4ForConditionalGeneration(config), folder)
    save_parts(folder, Gemma4ImageProcessorPil(patch_size=4, max_soft_tokens=70), tokens, "Gemma4Processor")


FAMILIES = [
    Family("paligemma", paligemma, "patch", chat=False),
    Family("paligemma2", paligemma2, "patch", chat=False, title="PaliGemma 2"),
    Family("gemma3", gemma3, "merged"),
    Family("gemma4", gemma4, "merged", has_processor=False, last_by_hook=True),
]
