"""A model's own image processor and tokenizer, and what they make of a picture and a prompt."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from vlmtui.errors import ModelError
from vlmtui.models.families.registry import family_class, has_class_token, is_encoder

DEFAULT_PROMPT = "Describe the image."


@dataclass(frozen=True)
class Inputs:
    """`pixels` is what the image processor made; `input_ids` [1, positions] the prompt, None where there is none."""

    pixels: dict[str, Tensor]
    input_ids: Tensor | None


@dataclass(frozen=True)
class Processing:
    """`whole` is the family's processor, None where only its parts could be built; a tower alone has no tokenizer.

    `options` are what the family's processor passes to its image processor beside the settings in its file, `separator`
    is the text between image and sentence in a prompt. `folder` is where the files of a tower alone are: those of a
    text tower beside it are read when there is a text.
    """

    image_processor: Any
    tokenizer: Any
    whole: Any
    options: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    separator: str = "\n"

    def text_tokenizer(self, name: str) -> Any:
        """The tokenizer of the text tower beside a vision tower, read now."""
        assert self.folder is not None
        return _tokenizer(self.folder, name)

    def pixels(self, image: Image.Image) -> dict[str, Tensor]:
        """What the image processor makes of one upright RGB picture."""
        made = self.image_processor(images=image, return_tensors="pt", **self.options)
        return {key: value for key, value in made.items() if isinstance(value, Tensor)}

    def prepare(self, image: Image.Image, prompt: str) -> Inputs:
        """The inputs for one upright RGB picture and a sentence."""
        if self.whole is None:
            return Inputs(self.pixels(image), None)
        tensors = self._processed(image, self._text(prompt))
        bos = self.tokenizer.bos_token_id
        if self._plain and bos is not None and bos not in tensors["input_ids"]:
            tensors = self._processed(image, self.tokenizer.bos_token + self._text(prompt))
        ids = tensors.pop("input_ids", None)
        tensors.pop("attention_mask", None)
        tensors.pop("labels", None)  # PaliGemma's processor makes them too, for training
        return Inputs(tensors, ids)

    def _processed(self, image: Image.Image, text: str) -> dict[str, Tensor]:
        bos = self.tokenizer.bos_token
        # as transformers' own apply_chat_template has it: where BOS is written there, the tokenizer adds none
        options = {"add_special_tokens": False} if bos and text.startswith(bos) else {}
        made = self.whole(images=image, text=text, return_tensors="pt", **options)
        return {key: value for key, value in made.items() if isinstance(value, Tensor)}

    @property
    def _plain(self) -> bool:
        """Whether the prompt is BOS, image, newline and the sentence; BOS is where the family's processor puts it, and
        PaliGemma's own has its newline at the end."""
        # BLIP's processors put the places of their queries before the text, and show the text to the Q-Former
        queries = getattr(self.whole, "num_query_tokens", None)
        return getattr(self.whole, "chat_template", None) is None and not queries

    def _text(self, prompt: str) -> str:
        """The chat template with the image first; without a template image, newline and the sentence."""
        if self._plain:
            return f"{self.whole.image_token}{self.separator}{prompt}"
        if getattr(self.whole, "chat_template", None) is None:
            return prompt
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        return str(self.whole.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True))


def load_processing(folder: Path, config: Any, name: str) -> Processing:
    """The processor in `folder`: PIL's image processor, unless the family has only the torchvision one."""
    image_processor = _image_processor(folder, config, name)
    if is_encoder(config.model_type):
        return Processing(image_processor, None, None, folder=folder)
    try:
        whole = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ImportError, OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        # torchvision's families: the parts will do, and the places are counted from the features
        logging.getLogger(__name__).warning("the processor of %s could not be built whole: %s", name, error)
        whole = None
    if whole is not None and hasattr(whole, "image_processor") and hasattr(whole, "tokenizer"):
        whole.image_processor = image_processor
        _complete(whole, config)
        options, separator = _options(type(whole), config), family_class(config.model_type).prompt_separator
        return Processing(image_processor, whole.tokenizer, whole, options, separator=separator)
    options = _options(_processor_class(config.model_type), config)
    return Processing(image_processor, _tokenizer(folder, name), None, options)


def _tokenizer(folder: Path, name: str) -> Any:
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise _cannot_build("tokenizer", name, error) from error


def _image_processor(folder: Path, config: Any, name: str) -> Any:
    try:
        return AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True, trust_remote_code=False)
    except Exception as error:
        if "torchvision" in str(error).lower() and family_class(config.model_type).processes_as_vit:
            return ViTImageProcessorPil.from_pretrained(folder, local_files_only=True)
        raise _cannot_build("image processor", name, error) from error


def _processor_class(model_type: str) -> Any:
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    return getattr(transformers, PROCESSOR_MAPPING_NAMES.get(model_type, ""), None)


def _options(processor_class: Any, config: Any) -> dict[str, Any]:
    """What a family's processor asks of its image processor, such as to crop to tiles."""
    try:
        asked = dict(getattr(processor_class, "images_kwargs", None) or {})
    except ImportError:  # a class that stands for one that this machine cannot have
        asked = {}
    return asked | family_class(config.model_type).image_options(config)


def _complete(whole: Any, config: Any) -> None:
    """Fill in what processors saved by old versions lack, from the model's config, as their authors ask for."""
    if getattr(whole, "patch_size", 0) is None:
        whole.patch_size = config.vision_config.patch_size
        strategy = getattr(config, "vision_feature_select_strategy", "default")
        whole.vision_feature_select_strategy = strategy
        # "default" drops the class token again; "full" keeps it where the tower has one
        whole.num_additional_image_tokens = int(
            has_class_token(config.vision_config.model_type) or strategy == "default"
        )


def _cannot_build(part: str, name: str, error: Exception) -> ModelError:
    text = " ".join(str(error).split())
    if "torchvision" in text.lower():
        return ModelError(
            f"the {part} of {name} exists only for torchvision: install it with pip install 'vlmtui[torchvision]'"
        )
    if isinstance(error, OSError) or "Unrecognized" in text:
        return ModelError(f"{name} has no usable {part} files: name a model or folder that has them with --processor")
    brief = text if len(text) <= 160 else text[:157] + "..."
    return ModelError(f"the {part} of {name} cannot be built ({brief}): name another with --processor")


def candidate_ids(tokenizer: Any, rows: int, all_tokens: bool) -> Tensor:
    """The rows of an embedding matrix that words are looked for in, int64 ascending.

    Those that the tokenizer can name and that are not special; with `all_tokens` every row there is.
    """
    if all_tokens:
        return torch.arange(rows)
    special = special_ids(tokenizer)
    named = sorted({i for i in named_ids(tokenizer) if 0 <= i < rows and i not in special})
    return torch.tensor(named, dtype=torch.int64)


def special_ids(tokenizer: Any) -> frozenset[int]:
    """Ids in `all_special_ids`, and added tokens marked special."""
    added = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset(tokenizer.all_special_ids) | added


def named_ids(tokenizer: Any) -> frozenset[int]:
    """Every id that the tokenizer has a piece for."""
    return frozenset(tokenizer.get_vocab().values())


def token_names(
    tokenizer: Any, named: frozenset[int], ids: list[int]
) -> tuple[dict[int, str | None], dict[int, str | None]]:
    """For each id the tokenizer's own piece, and what it decodes to; None for rows it has no name for."""
    pieces: dict[int, str | None] = {i: tokenizer.convert_ids_to_tokens(i) if i in named else None for i in ids}
    texts: dict[int, str | None] = {i: tokenizer.decode([i]) if i in named else None for i in ids}
    return pieces, texts
