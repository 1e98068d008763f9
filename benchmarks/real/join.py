"""A LLaVA of the backbone and the LLM, with a projector of random weights between them."""

from __future__ import annotations

from typing import Any

from benchmarks.real.llm import GgufFile

IMAGE_TOKEN = "<image>"
LOUDER = 20.0  # factor of the projector's last layer in the other checkpoint


def llava(backbone: Any, file: GgufFile, seed: int = 0) -> Any:
    """The model: the tower's last state without the class token, a two-layer MLP of random weights, the LLM."""
    import torch
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    text = file.config()
    image_token = text.vocab_size  # a row of zeros after all others
    text.vocab_size += 1
    config = LlavaConfig(
        vision_config=backbone.config,
        text_config=text,
        image_token_index=image_token,
        image_seq_length=256,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration(config).eval()
    tensors = file.tensors()
    embeddings = tensors["embed_tokens.weight"]
    tensors["embed_tokens.weight"] = torch.cat([embeddings, torch.zeros(1, embeddings.shape[1])])
    model.model.language_model.load_state_dict(tensors)
    model.model.vision_tower.load_state_dict(backbone.state_dict())
    for layer in (model.model.multi_modal_projector.linear_1, model.model.multi_modal_projector.linear_2):
        torch.nn.init.normal_(layer.weight, std=layer.weight.shape[1] ** -0.5)
        torch.nn.init.zeros_(layer.bias)
    model.tie_weights()
    return model


def make_louder(model: Any) -> None:
    """Multiply the projector's last layer: image tokens of the same directions, 20 times as long."""
    import torch

    with torch.no_grad():
        for parameter in model.model.multi_modal_projector.linear_2.parameters():
            parameter *= LOUDER


def processor(images: Any, file: GgufFile) -> Any:
    """Its processor: the image before the question, in the LLM's chat template."""
    from transformers import LlavaProcessor

    return LlavaProcessor(
        image_processor=images,
        tokenizer=file.tokenizer(IMAGE_TOKEN),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_template(),
    )


def _template() -> str:
    """SmolLM2's template without a system's message, for a user's parts."""
    return (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
        "{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
