"""Preprocessing: a model's own image processor and tokenizer, applied to an image and a prompt."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from vlmtui.errors import ImageError, ModelError, UsageError, VlmtuiError, lacks_memory, one_line
from vlmtui.images.levels import Pixels
from vlmtui.models.families.registry import family_class, has_class_token, is_encoder
from vlmtui.models.loading.chat_templates import NO_IMAGE, PromptText, chat_templates, prompts, without_templates
from vlmtui.models.loading.config_values import check_processor_values, processor_configs
from vlmtui.models.loading.processor_faults import cannot_build, image_processor_fault, no_files
from vlmtui.reading import TemplateKind

_IMAGE = re.compile(r"image|img", re.IGNORECASE)
_ORDINARY = (640, 480)
DEFAULT_PROMPT = "Describe the image."


@dataclass(frozen=True)
class Inputs:
    """A model's inputs: `pixels` from the image processor, and the prompt's `input_ids` [1, positions] or None.

    `prompt` is that prompt, or the one to be expanded where there are no ids yet; None for a model that reads none.
    """

    pixels: dict[str, Tensor]
    input_ids: Tensor | None
    prompt: PromptText | None = None


@dataclass(frozen=True)
class Processing:
    """The image processor, the tokenizer and the processor of a model; an encoder has no tokenizer here.

    `whole` is the family's processor, None where only its parts could be built. `options` are what that processor
    passes to its image processor in addition to the settings in its file, and `separator` is the text between image
    and sentence in a prompt without a chat template. `folder` is the folder of the processor's files, from which the
    tokenizer of an encoder's text tower is read when it is needed. `image_token` is the id of the config's image token.
    """

    image_processor: Any
    tokenizer: Any
    whole: Any
    options: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    separator: str = "\n"
    image_token: int | None = None
    # what the family does with all that its processors make
    tidy: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict
    # whether the family's processor places the image in a prompt itself
    places_image: bool = False
    # by sentence: which prompt has an image does not depend on the image
    _chosen: dict[str, PromptText] = field(default_factory=dict)

    def text_tokenizer(self, name: str) -> Any:
        """Read the tokenizer of an encoder's text tower. `ModelError` where it cannot be built."""
        assert self.folder is not None
        return _tokenizer(self.folder, name, {})

    def pixels(self, image: Image.Image | Pixels) -> dict[str, Tensor]:
        """The tensors that the image processor makes from one upright RGB image, or its uint8 [height, width, 3]."""
        # some processors pass `return_tensors` on
        made = self.image_processor(images=image, **self.options | {"return_tensors": "pt"})
        return self.tidy({key: value for key, value in made.items() if isinstance(value, Tensor)})

    def works(self) -> bool:
        """Whether an image of an ordinary size is prepared."""
        try:
            self.prepare(Image.new("RGB", _ORDINARY), "")
        except Exception:
            return False
        return True

    def refusal(self, error: Exception, image: str, name: str) -> VlmtuiError:
        """What is said of a failure with an image: it is the image's, unless the processor fails with every one."""
        if self.works():
            return ImageError(
                f"{image}, and the processor of {name} rejects it ({one_line(error)}): crop or enlarge it"
            )
        return ModelError(
            f"the processor of {name} fails ({type(error).__name__}: {one_line(error)}): name another with --processor"
        )

    def prepare(self, image: Image.Image | Pixels, sentence: str) -> Inputs:
        """The inputs for one upright RGB image and a sentence.

        A chat template that fails or has no image is passed over. Where the processor makes no prompt at all, there are
        no `input_ids`. Raises what the image processor raises; `UsageError` for a sentence with the image's token.
        """
        if self.tokenizer is None:
            return Inputs(self.pixels(image), None)
        self._check_sentence(sentence)
        if self.whole is None:
            return Inputs(self.pixels(image), None, self._by_tokenizer(sentence))
        problem, failed = "", False
        for prompt, why in self._prompts(sentence):
            tensors: dict[str, Tensor] | None = None
            by_template = prompt is not None and prompt.template in ("chat", "tokenizer")
            if prompt is not None:
                try:
                    tensors = self._processed(image, prompt.text, self._bare and prompt.template == "none")
                except Exception as error:  # of the image it is raised again below
                    if lacks_memory(error):
                        raise
                    failed = True
                    places = any(piece in prompt.text for piece in self._image_pieces)
                    why = f"its processor fails: {type(error).__name__}: {one_line(error)}" if places else NO_IMAGE
            if prompt is None or tensors is None:
                problem = problem or why
                continue
            ids = tensors.pop("input_ids", None)
            if by_template and not self._has_image(ids):
                problem = problem or NO_IMAGE
                continue
            tensors.pop("attention_mask", None)
            tensors.pop("labels", None)  # PaliGemma's processor adds them for training
            chosen = prompt if by_template else replace(prompt, problem=problem or prompt.problem)
            if not failed:  # what failed may have been due to this image
                self._chosen[sentence] = chosen
            return Inputs(tensors, ids, chosen)
        return Inputs(self.pixels(image), None, PromptText(self._without_template(sentence), problem=problem))

    def _check_sentence(self, sentence: str) -> None:
        """Raise `UsageError` for a sentence with the image's token: there are as many as the image has."""
        found = self._image_tokens.intersection(self.tokenizer(sentence, add_special_tokens=False)["input_ids"])
        if found:
            piece = self.tokenizer.convert_ids_to_tokens(min(found))
            raise UsageError(
                f"the prompt contains {piece}, this model's own token for an image, which is put in without that: "
                "leave it out"
            )

    def _prompts(self, sentence: str) -> Iterator[tuple[PromptText | None, str]]:
        """The prompts to try, or None and why there is none."""
        if sentence in self._chosen:
            yield self._chosen[sentence], self._chosen[sentence].problem
            return
        yield from prompts(self._templates, self.whole, sentence)
        if self._bare:
            yield PromptText(self._without_template(sentence)), ""
        else:
            yield PromptText(sentence, "processor"), ""

    def _by_tokenizer(self, sentence: str) -> PromptText:
        """The prompt by the tokenizer's own means, with one placeholder of the image."""
        if sentence not in self._chosen:
            self._chosen[sentence] = self._found_by_tokenizer(sentence)
        return self._chosen[sentence]

    def _found_by_tokenizer(self, sentence: str) -> PromptText:
        problem = ""
        for prompt, why in prompts(self._templates, self.tokenizer, sentence):
            if prompt is not None:
                ids = self.tokenizer(prompt.text, add_special_tokens=False)["input_ids"]
                if sum(ids.count(token) for token in self._image_tokens) == 1:
                    return prompt
                why = NO_IMAGE
            problem = problem or why
        return PromptText(self._without_template(sentence), problem=problem)

    @cached_property
    def _templates(self) -> list[tuple[TemplateKind, str]]:
        assert self.folder is not None
        return chat_templates(self.folder, self.whole, self.tokenizer)

    @cached_property
    def _image_tokens(self) -> frozenset[int]:
        """The ids of the image token: the config's and the tokenizer's, which should be one."""
        return frozenset(token for token in (self.image_token, self.tokenizers_image_token) if token is not None)

    @cached_property
    def tokenizers_image_token(self) -> int | None:
        """The id of the image token as processor or tokenizer know it; None where they do not say.

        Where neither names it, and the config's is no token added for such a purpose, it is the one that is called so.
        """
        vocabulary = self.tokenizer.get_vocab()
        for owner in (self.whole, self.tokenizer):
            piece = getattr(owner, "image_token", None)
            if isinstance(piece, str) and piece in vocabulary:
                return int(vocabulary[piece])
        if self.image_token in self.tokenizer.added_tokens_decoder:
            return None
        called = [piece for piece in self._image_pieces if piece in vocabulary]
        if len(called) > 1:
            called = [piece for piece in called if any(piece in template for _, template in self._templates)]
        return int(vocabulary[called[0]]) if len(called) == 1 else None

    @cached_property
    def _image_pieces(self) -> frozenset[str]:
        """The added tokens that may stand for an image in a text."""
        added = {str(token) for token in self.tokenizer.added_tokens_decoder.values()}
        named = getattr(self.whole, "image_token", None)
        return frozenset(piece for piece in added if _IMAGE.search(piece)) | ({named} if named else frozenset())

    def _has_image(self, ids: Tensor | None) -> bool:
        return ids is not None and any(bool((ids == token).any()) for token in self._image_tokens)

    def _without_template(self, sentence: str) -> str:
        piece = getattr(self.whole, "image_token", None)
        if piece is None and self.image_token is not None:
            piece = self.tokenizer.convert_ids_to_tokens(self.image_token)
        return f"{piece}{self.separator}{sentence}"

    def _processed(self, image: Image.Image | Pixels, text: str, add_bos: bool) -> dict[str, Tensor]:
        """The processor's tensors. `add_bos`: the text is to begin with BOS, whether or not the tokenizer adds it."""
        tensors = self._tensors(image, text)
        bos = self.tokenizer.bos_token_id
        if add_bos and bos is not None and bos not in tensors["input_ids"]:
            tensors = self._tensors(image, self.tokenizer.bos_token + text)
        return tensors

    def _tensors(self, image: Image.Image | Pixels, text: str) -> dict[str, Tensor]:
        bos = self.tokenizer.bos_token
        # as in transformers' apply_chat_template: where the text begins with BOS, the tokenizer adds none
        options = {"add_special_tokens": False} if bos and text.startswith(bos) else {}
        made = self.whole(images=image, text=text, return_tensors="pt", **options)
        return self.tidy({key: value for key, value in made.items() if isinstance(value, Tensor)})

    @property
    def _bare(self) -> bool:
        """Whether a prompt without template is BOS, image, separator and the sentence.

        The family's processor decides where BOS is; PaliGemma's adds a newline at the end.
        """
        # BLIP's processors put the placeholders of their queries before the text, and give the text to the Q-Former
        return not (self.places_image or getattr(self.whole, "num_query_tokens", None))


