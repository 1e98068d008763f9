"""Families whose image tokens have no place: Q-Formers, a Perceiver; and cross-attention without image tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.families.base import SHAPES, Family, chat_template, id_of, save, text, tokenizer, vision

_QUERIES = 6


def _qformer(**changes: Any) -> dict[str, Any]:
    sizes = {
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "encoder_hidden_size": 32,
        "cross_attention_frequency": 2,
    }
    return sizes | changes


def _blip_images() -> Any:
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    return BlipImageProcessorPil(size={"height": 70, "width": 70})


def blip2(folder: Path) -> None:
    """Squashed to 70×70, 5×5 patches and CLS; six queries; OPT adds positions to what it is given."""
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor

    tokens = tokenizer(["<image>"])
    decoder = text(tokens, model_type="opt", ffn_dim=96, word_embed_proj_dim=48, max_position_embeddings=256)
    config = Blip2Config(
        vision_config=vision(image_size=70, patch_size=14),
        qformer_config=_qformer(),
        text_config=decoder,
        num_query_tokens=_QUERIES,
        image_token_index=id_of(tokens, "<image>"),
    )
    save(Blip2ForConditionalGeneration(config), folder)
    Blip2Processor(_blip_images(), tokens, num_query_tokens=_QUERIES).save_pretrained(folder)


def _t5(tokens: Any) -> dict[str, Any]:
    sizes = {"d_model": 48, "d_kv": 12, "d_ff": 96, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4}
    ids = {"pad_token_id": 2, "eos_token_id": 2, "decoder_start_token_id": 2}
    return {"model_type": "t5", "vocab_size": len(tokens) + 13, **sizes, **ids}


def blip2_t5(folder: Path) -> None:
    """As BLIP-2 with a T5, whose encoder reads the queries."""
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor

    tokens = tokenizer(["<image>"])
    config = Blip2Config(
        vision_config=vision(image_size=70, patch_size=14),
        qformer_config=_qformer(),
        text_config=_t5(tokens),
        num_query_tokens=_QUERIES,
        image_token_index=id_of(tokens, "<image>"),
    )
    save(Blip2ForConditionalGeneration(config), folder)
    Blip2Processor(_blip_images(), tokens, num_query_tokens=_QUERIES).save_pretrained(folder)


def instructblip_t5(folder: Path) -> None:
    """As InstructBLIP with a T5, whose encoder reads the queries."""
    from transformers import InstructBlipConfig, InstructBlipForConditionalGeneration, InstructBlipProcessor

    tokens, reader = tokenizer(["<image>"]), tokenizer()
    config = InstructBlipConfig(
        vision_config=vision(image_size=70, patch_size=14),
        qformer_config=_qformer(vocab_size=len(reader)),
        text_config=_t5(tokens),
        num_query_tokens=_QUERIES,
        image_token_index=id_of(tokens, "<image>"),
    )
    save(InstructBlipForConditionalGeneration(config), folder)
    InstructBlipProcessor(_blip_images(), tokens, reader, num_query_tokens=_QUERIES).save_pretrained(folder)


def instructblip(folder: Path) -> None:
    """As BLIP-2 with a Llama decoder; its Q-Former reads the prompt too, through a tokenizer of its own."""
    from transformers import InstructBlipConfig, InstructBlipForConditionalGeneration, InstructBlipProcessor

    tokens, reader = tokenizer(["<image>"]), tokenizer()
    config = InstructBlipConfig(
        vision_config=vision(image_size=70, patch_size=14),
        qformer_config=_qformer(vocab_size=len(reader)),
        text_config=text(tokens, model_type="llama"),
        num_query_tokens=_QUERIES,
        image_token_index=id_of(tokens, "<image>"),
    )
    save(InstructBlipForConditionalGeneration(config), folder)
    InstructBlipProcessor(_blip_images(), tokens, reader, num_query_tokens=_QUERIES).save_pretrained(folder)


def idefics2(folder: Path) -> None:
    """Sides of 56 to 140 pixels, patches of 14, what is left over dropped; a Perceiver of five latents."""
    from transformers import Idefics2Config, Idefics2ForConditionalGeneration, Idefics2Processor
    from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil

    tokens = tokenizer(
        ["<fake_token_around_image>", "<image>", "<end_of_utterance>"], template=chat_template("<image>")
    )
    config = Idefics2Config(
        vision_config=vision(image_size=140, patch_size=14),
        perceiver_config={
            "hidden_size": 48,
            "resampler_n_latents": 5,
            "resampler_depth": 2,
            "resampler_n_heads": 4,
            "num_key_value_heads": 2,
            "resampler_head_dim": 12,
        },
        text_config=text(tokens, model_type="mistral", head_dim=12),
        image_token_id=id_of(tokens, "<image>"),
    )
    save(Idefics2ForConditionalGeneration(config), folder)
    images = Idefics2ImageProcessorPil(size={"shortest_edge": 56, "longest_edge": 140})
    Idefics2Processor(
        image_processor=images, tokenizer=tokens, image_seq_len=5, chat_template=tokens.chat_template
    ).save_pretrained(folder)


def mllama(folder: Path) -> None:
    """Tiles of 56 pixels, up to four, letterboxed top left; 4×4 patches with CLS first and padding last, to 24.

    The decoder's second layer attends to the picture; no position of the prompt holds an image token.
    """
    from transformers import MllamaConfig, MllamaForConditionalGeneration, MllamaProcessor
    from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

    tokens = tokenizer(["<|image|>", "<|python_tag|>"], template=chat_template("<|image|>"))
    config = MllamaConfig(
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 4,
            "num_global_layers": 2,
            "attention_heads": 4,
            "image_size": 56,
            "patch_size": 14,
            "vision_output_dim": 96,
            "intermediate_layers_indices": [0, 2],
            "max_num_tiles": 4,
        },
        text_config=text(
            tokens,
            num_hidden_layers=3,
            cross_attention_layers=[1],
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        ),
        image_token_index=id_of(tokens, "<|image|>"),
    )
    save(MllamaForConditionalGeneration(config), folder)
    images = MllamaImageProcessorPil(size={"height": 56, "width": 56}, max_image_tiles=4)
    MllamaProcessor(image_processor=images, tokenizer=tokens, chat_template=tokens.chat_template).save_pretrained(
        folder
    )


FAMILIES = [
    Family("blip2", blip2, "query", prefix=1, chat=False),
    Family(
        "blip2_t5", blip2_t5, "query", prefix=1, chat=False, title="BLIP-2 with T5", like="blip2", encoder_decoder=True
    ),
    Family("instructblip", instructblip, "query", prefix=1, chat=False),
    Family(
        "instructblip_t5",
        instructblip_t5,
        "query",
        prefix=1,
        chat=False,
        title="InstructBLIP with T5",
        like="blip2",
        encoder_decoder=True,
    ),
    Family("idefics2", idefics2, "query"),
    # nearly square: two rows of two tiles
    Family("mllama", mllama, "none", prefix=1, shapes=SHAPES | {"square": (150, 140)}),
]
