"""The models that vlmtui has short names for: their published configs, and the sizes that follow from them.

`python -m tests.models.model_aliases` writes `vlmtui/model_aliases.json`, which the front ends read. Nothing in it is
recalled from model cards: each size is counted on a model built without numbers from the config below, as transformers
builds it.
`published` is the count of parameters that the hub shows for the model's safetensors, where it is known: a check on
the config.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlmtui.catalogue import KNOWN
from vlmtui.models.loading.checkpoint import Checkpoint
from vlmtui.models.loading.loader import empty_model, parameter_count

Config = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """A short name, the hub's name, licence, dtype of the stored weights, published count of parameters, config."""

    alias: str
    hub: str
    licence: str
    stored: str
    published: int | None
    config: Config


# what their authors want accepted on the hub before anything can be downloaded
GATED = ("google/gemma", "google/paligemma", "meta-llama/", "CohereLabs/", "facebook/dinov3")


def vlm(model_type: str, text: Config, vision: Config, **more: Any) -> Config:
    return {"model_type": model_type, "text_config": text, "vision_config": vision, **more}


def decoder(
    model_type: str, vocab: int, hidden: int, inter: int, layers: int, heads: int, kv: int | None = None, **more: Any
) -> Config:
    return {
        "model_type": model_type,
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": inter,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv or heads,
        **more,
    }


def tower(
    model_type: str, hidden: int, inter: int, layers: int, heads: int, image: int, patch: int, **more: Any
) -> Config:
    return {
        "model_type": model_type,
        "hidden_size": hidden,
        "intermediate_size": inter,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "image_size": image,
        "patch_size": patch,
        **more,
    }


def so400m(
    image: int, layers: int = 27, patch: int = 14, model_type: str = "siglip_vision_model", **more: Any
) -> Config:
    return tower(model_type, 1152, 4304, layers, 16, image, patch, **more)


CLIP = tower("clip_vision_model", 1024, 4096, 24, 16, 336, 14, projection_dim=768)
NO_HEAD = {"vision_use_head": False}
GRID = {"image_grid_pinpoints": [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]}


def qwen2(vocab: int, hidden: int, inter: int, layers: int, heads: int, kv: int, **more: Any) -> Config:
    return decoder("qwen2", vocab, hidden, inter, layers, heads, kv, **more)


