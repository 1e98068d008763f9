"""Families whose image processors exist for torchvision alone: they are built where that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING

from tests.families.base import Family, chat_template, save, tokenizer
from tests.families.shrunk import END, START, small_config

_SIDE, _PATCH = 56, 14  # 4 × 4 patches a tile, 2 × 2 tokens


def _built(folder: Path, model_type: str, tokens: Any, changes: dict[str, Any], image: str) -> None:
    from transformers import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    config = small_config(model_type, tokens, changes, image)
    save(MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING[type(config)]._from_config(config), folder)


def llama4(folder: Path) -> None:
    """Tiles of 56 pixels row by row, and the whole image last, where there are several; a class token last."""
    from transformers import Llama4ImageProcessor, Llama4Processor

    specials = ["<|image|>", "<|image_start|>", "<|image_end|>", "<|patch|>"]
    specials += ["<|tile_x_separator|>", "<|tile_y_separator|>"]
    tokens = tokenizer(specials, template=chat_template("<|image|>"))
    tower = {"vision_output_dim": 64, "projector_input_dim": 64, "projector_output_dim": 64, "intermediate_size": 128}
    decoder = {"intermediate_size_mlp": 64, "layer_types": None, "no_rope_layers": None, "moe_layers": None}
    _built(folder, "llama4", tokens, {"vision_config": tower, "text_config": decoder}, "<|patch|>")
    images = Llama4ImageProcessor(size={"height": _SIDE, "width": _SIDE}, max_patches=6)
    Llama4Processor(images, tokens, patch_size=_PATCH, chat_template=tokens.chat_template).save_pretrained(folder)


def cohere2_vision(folder: Path) -> None:
    """Tiles of 56 pixels row by row, squashed to fit, and the whole image last."""
    from transformers import Cohere2VisionImageProcessor, Cohere2VisionProcessor

    named = {"boi_token": "<boi>", "eoi_token": "<eoi>", "image_token": "<img>", "img_line_break_token": "<line>"}
    tokens = tokenizer(named=named, template=chat_template("<img>"))
    changes = {"alignment_intermediate_size": 64, "vision_config": {"model_type": "siglip_vision_model"}}
    _built(folder, "cohere2_vision", tokens, changes, "<img>")
    # its `patch_size` counts the tokens of a tile on each side
    images = Cohere2VisionImageProcessor(size={"height": _SIDE, "width": _SIDE}, max_patches=6, patch_size=2)
    Cohere2VisionProcessor(images, tokens, chat_template=tokens.chat_template).save_pretrained(folder)


def lfm2_vl(folder: Path) -> None:
    """Tiles of 56 pixels row by row, a thumbnail of its own shape last; patches flattened and padded."""
    from transformers import Lfm2VlImageProcessor, Lfm2VlProcessor

    specials = ["<|image_start|>", "<|image_end|>", "<|img_thumbnail|>"]
    specials += [f"<|img_row_{row}_col_{col}|>" for row in range(1, 7) for col in range(1, 7)]
    tokens = tokenizer(specials, named={"image_token": "<image>"}, template=chat_template("<image>"))
    changes = {"projector_hidden_size": 48, "vision_config": {"num_patches": 16}}
    _built(folder, "lfm2_vl", tokens, changes, "<image>")
    images = Lfm2VlImageProcessor(
        tile_size=_SIDE, encoder_patch_size=_PATCH, min_image_tokens=2, max_image_tokens=6, max_tiles=6
    )
    Lfm2VlProcessor(images, tokens, chat_template=tokens.chat_template).save_pretrained(folder)


def perception_lm(folder: Path) -> None:
    """The whole image first, then tiles of 56 pixels row by row, squashed to fit; a tower of timm's."""
    from transformers import PerceptionLMImageProcessor, PerceptionLMProcessor, PerceptionLMVideoProcessor

    named = {"image_token": "<|image|>", "video_token": "<|video|>"}
    tokens = tokenizer(named=named, template=chat_template("<|image|>"))
    arguments = {
        **{"embed_dim": 32, "depth": 4, "num_heads": 4, "img_size": [_SIDE, _SIDE], "patch_size": _PATCH},
        **{"ref_feat_shape": [4, 4], "global_pool": "", "use_post_transformer_norm": False, "init_values": 0.1},
    }
    tower = {"model_type": "timm_wrapper", "architecture": "vit_pe_core_large_patch14_336", "model_args": arguments}
    changes = {"vision_config": tower | {"do_pooling": True}, "projector_pooling_ratio": 2}
    _built(folder, "perception_lm", tokens, changes, "<|image|>")
    images = PerceptionLMImageProcessor(tile_size=_SIDE, max_num_tiles=6)
    PerceptionLMProcessor(
        PerceptionLMVideoProcessor(), images, tokens, _PATCH, tokens.chat_template, pooling_ratio=2
    ).save_pretrained(folder)


def molmo2(folder: Path) -> None:
    """A whole image of 5 × 5 patches first, then crops that overlap; windows of 2 × 2 patches of all crops together."""
    from transformers import Molmo2ImageProcessor, Molmo2Processor, Molmo2VideoProcessor

    specials = ["<im_patch>", "<im_col>", "<im_start>", "<low_res_im_start>", "<frame_start>", "<im_end>"]
    specials += ["<frame_end>", "<im_low>", START, END]
    named = {"image_token": "<|image|>", "video_token": "<|video|>"}
    tokens = tokenizer(specials, named, template=chat_template("<|image|>"))
    tokens.eos_token = tokens.bos_token  # its processor puts one before the text, as the published tokenizers do
    heads = {"num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 8}
    changes = {
        "image_patch_id": tokens.convert_tokens_to_ids("<im_patch>"),
        "vision_config": heads | {"image_size": [70, 70], "num_position_embeddings": 25},
        "adapter_config": heads
        | {"hidden_size": 32, "intermediate_size": 64, "text_hidden_size": 64}
        | {"vision_feature_layer": [3, 1]},
        "text_config": {"additional_vocab_size": 8, "rope_scaling_layers": [0, 1]},
    }
    _built(folder, "molmo2", tokens, changes, "<im_patch>")
    images = Molmo2ImageProcessor(size={"height": 70, "width": 70}, max_crops=4, overlap_margins=[1, 1])
    Molmo2Processor(images, Molmo2VideoProcessor(), tokens, chat_template=tokens.chat_template).save_pretrained(folder)


_VISION = ("torchvision",)
_ALL = [
    Family("llama4", llama4, "merged", prefix=1, needs=_VISION),
    Family("cohere2_vision", cohere2_vision, "merged", needs=_VISION),
    Family("lfm2_vl", lfm2_vl, "merged", needs=_VISION),
    Family("perception_lm", perception_lm, "merged", prefix=1, needs=("torchvision", "timm")),
    # it resizes without a filter: of pictures that are shrunk to less than half most pixels are never read
    Family(
        "molmo2",
        molmo2,
        "windows",
        needs=_VISION,
        shapes={"wide": (130, 60), "tall": (56, 118), "tiny": (9, 7)},
    ),
]
# by their types, of which older versions of transformers lack some
FAMILIES = [family for family in _ALL if family.name in CONFIG_MAPPING]
