"""The LLaVA line: one fixed view, any size (Pixtral), or a base view with tiles and newline tokens (NeXT, …)."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

from tests.families.base import SHAPES, Family, chat_template, id_of, save, save_parts, text, tokenizer, vision
from tests.tiny_checkpoints import build_llava


def llava_clip(folder: Path) -> None:
    """70×70 centre crop, 5×5 patches, CLS dropped, the projector reads the last state but one."""
    build_llava(folder, "clip")


def llava_siglip(folder: Path) -> None:
    """Squashed to 48×48, 6×6 patches, no CLS, the projector reads the last state."""
    build_llava(folder, "siglip")


def vipllava(folder: Path) -> None:
    """As LLaVA with CLIP, but the projector reads three layers of the tower at once."""
    from transformers import AutoConfig, VipLlavaConfig, VipLlavaForConditionalGeneration

    build_llava(folder, "clip")
    config = AutoConfig.from_pretrained(folder)
    parts = {"vision_config": config.vision_config, "text_config": config.text_config}
    made = VipLlavaConfig(**parts, image_token_index=config.image_token_id, vision_feature_layers=[-2, -3, 1])
    save(VipLlavaForConditionalGeneration(made), folder)


_NEXT_SIDE, _NEXT_PATCH = 56, 14
_PINPOINTS = [[56, 112], [112, 56], [112, 112], [168, 56], [56, 168]]


def _next(folder: Path, name: str, decoder: dict[str, Any]) -> tuple[Any, Any]:
    """Save the weights; returns the image processor and the tokenizer."""
    import transformers
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    side = _NEXT_SIDE
    tokens = tokenizer(["<image>", "<video>"], template=chat_template())
    config = getattr(transformers, f"{name}Config")(
        vision_config=vision(model_type="clip_vision_model", image_size=side, patch_size=_NEXT_PATCH),
        text_config=text(tokens, **decoder),
        image_token_index=id_of(tokens, "<image>"),
        image_grid_pinpoints=_PINPOINTS,
        vision_feature_layer=-2,
        image_seq_length=(side // _NEXT_PATCH) ** 2,
    )
    config.video_token_index = id_of(tokens, "<video>")
    save(getattr(transformers, f"{name}ForConditionalGeneration")(config), folder)
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}, image_grid_pinpoints=_PINPOINTS
    )
    return images, tokens


def llava_next(folder: Path) -> None:
    """CLIP tower at 56, 4×4 patches, five shapes of up to three tiles, letterboxed and then unpadded."""
    from transformers import LlavaNextProcessor

    images, tokens = _next(folder, "LlavaNext", {"model_type": "mistral", "head_dim": 12})
    LlavaNextProcessor(
        image_processor=images,
        tokenizer=tokens,
        patch_size=_NEXT_PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=tokens.chat_template,
    ).save_pretrained(folder)


def llava_next_video(folder: Path) -> None:
    """As LLaVA-NeXT; its processor needs torchvision for videos."""
    images, tokens = _next(folder, "LlavaNextVideo", {"model_type": "llama"})
    save_parts(
        folder,
        images,
        tokens,
        "LlavaNextVideoProcessor",
        patch_size=_NEXT_PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )


def llava_onevision(folder: Path) -> None:
    """SigLIP tower at 48, 6×6 patches, up to 4×4 tiles; `anyres_max_4` shrinks what has over 1.21 · 144 patches.

    The wide and the tall picture are shrunk, the nearly square one is not.
    """
    from transformers import LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration
    from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil

    side, patch = 48, 8
    pinpoints = [[side * rows, side * cols] for rows, cols in product(range(1, 5), repeat=2)]
    tokens = tokenizer(["<image>", "<video>"], template=chat_template())
    config = LlavaOnevisionConfig(
        vision_config=vision(model_type="siglip_vision_model", image_size=side, patch_size=patch),
        text_config=text(tokens, model_type="qwen2"),
        image_token_index=id_of(tokens, "<image>"),
        video_token_index=id_of(tokens, "<video>"),
        image_grid_pinpoints=pinpoints,
        vision_aspect_ratio="anyres_max_4",
    )
    save(LlavaOnevisionForConditionalGeneration(config), folder)
    images = LlavaOnevisionImageProcessorPil(size={"height": side, "width": side}, image_grid_pinpoints=pinpoints)
    save_parts(
        folder,
        images,
        tokens,
        "LlavaOnevisionProcessor",
        num_image_tokens=(side // patch) ** 2,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_4",
    )


def _pixtral(folder: Path, name: str, merge: int, processor: str = "Pixtral") -> None:
    import transformers
    from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

    side, patch = 104, 8  # 13 patches: with a merge 14
    tokens = tokenizer(["[IMG]", "[IMG_BREAK]", "[IMG_END]"], template=chat_template("[IMG]"))
    special = {"spatial_merge_size": 2} if merge > 1 else {"vision_feature_select_strategy": "full"}
    image = {"image_token_index": id_of(tokens, "[IMG]"), "vision_feature_layer": -1}
    decoder = "mistral"
    if name == "LightOnOcr":
        image, decoder = {"image_token_id": id_of(tokens, "[IMG]")}, "qwen3"
    config = getattr(transformers, f"{name}Config")(
        vision_config=vision(model_type="pixtral", image_size=side, patch_size=patch, head_dim=8),
        text_config=text(tokens, model_type=decoder, head_dim=12),
        **special,
        **image,
    )
    save(getattr(transformers, f"{name}ForConditionalGeneration")(config), folder)
    images = PixtralImageProcessorPil(size={"longest_edge": side}, patch_size={"height": patch, "width": patch})
    save_parts(
        folder,
        images,
        tokens,
        f"{processor}Processor",
        patch_size=patch,
        spatial_merge_size=merge,
        image_token="[IMG]",
        image_break_token="[IMG_BREAK]",
        image_end_token="[IMG_END]",
    )


def pixtral(folder: Path) -> None:
    """LLaVA with a Pixtral tower: at most 104 pixels a side, patches of 8, `[IMG_BREAK]` after every row."""
    _pixtral(folder, "Llava", 1)


def mistral3(folder: Path) -> None:
    """Pixtral's tower, 2×2 patches a token.

    Its processor hands patch_size · spatial_merge_size to the image processor, whose own files say patch_size: used
    alone, it makes sides that are no multiple of two patches. It never enlarges a picture, and one that ends up as a
    single token cannot be seen at all: transformers 5.23 squeezes that dimension away and fails.
    """
    _pixtral(folder, "Mistral3", 2)


def lighton_ocr(folder: Path) -> Path:
    """As Mistral 3 with a Qwen3 decoder; it is in no table, since it is the family that CONTRIBUTING.md adds."""
    _pixtral(folder, "LightOnOcr", 2, "LightOnOcr")
    return folder


FAMILIES = [
    Family("llava", llava_clip, "patch", prefix=1, title="LLaVA 1.5, CLIP"),
    Family("llava_siglip", llava_siglip, "patch", title="LLaVA 1.5, SigLIP"),
    Family("pixtral", pixtral, "patch", has_processor=False, title="Pixtral"),
    Family(
        "mistral3",
        mistral3,
        "merged",
        has_processor=False,
        image_options={"patch_size": 16},
        shapes=SHAPES | {"tiny": (30, 20)},
    ),
    Family("llava_next", llava_next, "newline", prefix=1),
    Family("vipllava", vipllava, "patch", prefix=1, like="llava"),
    Family("llava_next_video", llava_next_video, "newline", prefix=1, has_processor=False, like="llava_next"),
    Family(
        "llava_onevision",
        llava_onevision,
        "newline",
        has_processor=False,
        shapes=SHAPES | {"unshrunk": (98, 90)},
    ),
]
