"""Builders of tiny random checkpoints in the real Hugging Face format, with real processors and a real tokenizer.

Any test may use them: `build_llava(folder, tower="clip")` takes about a second. Weights are random, so what the
words say means nothing; shapes, files and processing are those of the real families.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPECIALS = ("<unk>", "<s>", "</s>")
IMAGE_TOKEN = "<image>"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ 'USER: ' if message['role'] == 'user' else 'ASSISTANT: ' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %} {% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
# per-channel factors of a block's output
SCALES = ("lambda1", "lambda_1", "lambda2", "lambda_2")
_TEXT = """the sky is blue and the sea is green while a red ball lies on the yellow sand
a cat and a dog look at a small house with a white roof near the old tree
an astronaut in an orange suit smiles before a flag and a model of a rocket
coffee in a cup on a wooden table with a spoon beside it and a purple flower
небо голубое и море зелёное 空は青い 海は緑 السماء زرقاء naïve café señor
"""


def tiny_tokenizer() -> Any:
    """A Llama-like BPE tokenizer of about 500 pieces: `▁sky`, byte pieces `<0x0A>`, special and plain added tokens."""
    from transformers import PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    trained.train_from_iterator(_TEXT.splitlines(), trainers.BpeTrainer(vocab_size=200, show_progress=False))
    parts = json.loads(trained.to_str())["model"]
    learned = sorted(parts["vocab"], key=lambda piece: parts["vocab"][piece])
    pieces = [*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256)), *learned]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    merges = [tuple(merge) for merge in parts["merges"]]

    real = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    real.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    real.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    real.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIALS])
    real.add_special_tokens([AddedToken(IMAGE_TOKEN, special=True, normalized=False)])
    real.add_tokens([AddedToken("<plain>", special=False, normalized=False)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=real, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def build_llava(
    folder: Path,
    tower: str = "clip",
    *,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
    image_size: int | None = None,
    patch_size: int | None = None,
    feature_layer: int | list[int] | None = None,
    llm_layers: int = 2,
    vision_layers: int = 4,
    hidden: int = 48,
    vision_hidden: int = 32,
    extra_rows: int = 13,
    max_shard_size: str = "1GB",
    strategy: str | None = None,
    text_class: str = "LlamaConfig",
    image_processor: Any = None,
) -> Path:
    """Save a random LLaVA with a CLIP tower (short-edge resize and centre crop, CLS) or a SigLIP tower (squash).

    The embedding matrix has `extra_rows` padding rows beyond the tokenizer. Returns `folder`.
    """
    import transformers
    from transformers import (
        CLIPVisionConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        SiglipVisionConfig,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    torch.manual_seed(seed)
    clip = tower == "clip"
    strategy = strategy or ("default" if clip else "full")
    size = image_size or (70 if clip else 48)
    patch = patch_size or (14 if clip else 8)
    vision_class = CLIPVisionConfig if clip else SiglipVisionConfig
    tokenizer = tiny_tokenizer()
    config = LlavaConfig(
        vision_config=vision_class(
            hidden_size=vision_hidden,
            intermediate_size=2 * vision_hidden,
            num_hidden_layers=vision_layers,
            num_attention_heads=4,
            image_size=size,
            patch_size=patch,
        ),
        text_config=getattr(transformers, text_class)(
            vocab_size=len(tokenizer) + extra_rows,
            hidden_size=hidden,
            intermediate_size=2 * hidden,
            num_hidden_layers=llm_layers,
            num_attention_heads=4,
            num_key_value_heads=4,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=2,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        vision_feature_layer=feature_layer if feature_layer is not None else (-2 if clip else -1),
        vision_feature_select_strategy=strategy,
        image_seq_length=(size // patch) ** 2 + int(clip and strategy == "full"),
    )
    model = LlavaForConditionalGeneration(config)
    randomise(model, seed)
    # few megabytes, but in several shards where the test asks for it, as real checkpoints come
    model.to(dtype).save_pretrained(folder, max_shard_size=max_shard_size)

    if image_processor is None and clip:
        image_processor = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    elif image_processor is None:
        image_processor = SiglipImageProcessorPil(size={"height": size, "width": size})
    LlavaProcessor(
        image_processor=image_processor,
        tokenizer=tokenizer,
        patch_size=patch,
        vision_feature_select_strategy=strategy,
        num_additional_image_tokens=1 if clip else 0,
        chat_template=CHAT_TEMPLATE,
    ).save_pretrained(folder)
    return folder


def randomise(model: torch.nn.Module, seed: int) -> None:
    """Weights large enough that every pixel matters: initialisations of zero or 1e-10 hide what a test looks for."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                parameter.copy_(1 + 0.1 * noise)
            elif name.rpartition(".")[2] in SCALES or (parameter.numel() == 1 and "gate" in name):
                parameter.copy_(0.8 + 0.1 * noise)  # what a block adds must be seen among what it is added to
            else:
                parameter.copy_(0.15 * noise)
