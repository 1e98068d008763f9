"""Preprocessing: a model's own image processor and tokenizer, applied to an image and a prompt."""

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

from vlmtui.errors import ModelError, one_line
from vlmtui.json_files import damaged_json, parse_json, read_bounded
from vlmtui.models.families.registry import family_class, has_class_token, is_encoder
from vlmtui.models.loading.template_limits import rendered

DEFAULT_PROMPT = "Describe the image."


@dataclass(frozen=True)
class Inputs:
    """A model's inputs: `pixels` from the image processor, and the prompt's `input_ids` [1, positions] or None."""

    pixels: dict[str, Tensor]
    input_ids: Tensor | None


@dataclass(frozen=True)
class Processing:
    """The image processor, the tokenizer and the processor of a model; an encoder has no tokenizer here.

    `whole` is the family's processor, None where only its parts could be built. `options` are what that processor
    passes to its image processor in addition to the settings in its file, and `separator` is the text between image
    and sentence in a prompt. `folder` is the folder of an encoder's files, from which the tokenizer of its text tower
    is read when it is needed.
    """

    image_processor: Any
    tokenizer: Any
    whole: Any
    options: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    separator: str = "\n"

    def text_tokenizer(self, name: str) -> Any:
        """Read the tokenizer of an encoder's text tower. `ModelError` where it cannot be built."""
        assert self.folder is not None
        return _tokenizer(self.folder, name, {})

    def pixels(self, image: Image.Image) -> dict[str, Tensor]:
        """The tensors that the image processor makes from one upright RGB image."""
        made = self.image_processor(images=image, return_tensors="pt", **self.options)
        return {key: value for key, value in made.items() if isinstance(value, Tensor)}

    def prepare(self, image: Image.Image, prompt: str) -> Inputs:
        """The inputs for one upright RGB image and a sentence."""
        if self.whole is None:
            return Inputs(self.pixels(image), None)
        tensors = self._processed(image, self._text(prompt))
        bos = self.tokenizer.bos_token_id
        if self._bare and bos is not None and bos not in tensors["input_ids"]:
            tensors = self._processed(image, self.tokenizer.bos_token + self._text(prompt))
        ids = tensors.pop("input_ids", None)
        tensors.pop("attention_mask", None)
        tensors.pop("labels", None)  # PaliGemma's processor adds them for training
        return Inputs(tensors, ids)

    def _processed(self, image: Image.Image, text: str) -> dict[str, Tensor]:
        bos = self.tokenizer.bos_token
        # as in transformers' apply_chat_template: where the text begins with BOS, the tokenizer adds none
        options = {"add_special_tokens": False} if bos and text.startswith(bos) else {}
        made = self.whole(images=image, text=text, return_tensors="pt", **options)
        return {key: value for key, value in made.items() if isinstance(value, Tensor)}

    @property
    def _bare(self) -> bool:
        """Whether the prompt is BOS, image, separator and the sentence.

        The family's processor decides where BOS is; PaliGemma's adds a newline at the end.
        """
        # BLIP's processors put the placeholders of their queries before the text, and give the text to the Q-Former
        queries = getattr(self.whole, "num_query_tokens", None)
        return getattr(self.whole, "chat_template", None) is None and not queries

    def _text(self, prompt: str) -> str:
        """The prompt text: the chat template with the image first; without a template image, separator, sentence."""
        if self._bare:
            return f"{self.whole.image_token}{self.separator}{prompt}"
        if getattr(self.whole, "chat_template", None) is None:
            return prompt
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        turns = [{"role": "user", "content": content}]
        return rendered(lambda: str(self.whole.apply_chat_template(turns, add_generation_prompt=True)))


def load_processing(folder: Path, config: Any, name: str, own: bool = True) -> Processing:
    """Load the processor in `folder`, with the PIL image processor unless the family has only a torchvision one.

    `own`: it is the folder of the model, whose `config` need not be read there again.
    """
    image_processor = _image_processor(folder, config, name)
    if is_encoder(config.model_type):
        return Processing(image_processor, None, None, folder=folder)
    # without it transformers reads config.json again, which may name a dtype that it does not take
    of_model = {"config": config} if own else {}
    try:
        whole = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **of_model)
    except Exception as error:
        # families whose processor needs torchvision: its parts suffice, and placeholders are counted from the features
        logging.getLogger(__name__).warning("the processor of %s could not be built completely: %s", name, error)
        whole = None
    if whole is not None and hasattr(whole, "image_processor") and hasattr(whole, "tokenizer"):
        whole.image_processor = image_processor
        _complete(whole, config)
        asked, separator = _options(type(whole), config), family_class(config.model_type).prompt_separator
        return Processing(image_processor, whole.tokenizer, whole, asked, separator=separator)
    asked = _options(_processor_class(config.model_type), config)
    return Processing(image_processor, _tokenizer(folder, name, of_model), None, asked)


