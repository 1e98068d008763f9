"""Model information: what clients are told of a loaded model."""

from __future__ import annotations

from torch import nn

from vlmtui.display.pieces import marks_words
from vlmtui.models.families.base import Family
from vlmtui.models.families.registry import part_title
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.vision.classifier import has_classifier
from vlmtui.models.vision.dual_encoder import why_no_text_tower
from vlmtui.reading import ModelInfo


def describe(loaded: LoadedModel, family: Family, words: bool) -> ModelInfo:
    """What clients are told of a loaded model; `words`: it has a vocabulary that image tokens are compared with."""
    model, config = loaded.model, loaded.config
    vision = family.vision_config
    size = getattr(vision, "image_size", None)
    tower = f"{part_title(vision.model_type)} {family.patch_size[0]}" + (f"/{size}" if isinstance(size, int) else "")
    embeddings = None
    parts = [tower]
    if family.projector:
        weight = model.get_input_embeddings().weight
        embeddings = (int(weight.shape[0]), int(weight.shape[1]))
        parts += [family.projector, part_title(config.get_text_config().model_type)]
    return ModelInfo(
        name=loaded.name,
        family=config.model_type,
        revision=loaded.revision,
        dtype=str(model.dtype).removeprefix("torch."),
        device=str(loaded.device),
        processor=type(loaded.processing.image_processor).__name__,
        parts=" → ".join(parts),
        vision_layers=len(family.blocks),
        llm_layers=loaded.llm_layers,
        feeds=family.feeds(),
        embeddings=embeddings,
        vision_hidden=_width(family.blocks),
        marks_words=words and marks_words(loaded.processing.tokenizer.get_vocab()),
        wordless=family.wordless,
        text_tower=not why_no_text_tower(family),
        classifies=has_classifier(model, family),
        note=loaded.note,
    )


def _width(blocks: nn.ModuleList) -> int:
    """The width of the tower's states, which is that of a block's first norm; of a linear layer (Fuyu) its output's."""
    sizes = (len(p) for name, p in blocks[0].named_parameters() if ("norm" in name and p.ndim == 1) or name == "bias")
    return next(sizes)
