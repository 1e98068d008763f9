"""Architectures of the demo models, all stock classes of transformers, and how each is written to a folder.

`demo-siglip`: two SigLIP towers. `demo` and `demo-captioned`: its vision tower, LLaVA's projector, a small Llama.
`demo-vit`: the same tower with a class token and a head.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    SiglipConfig,
    SiglipModel,
    SiglipProcessor,
    SiglipTextConfig,
    SiglipVisionConfig,
    ViTConfig,
    ViTForImageClassification,
)
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from demo_training.drawings.scenes import KINDS
from demo_training.tokenizer import (
    BOS,
    CHAT_TEMPLATE,
    EOS,
    IMAGE,
    PAD,
    SPECIALS,
    TEXT_LENGTH,
    build_text_tokenizer,
    build_tokenizer,
    pieces,
)

PIXELS: Final = 224
PATCH: Final = 16
GRID: Final = PIXELS // PATCH


@dataclass(frozen=True)
class Size:
    """Layers, width, heads and MLP width of a transformer."""

    layers: int
    width: int
    heads: int
    mlp: int


@dataclass(frozen=True)
class Sizes:
    """Sizes of the vision tower, the text tower and the language model."""

    vision: Size
    text: Size
    language: Size


def build_siglip(sizes: Sizes, seed: int) -> SiglipModel:
    """Build both towers with random weights, the same for the same seed."""
    at = SPECIALS.index
    size = sizes.text
    text = SiglipTextConfig(
        vocab_size=len(pieces()), hidden_size=size.width, intermediate_size=size.mlp, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, max_position_embeddings=TEXT_LENGTH, projection_size=sizes.vision.width,
        bos_token_id=at(BOS), eos_token_id=at(EOS), pad_token_id=at(PAD),
    )  # fmt: skip
    torch.manual_seed(seed)
    model = SiglipModel(SiglipConfig(vision_config=_vision(sizes.vision, True), text_config=text))
    with torch.no_grad():  # the initial values of the paper: nearly every pair is a wrong one
        model.logit_scale.fill_(math.log(10))
        model.logit_bias.fill_(-10)
    return model


def _vision(size: Size, head: bool) -> SiglipVisionConfig:
    return SiglipVisionConfig(
        hidden_size=size.width, intermediate_size=size.mlp, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, image_size=PIXELS, patch_size=PATCH, vision_use_head=head,
    )  # fmt: skip


def build_llava(sizes: Sizes, seed: int) -> LlavaForConditionalGeneration:
    """Build the tower without its pooling head, the projector, and the language model with tied embeddings."""
    at, size = SPECIALS.index, sizes.language
    text = LlamaConfig(
        vocab_size=len(pieces()), hidden_size=size.width, intermediate_size=size.mlp, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, num_key_value_heads=size.heads, max_position_embeddings=1024,
        tie_word_embeddings=True, rms_norm_eps=1e-5, bos_token_id=at(BOS), eos_token_id=at(EOS), pad_token_id=at(PAD),
        initializer_range=0.03,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=_vision(sizes.vision, False), text_config=text, image_token_id=at(IMAGE),
        image_seq_length=GRID * GRID, vision_feature_layer=-1, vision_feature_select_strategy="full",
        projector_hidden_act="gelu", tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration(config)
    with torch.no_grad():
        # Word vectors start at about unit length, so that distances and scales of the patch loss start near their end.
        model.get_input_embeddings().weight.normal_(0, size.width**-0.5)
    model.generation_config = GenerationConfig(
        bos_token_id=at(BOS), eos_token_id=at(EOS), pad_token_id=at(PAD), max_new_tokens=48, do_sample=False
    )
    return model


def build_vit(sizes: Sizes, seed: int) -> ViTForImageClassification:
    """Build a classifier of kinds of scene, with the sizes of the SigLIP tower."""
    size, names = sizes.vision, list(KINDS)
    torch.manual_seed(seed)
    return ViTForImageClassification(
        ViTConfig(
            hidden_size=size.width,
            intermediate_size=size.mlp,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            image_size=PIXELS,
            patch_size=PATCH,
            hidden_act="gelu_pytorch_tanh",
            layer_norm_eps=1e-6,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            id2label=dict(enumerate(names)),
            label2id={name: i for i, name in enumerate(names)},
        )
    )


def copy_tower(siglip: SiglipModel, llava: LlavaForConditionalGeneration) -> None:
    """Copy the trained vision tower, without its pooling head, which LLaVA does not have."""
    weights = {k: v for k, v in siglip.vision_model.state_dict().items() if not k.startswith("head.")}
    llava.model.vision_tower.load_state_dict(weights)


def copy_language(source: LlavaForConditionalGeneration, to: LlavaForConditionalGeneration) -> None:
    """Copy the trained language model with its word vectors, to which the unembedding is tied."""
    to.model.language_model.load_state_dict(source.model.language_model.state_dict())


def copy_tower_to_vit(siglip: SiglipModel, vit: ViTForImageClassification) -> None:
    """Copy the trained tower under the names of a ViT; the class token, its position and the head stay random."""
    tower, own = siglip.vision_model.state_dict(), vit.state_dict()
    renamed = {
        "self_attn.out_proj": "attention.o_proj", "self_attn": "attention", "layer_norm1": "layernorm_before",
        "layer_norm2": "layernorm_after", "encoder.layers": "vit.layers", "post_layernorm": "vit.layernorm",
        "embeddings.patch_embedding": "vit.embeddings.patch_embeddings.projection",
    }  # fmt: skip
    for name, tensor in tower.items():
        if name.startswith("head.") or name == "embeddings.position_embedding.weight":
            continue
        for ours, theirs in renamed.items():
            name = name.replace(ours, theirs)
        own[name].copy_(tensor)
    own["vit.embeddings.position_embeddings"][0, 1:].copy_(tower["embeddings.position_embedding.weight"])


def _image_processor(of: type[Any]) -> Any:
    """Build an image processor of a class."""
    size = {"height": PIXELS, "width": PIXELS}
    return of(size=size, resample=3, image_mean=[0.5] * 3, image_std=[0.5] * 3, do_convert_rgb=True)


def build_processor() -> LlavaProcessor:
    """Build the processor of the LLaVA models."""
    return LlavaProcessor(
        image_processor=_image_processor(SiglipImageProcessorPil), tokenizer=build_tokenizer(), patch_size=PATCH,
        vision_feature_select_strategy="full", num_additional_image_tokens=0, chat_template=CHAT_TEMPLATE,
        image_token=IMAGE,
    )  # fmt: skip


def build_processor_for(model: torch.nn.Module) -> Any:
    """Build the processor that ships with a model."""
    if isinstance(model, SiglipModel):
        return SiglipProcessor(_image_processor(SiglipImageProcessorPil), build_text_tokenizer())
    if isinstance(model, ViTForImageClassification):
        return _image_processor(ViTImageProcessorPil)
    return build_processor()


def save(model: Any, folder: Path, extra_files: Mapping[str, str]) -> None:
    """Write float16 weights, config and processor, as transformers reads them.

    `extra_files` are texts by file name. Each file appears whole, the weights last.
    """
    fresh = folder.with_name(folder.name + ".partial")
    shutil.rmtree(fresh, ignore_errors=True)
    half = type(model)(model.config)
    half.load_state_dict(model.state_dict())
    if isinstance(model, LlavaForConditionalGeneration):
        half.generation_config = model.generation_config
    half.to(torch.float16).save_pretrained(fresh)
    build_processor_for(model).save_pretrained(fresh)
    for name, text in extra_files.items():
        (fresh / name).write_text(text)
    folder.mkdir(parents=True, exist_ok=True)
    for made in sorted(fresh.iterdir(), key=lambda path: path.suffix == ".safetensors"):
        made.chmod(0o644)
        os.replace(made, folder / made.name)
    fresh.rmdir()