def qwen2_vl(hidden: int, inter: int, layers: int, heads: int, kv: int, vocab: int, tied: bool) -> Config:
    text = decoder("qwen2_vl_text", vocab, hidden, inter, layers, heads, kv, tie_word_embeddings=tied)
    vision = {"depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "num_heads": 16, "patch_size": 14, "hidden_size": hidden}
    return vlm("qwen2_vl", text, vision, tie_word_embeddings=tied)


def qwen2_5_vl(
    hidden: int, inter: int, layers: int, heads: int, kv: int, vocab: int, tied: bool, vision_inter: int = 3420
) -> Config:
    text = decoder("qwen2_5_vl_text", vocab, hidden, inter, layers, heads, kv, tie_word_embeddings=tied)
    vision = {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": vision_inter,
        "num_heads": 16,
        "patch_size": 14,
        "out_hidden_size": hidden,
    }
    return vlm("qwen2_5_vl", text, vision, tie_word_embeddings=tied)


def qwen3_vl(hidden: int, inter: int, layers: int, heads: int, tied: bool, vision: Config) -> Config:
    text = decoder("qwen3_vl_text", 151936, hidden, inter, layers, heads, 8, head_dim=128, tie_word_embeddings=tied)
    shared = {"num_heads": 16, "patch_size": 16, "num_position_embeddings": 2304, "out_hidden_size": hidden}
    return vlm("qwen3_vl", text, {**shared, **vision}, tie_word_embeddings=tied)


QWEN3_SMALL = {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "deepstack_visual_indexes": [5, 11, 17]}
QWEN3_LARGE = {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "deepstack_visual_indexes": [8, 16, 24]}


def gemma3(hidden: int, inter: int, layers: int, heads: int, kv: int, head: int = 256) -> Config:
    text = decoder("gemma3_text", 262208, hidden, inter, layers, heads, kv, head_dim=head)
    return vlm("gemma3", text, so400m(896, **NO_HEAD), mm_tokens_per_image=256)


def internvl(text: Config) -> Config:
    vision = tower("internvl_vision", 1024, 4096, 24, 16, 448, 14, attention_bias=True)
    vision |= {"image_size": [448, 448], "patch_size": [14, 14]}
    return vlm("internvl", text, vision, downsample_ratio=0.5, tie_word_embeddings=False)


def idefics3(model_type: str, text: Config, vision: Config, scale: int, tied: bool = False) -> Config:
    text = {**text, "tie_word_embeddings": tied}
    kind = "idefics3_vision" if model_type == "idefics3" else "smolvlm_vision"
    return vlm(model_type, text, {**vision, "model_type": kind}, scale_factor=scale, tie_word_embeddings=tied)


MODELS = (
    Model(
        "llava-1.5-7b", "llava-hf/llava-1.5-7b-hf", "llama2", "float16", 7_063_427_072,
        vlm("llava", decoder("llama", 32064, 4096, 11008, 32, 32), CLIP),
    ),
    Model(
        "llava-1.5-13b", "llava-hf/llava-1.5-13b-hf", "llama2", "float16", None,
        vlm("llava", decoder("llama", 32064, 5120, 13824, 40, 40), CLIP),
    ),
    Model(
        "llava-next-mistral-7b", "llava-hf/llava-v1.6-mistral-7b-hf", "apache-2.0", "float16", 7_566_747_648,
        vlm("llava_next", decoder("mistral", 32064, 4096, 14336, 32, 32, 8), CLIP, **GRID),
    ),
    Model(
        "llava-next-vicuna-7b", "llava-hf/llava-v1.6-vicuna-7b-hf", "llama2", "float16", 7_063_431_168,
        vlm("llava_next", decoder("llama", 32064, 4096, 11008, 32, 32), CLIP, **GRID),
    ),
    Model(
        "llava-onevision-7b", "llava-hf/llava-onevision-qwen2-7b-ov-hf", "apache-2.0", "float16", 8_030_348_832,
        vlm(
            "llava_onevision", qwen2(152064, 3584, 18944, 28, 28, 4), so400m(384, 26, **NO_HEAD), **GRID,
        ),
    ),
    Model(
        "paligemma-3b", "google/paligemma-3b-mix-224", "gemma", "float32", 2_923_466_480,
        vlm(
            "paligemma", decoder("gemma", 257216, 2048, 16384, 18, 8, 1, head_dim=256),
            so400m(224, projection_dim=2048, **NO_HEAD), projection_dim=2048,
        ),
    ),
    Model(
        "paligemma2-3b", "google/paligemma2-3b-mix-224", "gemma", "bfloat16", None,
        vlm(
            "paligemma", decoder("gemma2", 257216, 2304, 9216, 26, 8, 4, head_dim=256),
            so400m(224, projection_dim=2304, **NO_HEAD), projection_dim=2304,
        ),
    ),
    Model("gemma3-4b", "google/gemma-3-4b-it", "gemma", "bfloat16", 4_300_079_472, gemma3(2560, 10240, 34, 8, 4)),
    Model("gemma3-12b", "google/gemma-3-12b-it", "gemma", "bfloat16", 12_187_325_040, gemma3(3840, 15360, 48, 16, 8)),
    Model(
        "gemma3-27b", "google/gemma-3-27b-it", "gemma", "bfloat16", 27_432_406_640,
        gemma3(5376, 21504, 62, 32, 16, 128),
    ),
    Model(
        "qwen2-vl-2b", "Qwen/Qwen2-VL-2B-Instruct", "apache-2.0", "bfloat16", 2_208_985_600,
        qwen2_vl(1536, 8960, 28, 12, 2, 151936, True),
    ),
    Model(
        "qwen2-vl-7b", "Qwen/Qwen2-VL-7B-Instruct", "apache-2.0", "bfloat16", 8_291_375_616,
        qwen2_vl(3584, 18944, 28, 28, 4, 152064, False),
    ),
    Model(
        "qwen2.5-vl-3b", "Qwen/Qwen2.5-VL-3B-Instruct", "qwen-research", "bfloat16", 3_754_622_976,
        qwen2_5_vl(2048, 11008, 36, 16, 2, 151936, True),
    ),
    Model(
        "qwen2.5-vl-7b", "Qwen/Qwen2.5-VL-7B-Instruct", "apache-2.0", "bfloat16", 8_292_166_656,
        qwen2_5_vl(3584, 18944, 28, 28, 4, 152064, False),
    ),
    Model(
        "qwen2.5-vl-72b", "Qwen/Qwen2.5-VL-72B-Instruct", "qwen", "bfloat16", 73_410_777_344,
        qwen2_5_vl(8192, 29568, 80, 64, 8, 152064, False, 3456),
    ),
    Model(
        "qwen3-vl-2b", "Qwen/Qwen3-VL-2B-Instruct", "apache-2.0", "bfloat16", 2_127_532_032,
        qwen3_vl(2048, 6144, 28, 16, True, QWEN3_SMALL),
    ),
    Model(
        "qwen3-vl-4b", "Qwen/Qwen3-VL-4B-Instruct", "apache-2.0", "bfloat16", 4_437_815_808,
        qwen3_vl(2560, 9728, 36, 32, True, QWEN3_SMALL),
    ),
    Model(
        "qwen3-vl-8b", "Qwen/Qwen3-VL-8B-Instruct", "apache-2.0", "bfloat16", 8_767_123_696,
        qwen3_vl(4096, 12288, 36, 32, False, QWEN3_LARGE),
    ),
    Model(
        "internvl3-1b", "OpenGVLab/InternVL3-1B-hf", "mit, qwen", "bfloat16", None,
        internvl(qwen2(151674, 896, 4864, 24, 14, 2)),
    ),
    Model(
        "internvl3-2b", "OpenGVLab/InternVL3-2B-hf", "mit, qwen", "bfloat16", 2_088_957_440,
        internvl(qwen2(151674, 1536, 8960, 28, 12, 2)),
    ),
    Model(
        "internvl3-8b", "OpenGVLab/InternVL3-8B-hf", "mit, qwen", "bfloat16", 7_944_373_760,
        internvl(qwen2(151674, 3584, 18944, 28, 28, 4)),
    ),
    Model(
        "smolvlm-256m", "HuggingFaceTB/SmolVLM-256M-Instruct", "apache-2.0", "bfloat16", 256_484_928,
        idefics3(
            "idefics3", decoder("llama", 49280, 576, 1536, 30, 9, 3), tower("", 768, 3072, 12, 12, 512, 16), 4,
        ),
    ),
    Model(
        "smolvlm-500m", "HuggingFaceTB/SmolVLM-500M-Instruct", "apache-2.0", "bfloat16", 507_482_304,
        idefics3(
            "idefics3", decoder("llama", 49280, 960, 2560, 32, 15, 5), tower("", 768, 3072, 12, 12, 512, 16), 4,
        ),
    ),
    Model(
        "smolvlm", "HuggingFaceTB/SmolVLM-Instruct", "apache-2.0", "bfloat16", 2_246_272_880,
        idefics3("idefics3", decoder("llama", 49155, 2048, 8192, 24, 32), so400m(384), 3),
    ),
    Model(
        "smolvlm2", "HuggingFaceTB/SmolVLM2-2.2B-Instruct", "apache-2.0", "float32", 2_246_784_880,
        idefics3("smolvlm", decoder("llama", 49280, 2048, 8192, 24, 32), so400m(384), 3),
    ),
    Model(
        "idefics3-8b", "HuggingFaceM4/Idefics3-8B-Llama3", "apache-2.0", "bfloat16", None,
        idefics3("idefics3", decoder("llama", 128259, 4096, 14336, 32, 32, 8), so400m(364), 2),
    ),
    Model(
        "idefics2-8b", "HuggingFaceM4/idefics2-8b", "apache-2.0", "float32", 8_402_768_112,
        vlm(
            "idefics2", decoder("mistral", 32003, 4096, 14336, 32, 32, 8),
            so400m(980, model_type="idefics2_vision"),
            perceiver_config={"model_type": "idefics2_perceiver", "hidden_size": 4096},
        ),
    ),
    Model(
        "pixtral-12b", "mistral-community/pixtral-12b", "apache-2.0", "bfloat16", None,
        vlm(
            "llava", decoder("mistral", 131072, 5120, 14336, 40, 32, 8, head_dim=128),
            tower("pixtral", 1024, 4096, 24, 16, 1024, 16), vision_feature_layer=-1,
            vision_feature_select_strategy="full",
        ),
    ),
    Model(
        "mistral3-24b", "mistralai/Mistral-Small-3.1-24B-Instruct-2503", "apache-2.0", "bfloat16", 24_011_361_280,
        vlm(
            "mistral3", decoder("mistral", 131072, 5120, 32768, 40, 32, 8, head_dim=128),
            tower("pixtral", 1024, 4096, 24, 16, 1540, 14), spatial_merge_size=2, multimodal_projector_bias=False,
            vision_feature_layer=-1, tie_word_embeddings=False,
        ),
    ),
    Model(
        "aya-vision-8b", "CohereLabs/aya-vision-8b", "cc-by-nc-4.0", "float16", None,
        vlm(
            "aya_vision", decoder("cohere2", 256000, 4096, 14336, 32, 32, 8), so400m(364, **NO_HEAD),
            alignment_intermediate_size=28672, downsample_factor=2,
        ),
    ),
    Model(
        "blip2-opt-2.7b", "Salesforce/blip2-opt-2.7b", "mit", "float32", 3_744_761_856,
        vlm(
            "blip-2",
            {
                "model_type": "opt", "vocab_size": 50304, "hidden_size": 2560, "word_embed_proj_dim": 2560,
                "ffn_dim": 10240, "num_hidden_layers": 32, "num_attention_heads": 32,
            },
            {}, qformer_config={}, num_query_tokens=32, image_token_index=50265,
        ),
    ),
    Model(
        "instructblip-vicuna-7b", "Salesforce/instructblip-vicuna-7b", "research only", "float32", None,
        vlm(
            "instructblip", decoder("llama", 32001, 4096, 11008, 32, 32), {},
            qformer_config={"vocab_size": 30523}, num_query_tokens=32, image_token_index=32000,
        ),
    ),
    Model(
        "mllama-11b", "meta-llama/Llama-3.2-11B-Vision-Instruct", "llama3.2", "bfloat16", 10_670_220_835,
        vlm(
            "mllama",
            decoder(
                "mllama_text_model", 128256, 4096, 14336, 40, 32, 8,
                cross_attention_layers=[3, 8, 13, 18, 23, 28, 33, 38],
            ),
            {
                "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_global_layers": 8,
                "attention_heads": 16, "image_size": 560, "patch_size": 14, "max_num_tiles": 4,
                "vision_output_dim": 7680, "intermediate_layers_indices": [3, 7, 15, 23, 30],
            },
        ),
    ),
    Model(
        "clip-vit-l-336", "openai/clip-vit-large-patch14-336", "mit", "float32", 427_944_193,
        vlm(
            "clip",
            {
                "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
                "vocab_size": 49408, "max_position_embeddings": 77, "projection_dim": 768,
            },
            CLIP, projection_dim=768,
        ),
    ),
    Model(
        "siglip-so400m", "google/siglip-so400m-patch14-384", "apache-2.0", "float32", 877_960_498,
        vlm(
            "siglip",
            {
                "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16,
                "vocab_size": 32000,
            },
            so400m(384),
        ),
    ),
    Model(
        "siglip2-so400m", "google/siglip2-so400m-patch14-384", "apache-2.0", "float32", 1_136_008_498,
        vlm(
            "siglip",
            {
                "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16,
                "vocab_size": 256000,
            },
            so400m(384),
        ),
    ),
    Model(
        "siglip2-naflex", "google/siglip2-base-patch16-naflex", "apache-2.0", "float32", None,
        vlm(
            "siglip2",
            {
                "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
                "vocab_size": 256000,
            },
            {
                "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
                "patch_size": 16, "num_patches": 256,
            },
        ),
    ),
    Model(
        "vit-base", "google/vit-base-patch16-224", "apache-2.0", "float32", 86_567_656,
        {
            **tower("vit", 768, 3072, 12, 12, 224, 16), "architectures": ["ViTForImageClassification"],
            "id2label": {str(i): str(i) for i in range(1000)},
        },
    ),
    Model(
        "dinov2-base", "facebook/dinov2-base", "apache-2.0", "float32", 86_580_480,
        tower("dinov2", 768, 3072, 12, 12, 518, 14),
    ),
    Model(
        "dinov2-large", "facebook/dinov2-large", "apache-2.0", "float32", 304_368_640,
        tower("dinov2", 1024, 4096, 24, 16, 518, 14),
    ),
    Model(
        "dinov2-registers-base", "facebook/dinov2-with-registers-base", "apache-2.0", "float32", 86_583_552,
        tower("dinov2_with_registers", 768, 3072, 12, 12, 518, 14, num_register_tokens=4),
    ),
    Model(
        "dinov3-base", "facebook/dinov3-vitb16-pretrain-lvd1689m", "dinov3", "float32", 85_660_416,
        tower("dinov3_vit", 768, 3072, 12, 12, 224, 16, num_register_tokens=4, key_bias=False),
    ),
)  # fmt: skip


def rows(model: Model) -> dict[str, Any]:
    """One row of the table: how many numbers the tower and projector, the words, and the decoder's layers have."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(model.config))
        checkpoint = Checkpoint(model.alias, Path(folder), None, model.config)
        seen, whole = parameter_count(empty_model(checkpoint)), parameter_count(empty_model(checkpoint, None))
        words = _words(empty_model(checkpoint)) if whole > seen else 0
    return {
        "alias": model.alias,
        "hub": model.hub,
        "family": model.config["model_type"],
        "licence": model.licence,
        "gated": model.hub.startswith(GATED),
        "stored": model.stored,
        "vision": seen - words,
        "words": words,
        "layers": whole - seen,
    }


def _words(model: Any) -> int:
    """The embedding matrix; none of a vision tower."""
    if model.get_output_embeddings() is None:
        return 0
    return int(model.get_input_embeddings().weight.numel())


def table() -> str:
    """The whole file."""
    lines = ",\n".join(f" {json.dumps(rows(model))}" for model in MODELS)
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    KNOWN.write_text(table(), encoding="utf-8")
