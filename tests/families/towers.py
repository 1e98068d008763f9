"""Vision towers alone: CLIP, SigLIP, SigLIP 2, ViT with its head, DINOv2 (with registers), DINOv3.

`classifying` gives the others a classification head, too.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.families.base import Family, save, save_parts, text, tokenizer, vision


def _two_towers(folder: Path, name: str, processor: str, images: Any, picture: dict[str, Any], reader: dict[str, Any]):
    import transformers

    tokens = tokenizer()
    shared = text(tokens, hidden_size=32, intermediate_size=64, max_position_embeddings=64)
    for key in ("num_key_value_heads",):
        shared.pop(key)
    config = getattr(transformers, f"{name}Config")(vision_config=vision(**picture), text_config=shared | reader)
    save(getattr(transformers, f"{name}Model")(config), folder)
    save_parts(folder, images, tokens, processor)


def clip(folder: Path) -> None:
    """70×70 centre crop, 5×5 patches after CLS."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    images = CLIPImageProcessorPil(size={"shortest_edge": 70}, crop_size={"height": 70, "width": 70})
    _two_towers(folder, "CLIP", "CLIPProcessor", images, {"image_size": 70, "patch_size": 14}, {})


def siglip(folder: Path) -> None:
    """Squashed to 48×48, 6×6 patches, no CLS."""
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    images = SiglipImageProcessorPil(size={"height": 48, "width": 48})
    _two_towers(folder, "Siglip", "SiglipProcessor", images, {"image_size": 48, "patch_size": 8}, {})


def siglip2(folder: Path) -> None:
    """Any shape of at most 40 patches of 16, padded to 40; positions interpolated from 4×4."""
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

    images = Siglip2ImageProcessorPil(patch_size=16, max_num_patches=40)
    _two_towers(folder, "Siglip2", "Siglip2Processor", images, {"patch_size": 16, "num_patches": 16}, {})


def vit(folder: Path) -> None:
    """Squashed to 56×56, 4×4 patches after CLS, five classes."""
    from transformers import ViTConfig, ViTForImageClassification
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    config = ViTConfig(
        **vision(image_size=56, patch_size=14), id2label=LABELS, label2id={name: i for i, name in LABELS.items()}
    )
    save(ViTForImageClassification(config), folder)
    save_parts(folder, ViTImageProcessorPil(size={"height": 56, "width": 56}), None, "")


LABELS = dict(enumerate(["cat", "dog", "house", "sea", "rocket"]))


def classifying(name: str, folder: Path, **settings: Any) -> Path:
    """The tower of `name` with a head of five classes, as fine-tuned ones are saved; returns `folder`."""
    import transformers

    plain = folder.with_name(f"{folder.name}-plain")
    builders[name](plain)
    config = transformers.AutoConfig.from_pretrained(plain)
    config.id2label, config.label2id = LABELS, {label: i for i, label in LABELS.items()}
    for key, value in settings.items():
        setattr(config, key, value)
    architecture = transformers.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING[type(config)]
    save(architecture(config), folder)
    shutil.copy(plain / "preprocessor_config.json", folder)
    return folder


def _dinov2(folder: Path, name: str, **changes: Any) -> None:
    import transformers
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

    # made for 70, used at 56, as the published ones are made for 518 and used at 224
    sizes = vision(image_size=70, patch_size=14, **changes)
    sizes.pop("intermediate_size")
    save(getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**sizes, mlp_ratio=2)), folder)
    images = BitImageProcessorPil(size={"shortest_edge": 64}, crop_size={"height": 56, "width": 56})
    save_parts(folder, images, None, "")


def dinov2(folder: Path) -> None:
    """Short edge 64, 56×56 centre crop, 4×4 patches after CLS, positions interpolated from 5×5."""
    _dinov2(folder, "Dinov2")


def dinov2_with_registers(folder: Path) -> None:
    """As DINOv2, with four registers between CLS and the patches."""
    _dinov2(folder, "Dinov2WithRegisters", num_register_tokens=4)


def dinov3_vit(folder: Path) -> None:
    """Squashed to 64×64, 4×4 patches after CLS and four registers, rotary positions.

    Its image processor exists for torchvision only: its file is written by hand, as it is published.
    """
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    config = DINOv3ViTConfig(**vision(image_size=64, patch_size=16), num_register_tokens=4)
    save(DINOv3ViTModel(config), folder)
    published = {
        "crop_size": None,
        "data_format": "channels_first",
        "default_to_square": True,
        "do_center_crop": None,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_processor_type": "DINOv3ViTImageProcessorFast",
        "image_std": [0.229, 0.224, 0.225],
        "resample": 2,
        "rescale_factor": 0.00392156862745098,
        "size": {"height": 64, "width": 64},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(published, indent=2))


builders = {
    "clip": clip,
    "siglip": siglip,
    "siglip2": siglip2,
    "vit": vit,
    "dinov2": dinov2,
    "dinov2_with_registers": dinov2_with_registers,
}

FAMILIES = [
    Family("clip", clip, "none", prefix=1, tower_only=True, chat=False),
    Family("siglip", siglip, "none", tower_only=True, chat=False),
    Family("siglip2", siglip2, "none", tower_only=True, chat=False),
    Family("vit", vit, "none", prefix=1, tower_only=True, chat=False),
    Family("dinov2", dinov2, "none", prefix=1, tower_only=True, chat=False),
    Family("dinov2_with_registers", dinov2_with_registers, "none", prefix=5, tower_only=True, chat=False),
    Family("dinov3_vit", dinov3_vit, "none", prefix=5, has_processor=False, tower_only=True, chat=False),
]
