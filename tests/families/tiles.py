"""Families of equal tiles, whose 2×2 patches are shuffled into a token: Idefics3, SmolVLM, InternVL, Aya."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.families.base import Family, chat_template, id_of, save, save_parts, text, tokenizer, vision

_SIDE, _PATCH, _TOKENS = 84, 14, 9  # 6 × 6 patches a tile, 3 × 3 tokens
_IDEFICS = (
    "<fake_token_around_image>",
    "<image>",
    "<end_of_utterance>",
    "<global-img>",
    *(f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7)),
)


def _idefics3(folder: Path, name: str, images: Any, decoder: dict[str, Any], **settings: Any) -> None:
    import transformers

    tokens = tokenizer(_IDEFICS, template=chat_template("<image>"))
    config = getattr(transformers, f"{name}Config")(
        vision_config=vision(image_size=_SIDE, patch_size=_PATCH),
        text_config=text(tokens, model_type="llama", **decoder),
        image_token_id=id_of(tokens, "<image>"),
        scale_factor=2,
        pad_token_id=2,
    )
    save(getattr(transformers, f"{name}ForConditionalGeneration")(config), folder)
    save_parts(folder, images, tokens, f"{name}Processor", image_seq_len=_TOKENS, **settings)


def idefics3(folder: Path) -> None:
    """Tiles of 84 pixels, at most three a side, row by row, and the squashed whole last; two LANCZOS resizes.

    Its whole processor builds without torchvision, unlike SmolVLM's.
    """
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    images = Idefics3ImageProcessorPil(size={"longest_edge": 3 * _SIDE}, max_image_size={"longest_edge": _SIDE})
    _idefics3(folder, "Idefics3", images, {})


def smolvlm(folder: Path) -> None:
    """As Idefics3; its processor needs num2words as well, for videos."""
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    images = SmolVLMImageProcessorPil(size={"longest_edge": 3 * _SIDE}, max_image_size={"longest_edge": _SIDE})
    _idefics3(folder, "SmolVLM", images, {})


def internvl(folder: Path) -> None:
    """Tiles of 84 pixels, up to 12, and a thumbnail last where there are two or more; CLS dropped before the shuffle.

    `crop_to_patches` is off in the image processor's own files, as published: the processor's class turns it on.
    """
    from transformers import InternVLConfig, InternVLForConditionalGeneration
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokens = tokenizer(named=named, template=chat_template("<IMG_CONTEXT>\n"))
    config = InternVLConfig(
        vision_config=vision(image_size=[_SIDE, _SIDE], patch_size=[_PATCH, _PATCH]),
        text_config=text(tokens, model_type="qwen2"),
        image_token_id=id_of(tokens, "<IMG_CONTEXT>"),
        image_seq_length=_TOKENS,
    )
    save(InternVLForConditionalGeneration(config), folder)
    images = GotOcr2ImageProcessorPil(size={"height": _SIDE, "width": _SIDE}, max_patches=12)
    save_parts(folder, images, tokens, "InternVLProcessor", image_seq_length=_TOKENS)


def aya_vision(folder: Path) -> None:
    """As InternVL with a SigLIP tower; image tokens are `<|IMG_PATCH|>`, the prompt's own word is `<image>`."""
    from transformers import AyaVisionConfig, AyaVisionForConditionalGeneration
    from transformers.models.aya_vision.processing_aya_vision import AyaVisionProcessor
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    specials = ["<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>", "TILE_GLOBAL"]
    tokens = tokenizer([*specials, *(f"TILE_{i}" for i in range(1, 13)), "TILE"], template=chat_template("<image>"))
    config = AyaVisionConfig(
        vision_config=vision(model_type="siglip_vision_model", image_size=_SIDE, patch_size=_PATCH),
        text_config=text(tokens, model_type="cohere2", head_dim=12),
        image_token_index=id_of(tokens, "<|IMG_PATCH|>"),
        vision_feature_layer=-1,
        downsample_factor=2,
    )
    save(AyaVisionForConditionalGeneration(config), folder)
    images = GotOcr2ImageProcessorPil(size={"height": _SIDE, "width": _SIDE}, max_patches=12)
    AyaVisionProcessor(
        image_processor=images,
        tokenizer=tokens,
        patch_size=_PATCH,
        img_size=_SIDE,
        downsample_factor=2,
        chat_template=tokens.chat_template,
    ).save_pretrained(folder)


_CROP = {"crop_to_patches": True}
_ROWS = {"return_row_col_info": True}
FAMILIES = [
    Family("idefics3", idefics3, "merged", support=3.0, first_edge=3 * _SIDE, image_options=_ROWS),
    Family(
        "smolvlm",
        smolvlm,
        "merged",
        has_processor=False,
        support=3.0,
        first_edge=3 * _SIDE,
        image_options=_ROWS,
        like="idefics3",
    ),
    Family("internvl", internvl, "merged", prefix=1, has_processor=False, image_options=_CROP),
    Family("aya_vision", aya_vision, "merged", image_options=_CROP),
]