def _tokenizer(folder: Path, name: str, of_model: dict[str, Any]) -> Any:
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **of_model)
    except Exception as error:
        raise _cannot_build("tokenizer", folder, name, error) from error


def _image_processor(folder: Path, config: Any, name: str) -> Any:
    declared = _declared_class(folder)
    # classes that transformers has dropped or renamed are called after their family, whose own then reads the file
    of_family = declared is None or _plain(config.model_type) in _plain(declared)
    of_model = {"config": config} if of_family else {}
    try:
        return AutoImageProcessor.from_pretrained(
            folder, backend="pil", local_files_only=True, trust_remote_code=False, **of_model
        )
    except Exception as error:
        if "torchvision" in str(error).lower() and family_class(config.model_type).processes_as_vit:
            return ViTImageProcessorPil.from_pretrained(folder, local_files_only=True)
        if declared is not None and "Unrecognized" in str(error):
            raise ModelError(
                f"{name} names {declared} as its image processor, which transformers does not know: name a model or "
                "folder with another one with --processor"
            ) from error
        raise _cannot_build("image processor", folder, name, error) from error


def _declared_class(folder: Path) -> str | None:
    """The class of the image processor as the processor's files name it."""
    for file, keys in (("preprocessor_config.json", ()), ("processor_config.json", ("image_processor",))):
        try:
            found = parse_json(read_bounded(folder / file))
            for key in keys:
                found = found[key]
            return str(found["image_processor_type"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _processor_class(model_type: str) -> Any:
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    return getattr(transformers, PROCESSOR_MAPPING_NAMES.get(model_type, ""), None)


def _options(processor_class: Any, config: Any) -> dict[str, Any]:
    """The options that a family's processor passes to its image processor, such as to crop to tiles."""
    try:
        asked = dict(getattr(processor_class, "images_kwargs", None) or {})
    except ImportError:  # a placeholder class for one whose dependencies are not installed
        asked = {}
    return asked | family_class(config.model_type).image_options(config)


def _complete(whole: Any, config: Any) -> None:
    """Fill in from the model's config what processors saved by old versions lack, as transformers recommends."""
    if getattr(whole, "patch_size", 0) is None:
        whole.patch_size = config.vision_config.patch_size
        strategy = getattr(config, "vision_feature_select_strategy", "default")
        whole.vision_feature_select_strategy = strategy
        # "default" leaves out the first of the tower's states: the class token, or the first patch where there is none
        whole.num_additional_image_tokens = int(has_class_token(config.vision_config.model_type))


def _cannot_build(part: str, folder: Path, name: str, error: Exception) -> ModelError:
    text = " ".join(str(error).split())
    if "torchvision" in text.lower():
        return ModelError(
            f"the {part} of {name} exists only for torchvision: install it with pip install 'vlmtui[torchvision]'"
        )
    if damaged := damaged_json(folder):
        return ModelError(
            f"the {part} of {name} cannot be built: its {damaged[0]} is damaged ({one_line(damaged[1])}): copy or "
            "download it again, or name another with --processor"
        )
    if isinstance(error, OSError) or "Unrecognized" in text:
        return ModelError(f"{name} has no usable {part} files: name a model or folder that has them with --processor")
    return ModelError(
        f"the {part} of {name} cannot be built ({one_line(error)}): copy or download it again, or name another with "
        "--processor"
    )


def candidate_ids(tokenizer: Any, rows: int, all_tokens: bool) -> Tensor:
    """The rows of an embedding matrix that the nearest-token search covers, int64 ascending.

    Rows of special tokens, and rows for which the tokenizer has no token, are left out unless `all_tokens`.
    """
    if all_tokens:
        return torch.arange(rows)
    special = special_ids(tokenizer)
    named = sorted({i for i in named_ids(tokenizer) if 0 <= i < rows and i not in special})
    return torch.tensor(named, dtype=torch.int64)


def special_ids(tokenizer: Any) -> frozenset[int]:
    """The ids in `all_special_ids` and of added tokens marked special."""
    added = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset(tokenizer.all_special_ids) | added


def named_ids(tokenizer: Any) -> frozenset[int]:
    """The ids of all of the tokenizer's word-pieces."""
    return frozenset(tokenizer.get_vocab().values())


def token_names(
    tokenizer: Any, named: frozenset[int], ids: list[int]
) -> tuple[dict[int, str | None], dict[int, str | None]]:
    """The word-piece of each id and the text that it decodes to; None for ids that the tokenizer does not name."""
    pieces: dict[int, str | None] = {i: tokenizer.convert_ids_to_tokens(i) if i in named else None for i in ids}
    texts: dict[int, str | None] = {i: tokenizer.decode([i]) if i in named else None for i in ids}
    return pieces, texts
