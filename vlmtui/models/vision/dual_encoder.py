"""Dual encoders (CLIP, SigLIP, SigLIP 2): texts and images as vectors in one space.

The model itself makes the vector of the whole image. It makes none for single patches: those are approximate, computed
by the family's `patch_vectors`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from vlmtui.errors import ModelError, UsageError
from vlmtui.models.families.base import Family
from vlmtui.models.families.encoder import Encoder
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.vision.tower_output import TowerOutput
from vlmtui.results.image_text import NO_TEXT_TOWER, refusal

_TEXTS_AT_ONCE = 32
_PATCHES_AT_ONCE = 1024
_CACHED = 8  # lists of texts


@dataclass(frozen=True)
class TextVectors:
    """The `vectors` of texts, float32 [texts, width].

    `lengths` are the numbers of word-pieces of each text, special ones included, of which the model reads at most
    `limit`.
    """

    vectors: Tensor
    lengths: tuple[int, ...]
    limit: int


class DualEncoder:
    """The two towers of a model loaded with both; `UsageError` for a model that does not have both.

    A logit is `scale` × cosine + `bias`; `kind` is how the model was trained to turn logits into probabilities.
    `patch_stage` is the i of the stage `vision.i` whose states `patch_vectors` takes.
    """

    def __init__(self, loaded: LoadedModel, family: Family) -> None:
        self.name = loaded.name
        self._model: Any = loaded.model
        if why := why_no_text_tower(family):
            raise refusal(self.name, why)
        assert isinstance(family, Encoder)
        self._family = family
        self._processing = loaded.processing
        self._tokenizer: Any = None
        self._text_vectors: OrderedDict[tuple[str, ...], TextVectors] = OrderedDict()
        bias = getattr(self._model, "logit_bias", None)
        self.kind: Literal["softmax", "sigmoid"] = "softmax" if bias is None else "sigmoid"
        self.scale = float(self._model.logit_scale.float().exp())
        self.bias = 0.0 if bias is None else float(bias)
        self.patch_stage = family.patch_text_stage()
        self.patch_path = family.patch_path
        self.limit = int(self._model.config.text_config.max_position_embeddings)

    @torch.no_grad()
    def text_vectors(
        self, texts: Sequence[str], on_text: Callable[[int, int], None] = lambda done, total: None
    ) -> TextVectors:
        """The vectors of texts; those of the last few lists of texts are cached.

        Texts longer than the model's limit lose their end, as in its tokenizer. `on_text` is told how many texts are
        done; what it raises ends the call.
        """
        # SigLIP was trained on lower-case texts; not all tokenizers of its checkpoints lower the case
        wanted = tuple(text.lower() if self._family.fixed_length_texts else text for text in texts)
        if any(not text.strip() for text in wanted):
            raise UsageError("a text is empty: give at least one word with --text")
        if wanted in self._text_vectors:
            self._text_vectors.move_to_end(wanted)
            return self._text_vectors[wanted]
        if self._tokenizer is None:
            self._tokenizer = self._processing.text_tokenizer(self.name)
        tokenizer = self._tokenizer
        limit = min(self.limit, int(tokenizer.model_max_length))
        lengths = tuple(len(ids) for ids in tokenizer(list(wanted), verbose=False)["input_ids"])
        vectors = []
        for start in range(0, len(wanted), _TEXTS_AT_ONCE):
            on_text(start, len(wanted))
            vectors.append(self._encode_texts(wanted[start : start + _TEXTS_AT_ONCE], limit))
        found = TextVectors(torch.cat(vectors), lengths, limit)
        self._text_vectors[wanted] = found
        while len(self._text_vectors) > _CACHED:
            self._text_vectors.popitem(last=False)
        return found

    def _encode_texts(self, texts: Sequence[str], limit: int) -> Tensor:
        fixed = self._family.fixed_length_texts
        # such a tower was trained on texts padded at the end without a mask, whatever the tokenizer's files say: it
        # attends to the padding and reads the last position
        padding = {"padding": "max_length", "padding_side": "right"} if fixed else {"padding": True}
        encoded = self._tokenizer(list(texts), truncation=True, max_length=limit, return_tensors="pt", **padding)
        ids = encoded["input_ids"]
        rows = int(self._model.config.text_config.vocab_size)
        if int(ids.max()) >= rows:
            raise ModelError(
                f"the tokenizer of {self.name} has word-pieces beyond its text tower's {rows:,}: they do not "
                "belong together; name the model's own with --processor"
            )
        device = self._model.device
        mask = None if fixed or "attention_mask" not in encoded else encoded["attention_mask"].to(device)
        vectors: Tensor = self._model.get_text_features(input_ids=ids.to(device), attention_mask=mask).pooler_output
        return vectors.float()

    @torch.no_grad()
    def image_vector(self, output: TowerOutput) -> Tensor:
        """The vector of the whole image, float32 [1, width], from the vision tower's output."""
        assert output.pooled is not None
        return self._family.image_vector(output.pooled).float()

    @torch.no_grad()
    def patch_vectors(self, states: Tensor) -> Tensor:
        """Approximate vectors float32 [patches, width] of the states [patches, hidden] at stage `patch_stage`."""
        parts = torch.split(states.to(self._model.dtype), _PATCHES_AT_ONCE)
        return torch.cat([self._family.patch_vectors(part) for part in parts]).float()


def why_no_text_tower(family: Family) -> str:
    """The reason why a model cannot match images with texts, or ""; the vision tower alone is enough to tell."""
    if family.no_text_tower:
        return family.no_text_tower
    if getattr(family.config, "text_config", None) is None:
        return NO_TEXT_TOWER
    return "it has a classification head and no text tower" if hasattr(family.model, "classifier") else ""
