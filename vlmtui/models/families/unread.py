"""Types of models that transformers calls image-text-to-text and that vlmtui does not read, each with the reason."""

from __future__ import annotations

from vlmtui.errors import ModelError

_CROSS = "whose language model reads images by cross-attention of its own: no image tokens enter a prompt"
_CODES = "whose images become word-pieces of a codebook (VQ), which no projector brings into the language model"
_NO_TOWER = "whose patches enter the language model through a linear layer: it has no vision tower"
_ENCODED = "whose encoder reads the image together with the text: it has no tower of its own and no image tokens"
_MERGED = "whose tower merges patches between its blocks, so that its stages have different patches"

UNREAD = {
    "apertus1p5": _CODES,
    "blip": _CROSS,
    "chameleon": _CODES,
    "deepseek_ocr2": "whose tower reads image and tiles in two passes, of two sizes, and returns queries",
    "diffusion_gemma": "which makes an answer by diffusion, its image tokens in an encoder that is part of its decoder",
    "emu3": _CODES,
    "evolla": "which reads proteins, not images",
    "gemma4_unified": _NO_TOWER,
    "git": "whose language model reads patches beside the text, without image tokens in a prompt",
    "granite4_vision": "whose image tokens are zeros, to which features of the vision layers are added layer by layer",
    "idefics": _CROSS,
    "instructblipvideo": "which was made for videos",
    "kosmos-2.5": "which marks its image's positions by a mask of their own: it has no image token",
    "minicpmv4_6": _MERGED,
    "minicpmv4_7": _MERGED,
    "mistral4": "a language model without a vision tower",
    "pi0": "which moves robots: its answers are actions",
    "pix2struct": _ENCODED,
    "pp_formulanet": _CROSS,
    "shieldgemma2": "a classifier, whose weights transformers does not load into a model with a language model",
    "t5gemma2": "an encoder–decoder whose encoder has both the vision tower and the image tokens",
    "udop": _ENCODED,
    "vision-encoder-decoder": _CROSS,
}


def refuse_unread(model_type: str, name: str) -> None:
    """Raise `ModelError` for a type that is known not to be read; only its config is needed."""
    if why := UNREAD.get(model_type):
        raise ModelError(f"{name} is a {model_type} model, {why}: choose another model")
