"""Models of two towers, CLIP, SigLIP and SigLIP 2: texts and pictures as vectors of one space.

The whole picture's vector is the model's own. A patch has none: what is said of patches here is approximate. For CLIP
it is the value path of MaskCLIP (Zhou, Loy and Dai, 2022): in the last block each patch's values go through the
attention's output projection, as if it attended to itself alone, without the residual stream and the MLP, then through
the final norm and the projection that the class token was trained for. For SigLIP each patch goes alone through the
pooling head that was trained on all of them together.
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
from vlmtui.models.families.encoders import Encoder
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.vision.tower_output import TowerOutput
from vlmtui.results.image_text import NO_TEXT_TOWER, TWO_TOWERS, WITHOUT_ITS_OWN, refusal

_TEXTS_AT_ONCE = 32
_PATCHES_AT_ONCE = 1024
_KEPT = 8  # sets of texts


@dataclass(frozen=True)
class TextVectors:
    """`vectors` float32 [texts, width], and how many word-pieces (special ones included) each text has.

    Of those the model has read the first `limit`.
    """

    vectors: Tensor
    lengths: tuple[int, ...]
    limit: int


class DualEncoder:
    """The two towers of a model loaded whole; `UsageError` for a model that has not both of them.

    `kind` is how its logits become probabilities, as it was trained; a logit is `scale` × cosine + `bias`.
    `patch_stage` counts the vision stage whose patches `patches` is given.
    """

    def __init__(self, loaded: LoadedModel, family: Family) -> None:
        self.name = loaded.name
        self._model: Any = loaded.model
        if why := unmatched(family):
            raise refusal(self.name, why)
        self._processing = loaded.processing
        self._tokenizer: Any = None
        self._texts: OrderedDict[tuple[str, ...], TextVectors] = OrderedDict()
        bias = getattr(self._model, "logit_bias", None)
        self.kind: Literal["softmax", "sigmoid"] = "softmax" if bias is None else "sigmoid"
        self.scale = float(self._model.logit_scale.float().exp())
        self.bias = 0.0 if bias is None else float(bias)
        self.blocks = family.blocks
        self._projects = hasattr(self._model, "visual_projection")
        # CLIP's values are those of its last block, made of what enters it
        self.patch_stage = len(family.blocks) - 1 if self._projects else len(family.blocks)
        self.path = "CLIP's value path" if self._projects else "each patch alone through SigLIP's pooling head"
        self.limit = int(self._model.config.text_config.max_position_embeddings)

    @torch.no_grad()
    def texts(
        self, texts: Sequence[str], on_text: Callable[[int, int], None] = lambda done, total: None
    ) -> TextVectors:
        """The texts' vectors; those of the last few sets of texts are kept.

        Texts longer than the model's are cut at their end, as its tokenizer does. `on_text` hears how many are done;
        what it raises ends it.
        """
        # SigLIP's texts were in lower case; not all of its checkpoints' tokenizers see to that
        wanted = tuple(text.lower() if self.kind == "sigmoid" else text for text in texts)
        if any(not text.strip() for text in wanted):
            raise UsageError("a text is empty: give some words with --text")
        if wanted in self._texts:
            self._texts.move_to_end(wanted)
            return self._texts[wanted]
        if self._tokenizer is None:
            self._tokenizer = self._processing.text_tokenizer(self.name)
        tokenizer = self._tokenizer
        limit = min(self.limit, int(tokenizer.model_max_length))
        lengths = tuple(len(ids) for ids in tokenizer(list(wanted), verbose=False)["input_ids"])
        vectors = []
        for start in range(0, len(wanted), _TEXTS_AT_ONCE):
            on_text(start, len(wanted))
            vectors.append(self._vectors(wanted[start : start + _TEXTS_AT_ONCE], limit))
        found = TextVectors(torch.cat(vectors), lengths, limit)
        self._texts[wanted] = found
        while len(self._texts) > _KEPT:
            self._texts.popitem(last=False)
        return found

    def _vectors(self, texts: Sequence[str], limit: int) -> Tensor:
        sigmoid = self.kind == "sigmoid"
        # SigLIP was trained on texts of one length, filled up at their end and without a mask, whatever the tokenizer's
        # files say: it looks at what fills them up, and reads what stands at the last position
        how = {"padding": "max_length", "padding_side": "right"} if sigmoid else {"padding": True}
        made = self._tokenizer(list(texts), truncation=True, max_length=limit, return_tensors="pt", **how)
        ids = made["input_ids"]
        rows = int(self._model.config.text_config.vocab_size)
        if int(ids.max()) >= rows:
            raise ModelError(
                f"the tokenizer of {self.name} has word-pieces beyond its text tower's {rows:,}: they do not belong "
                "together, name the model's own with --processor"
            )
        mask = None if sigmoid or "attention_mask" not in made else made["attention_mask"].to(self._model.device)
        made = self._model.get_text_features(input_ids=ids.to(self._model.device), attention_mask=mask)
        vectors: Tensor = made.pooler_output
        return vectors.float()

    @torch.no_grad()
    def picture(self, final: TowerOutput) -> Tensor:
        """The whole picture's vector float32 [1, width], of what the vision tower put out."""
        assert final.pooled is not None
        pooled = self._model.visual_projection(final.pooled) if self._projects else final.pooled
        vector: Tensor = pooled.float()
        return vector

    @torch.no_grad()
    def patches(self, states: Tensor) -> Tensor:
        """Vectors float32 [patches, width], approximate, of the states [patches, hidden] at stage `patch_stage`."""
        vision = self._model.vision_model
        parts = []
        for part in torch.split(states.to(self._model.dtype), _PATCHES_AT_ONCE):
            if self._projects:
                block = self.blocks[-1]
                attention: Any = block.self_attn
                values = attention.out_proj(attention.v_proj(block.layer_norm1(part)))  # type: ignore[operator]
                parts.append(self._model.visual_projection(vision.post_layernorm(values)))
            else:
                parts.append(vision.head(vision.post_layernorm(part).unsqueeze(1)))
        return torch.cat(parts).float()


def unmatched(family: Family) -> str:
    """Why a model cannot match pictures with texts, or ""; of it no more need be loaded than the vision tower."""
    if not isinstance(family, Encoder):
        return WITHOUT_ITS_OWN
    if family.config.model_type not in TWO_TOWERS:
        return NO_TEXT_TOWER
    return "it has a classification head and no text tower" if hasattr(family.model, "classifier") else ""