def load_processing(folder: Path, config: Any, name: str, own: bool = True) -> Processing:
    """Load the processor in `folder`, with the PIL image processor unless the family has only a torchvision one.

    `own`: it is the folder of the model, whose `config` need not be read there again.
    """
    image_processor, family = _image_processor(folder, config, name), family_class(config.model_type)
    if is_encoder(config.model_type):
        return Processing(image_processor, None, None, folder=folder)
    of_family: dict[str, Any] = {
        "folder": folder,
        "image_token": getattr(config, "image_token_id", None),
        "tidy": partial(family.tidied, config=config),
        "places_image": family.processor_places_image,
    }
    # without it transformers reads config.json again, which may name a dtype that it does not take
    of_model = {"config": config} if own else {}
    try:
        whole = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **of_model)
    except Exception as error:
        # families whose processor needs torchvision (one of them recurses without end): its parts suffice, and
        # placeholders are counted from the features
        logging.getLogger(__name__).warning("the processor of %s could not be built completely: %s", name, error)
        whole = None
    if family.has_own_processor and hasattr(whole, "image_processor") and hasattr(whole, "tokenizer"):
        whole.image_processor = image_processor
        _filled(whole.tokenizer, folder, name)
        _complete(whole, config)
        asked = _options(type(whole), config)
        return Processing(
            image_processor, whole.tokenizer, whole, asked, separator=family.prompt_separator, **of_family
        )
    asked = _options(_processor_class(config.model_type), config)
    tokenizer = _tokenizer(folder, name, of_model)
    return Processing(image_processor, tokenizer, None, asked, **of_family)


