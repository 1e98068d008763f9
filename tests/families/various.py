"""Families put together in ways of their own, from default configs: Florence-2, Aria, Granite-Docling."""

from __future__ import annotations

from pathlib import Path

from transformers import CONFIG_MAPPING

from tests.families.base import SHAPES, Family
from tests.families.shrunk import END, IMAGE, VIDEO, build_small, image_processor


def florence2(folder: Path) -> None:
    """Squashed to 64×64, 2×2 patches after strides of 4·2·2·2; the first of five tokens is their mean; BART."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    side = {"height": 64, "width": 64}
    images = CLIPImageProcessorPil(size=side, crop_size=side, do_center_crop=False, image_seq_length=5)
    tower = {
        "embed_dim": [16, 32, 32, 64],
        "num_heads": [2, 2, 4, 4],
        "num_groups": [2, 2, 4, 4],
        "depths": [1, 1, 2, 1],
        "patch_size": [7, 3, 3, 3],
        "window_size": 4,
        "projection_dim": 64,
        "max_position_embeddings": 8,
        "max_temporal_embeddings": 4,
        "drop_path_rate": 0.0,
    }
    reader = {f"{side}_{what}": size for side in ("encoder", "decoder") for what, size in _BART.items()}
    changes = {"vision_config": tower, "text_config": reader | {"d_model": 64, "max_position_embeddings": 256}}
    build_small(folder, "florence2", images, "Florence2Processor", changes, num_image_tokens=5)


_BART = {"layers": 2, "ffn_dim": 64, "attention_heads": 4}


def aria(folder: Path) -> None:
    """Its processor makes 980×980 of every image: 14×14 patches of 70, which five queries read."""
    tower = {"image_size": 980, "patch_size": 70, "hidden_size": 16}
    decoder = {"intermediate_size": 32}
    changes = {"projector_patch_to_query_dict": {"196": 5}, "vision_config": tower, "text_config": decoder}
    build_small(folder, "aria", image_processor("aria"), "AriaProcessor", changes, size_conversion={"980": 5})


def granite_docling(folder: Path) -> None:
    """Tiles of 112 pixels and the whole image last, 8×8 patches each, 4×4 of them a token."""
    images = image_processor("granite_docling", size={"height": 112, "width": 112}, max_patches=12)
    # so that attention is no mean of all, and each layer counts
    decoder = {"attention_multiplier": 0.25, "residual_multiplier": 1.0}
    changes = {"vision_config": {"image_size": 112}, "text_config": decoder}
    pieces = ("<fake_token_around_image>", "<global-img>")
    build_small(
        folder,
        "granite_docling",
        images,
        "GraniteDoclingProcessor",
        changes,
        image="<image>",
        pieces=pieces,
        image_seq_len=4,
    )


def mistral_large4(folder: Path) -> None:
    """As Mistral 3, with an indexed attention."""
    images = image_processor("pixtral", size={"longest_edge": 104}, patch_size={"height": 8, "width": 8})
    decoder = dict.fromkeys(("kv_source_layers", "no_rope_layers", "indexer_types", "layer_types"))
    changes = {
        "text_config": decoder | {"head_dim": 16, "num_key_value_heads": 4},
        "vision_config": {"head_dim": 8, "patch_size": 8, "image_size": 104},
    }
    build_small(
        folder,
        "mistral_large4",
        images,
        "PixtralProcessor",
        changes,
        patch_size=8,
        spatial_merge_size=2,
        image_token=IMAGE,
        image_break_token=VIDEO,
        image_end_token=END,
    )


_ALL = [
    Family("florence2", florence2, "query", has_processor=False, encoder_decoder=True),
    Family("aria", aria, "query", has_processor=False, shapes={"wide": SHAPES["wide"]}),
    Family("granite_docling", granite_docling, "merged"),
    Family(
        "mistral_large4",
        mistral_large4,
        "merged",
        has_processor=False,
        image_options={"patch_size": 16},
        shapes=SHAPES | {"tiny": (30, 20)},
        like="mistral3",
    ),
]
# by their types, of which older versions of transformers lack some
FAMILIES = [family for family in _ALL if family.name in CONFIG_MAPPING]
