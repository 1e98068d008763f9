"""Families whose processors hand an image over in a form of their own: Fuyu, Kosmos-2, Video-LLaVA, PP-Chart2Table."""

from __future__ import annotations

from pathlib import Path

from tests.families.base import SHAPES, Family, chat_template, id_of, save, save_parts, text, tokenizer, vision
from tests.families.shrunk import image_processor
from tests.families.squares import save_got_ocr2


def fuyu(folder: Path) -> None:
    """No tower: patches of 8×8 pixels of an image of at most 104×80 go through one linear layer; newlines are text."""
    from transformers import FuyuConfig, FuyuForCausalLM

    tokens = tokenizer(["|SPEAKER|", "|NEWLINE|"])
    decoder = text(tokens, model_type="persimmon", partial_rotary_factor=0.5)
    config = FuyuConfig(text_config=decoder, patch_size=8, image_token_id=id_of(tokens, "|SPEAKER|"))
    save(FuyuForCausalLM(config), folder)
    images = image_processor("fuyu", size={"height": 80, "width": 104}, patch_size={"height": 8, "width": 8})
    save_parts(folder, images, tokens, "FuyuProcessor")


def kosmos2(folder: Path) -> None:
    """Squashed to 56×56; 64 latent queries read its patches."""
    from transformers import Kosmos2Config, Kosmos2ForConditionalGeneration, Kosmos2Processor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    side = {"height": 56, "width": 56}
    images = CLIPImageProcessorPil(size=side, crop_size=side, do_center_crop=False)
    tokens = tokenizer()
    processor = Kosmos2Processor(images, tokens, num_patch_index_tokens=4)
    decoder = {
        "vocab_size": len(tokens) + 13,
        "embed_dim": 48,
        "layers": 2,
        "ffn_dim": 96,
        "attention_heads": 4,
        "max_position_embeddings": 512,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    config = Kosmos2Config(text_config=decoder, vision_config=vision(image_size=56, patch_size=14), latent_query_num=64)
    save(Kosmos2ForConditionalGeneration(config), folder)
    processor.save_pretrained(folder)


def video_llava(folder: Path) -> None:
    """As LLaVA 1.5 with CLIP, and a second tower for videos; short edge to 56, centre crop."""
    from transformers import VideoLlavaConfig, VideoLlavaForConditionalGeneration
    from transformers.models.video_llava.image_processing_video_llava import VideoLlavaImageProcessor

    tokens = tokenizer(["<image>", "<video>"], template=chat_template("<image>"))
    config = VideoLlavaConfig(
        vision_config=vision(model_type="clip_vision_model", image_size=56, patch_size=14, projection_dim=32),
        text_config=text(tokens, model_type="llama"),
        image_token_index=id_of(tokens, "<image>"),
        video_token_index=id_of(tokens, "<video>"),
    )
    save(VideoLlavaForConditionalGeneration(config), folder)
    images = VideoLlavaImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})
    settings = {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    save_parts(folder, images, tokens, "VideoLlavaProcessor", **settings)


def pp_chart2table(folder: Path) -> None:
    """GOT-OCR 2's model; the prompt that it is published with has all 256 image tokens, written out."""
    from transformers import PPChart2TableConfig

    tokens = tokenizer(["<img>", "</img>", "<imgpad>"], template=chat_template(f"<img>{'<imgpad>' * 256}</img>"))
    save_got_ocr2(PPChart2TableConfig, tokens, folder)
    images = image_processor("pp_chart2table", size={"height": 256, "width": 256})
    save_parts(folder, images, tokens, "PPChart2TableProcessor")


FAMILIES = [
    Family("fuyu", fuyu, "patch", has_processor=False, chat=False),
    Family("kosmos2", kosmos2, "query", prefix=1, chat=False),
    Family("video_llava", video_llava, "patch", prefix=1, has_processor=False, like="llava"),
    Family("pp_chart2table", pp_chart2table, "overlapping", shapes={"wide": SHAPES["wide"]}, like="got_ocr2"),
]