def check_image_processor(folder: Path, config: Any, name: str) -> None:
    """Raise `ModelError` where no image processor can be built from the files in `folder`; no weights are needed."""
    _image_processor(folder, config, name)


def _tokenizer(folder: Path, name: str, of_model: dict[str, Any]) -> Any:
    def read(place: Path) -> Any:
        return AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False, **of_model)

    try:
        return _filled(read(folder), folder, name)
    except ModelError:
        raise
    except Exception as error:
        with contextlib.suppress(Exception), without_templates(folder) as place:
            return _filled(read(place), folder, name)
        raise cannot_build("tokenizer", folder, name, error) from error


def _filled(tokenizer: Any, folder: Path, name: str) -> Any:
    """A tokenizer that was read from files: without any, transformers makes an empty one and says nothing."""
    files = {*tokenizer.vocab_files_names.values(), "tokenizer.json"}
    if tokenizer.vocab_files_names and not any((folder / file).is_file() for file in files):
        raise no_files("tokenizer", name)
    return tokenizer


def _image_processor(folder: Path, config: Any, name: str) -> Any:
    check_processor_values(folder, name)
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
        raise image_processor_fault(folder, name, error, declared) from error


def _declared_class(folder: Path) -> str | None:
    """The class of the image processor as the processor's files name it."""
    declared = (
        found["image_processor_type"] for _, found in processor_configs(folder) if "image_processor_type" in found
    )
    return next(map(str, declared), None)


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


def on_device(tensors: dict[str, Tensor], device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
    """An image processor's tensors on a device, its pixels in the model's dtype."""
    moved = {key: value.to(device) for key, value in tensors.items()}
    return {key: value.to(dtype) if "pixel_values" in key else value for key, value in moved.items()}
