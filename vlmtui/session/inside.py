"""What stands behind a lens's context for built-in lenses: the model held, and what is kept of the reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from vlmtui import exits
from vlmtui.errors import ReadingGoneError, UsageError
from vlmtui.grid import Place
from vlmtui.lenses.context import Generation
from vlmtui.models.contrastive import Contrastive, Texts, unmatched
from vlmtui.models.model import VisionLanguageModel
from vlmtui.models.positions import Positions
from vlmtui.models.towers import Final
from vlmtui.reading import ModelInfo, llm_layer, of_layers, of_patches, stages, vision_layer
from vlmtui.session.final import final_of
from vlmtui.session.lexicon import Lexicon, Namer
from vlmtui.session.readings import Kept
from vlmtui.session.spelling import Spelling, spelled
from vlmtui.session.talk import Talk
from vlmtui.session.tower import projected, tower_states

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine, Wordy

T = TypeVar("T")


class Inside:
    """One question about one reading, or about the model held."""

    of_patches = staticmethod(of_patches)
    of_layers = staticmethod(of_layers)

    def __init__(self, engine: Engine, reading: str, stage: str, talk: Talk) -> None:
        self.engine, self.reading, self.stage, self.talk = engine, reading, stage, talk
        self.progress = talk.progress
        self.should_stop = talk.should_stop
        self.check = talk.check

    @property
    def vlm(self) -> VisionLanguageModel:
        """The model held."""
        return self.engine.held()[0]

    @property
    def info(self) -> ModelInfo:
        """What front ends know of it."""
        return self.vlm.info

    @property
    def kept(self) -> Kept:
        """What is kept of the reading; `ReadingGoneError` where it has gone."""
        return self.engine.readings[self.reading]

    @property
    def lexicon(self) -> Lexicon:
        """The model's words; `UsageError` where it has none."""
        return self.engine.wordy().lexicon

    def wordy(self, k: int) -> Wordy:
        """The model held and its words; `UsageError` where it has none, or `k`, how many are asked for, is below 1."""
        return self.engine.wordy(k)

    @property
    def has_words(self) -> bool:
        """Whether the model has words."""
        return self.engine.held()[1] is not None

    @property
    def has_texts(self) -> bool:
        """Whether the model has a text tower, to compare images with texts."""
        return not unmatched(self.vlm.family)

    @property
    def path(self) -> tuple[str, ...]:
        """Every stage of the model, in the order of the path."""
        return stages(self.info)

    def places(self, stage: str) -> tuple[Place, ...]:
        """What the entries of a stage are."""
        return self.kept.patch_places if of_patches(stage) else self.kept.places

    def states(self, stage: str) -> Tensor:
        """The vectors of all entries of a stage [entries, width]: what is kept, not to be changed."""
        if of_patches(stage):
            return tower_states(self.vlm, self.engine.readings, self.reading, vision_layer(stage), self.talk)
        if of_layers(stage):
            return self.engine.layers_of(self.reading, self.progress).states(llm_layer(stage))
        return self.engine.readings.tokens(self.reading)

    def projected(self, stage: str) -> Tensor:
        """The tokens that the projector makes of a vision stage [tokens, width], where they are made of patches."""
        model = self.vlm
        if wrong := exits.not_of_patches(model.name, self.kept.places, model.family.no_places):
            raise UsageError(wrong)
        return self.exit_at(stage)

    def exit_at(self, stage: str) -> Tensor:
        """The tokens that the projector makes of a vision stage [tokens, width]."""
        return projected(self.vlm, self.engine.readings, self.reading, vision_layer(stage), self.talk)

    def into_tokens(self) -> Tensor:
        """The token that each vision patch goes into, int64 [patches], below 0 where there is none."""
        return torch.from_numpy(exits.tokens_of(self.kept.patch_places, self.kept.places))

    def unembed(self, states: Tensor) -> Tensor:
        """The logits [n, rows], float32, of states of an LLM layer."""
        return self.engine.wordy().model.head.float32(states)

    def spelled(self, text: str) -> Spelling:
        """Which word-pieces a word that a person types stands for."""
        return spelled(self.lexicon, text)

    def text_tower(self) -> Contrastive:
        """The model's two towers, of which the text's is loaded; `UsageError` for a model without."""
        return self.engine.matching(self.progress).contrastive

    def read_texts(self, wanted: tuple[str, ...]) -> Texts:
        """The vectors of texts, which are read where they are not kept."""
        if not wanted:
            raise UsageError("there is no text to match: give one or more with --text")
        return self.text_tower().texts(wanted, lambda done, total: self.progress("reading the texts", done, total))

    def final(self) -> Final:
        """What a tower alone put out at its end."""
        return final_of(self.vlm, self.kept, self.talk)

    def positions(self) -> Positions:
        """What is added to every patch to tell its place; kept with the reading."""
        kept = self.kept
        if kept.positions is None:
            kept.positions = self.vlm.anatomy.positions(kept.inputs)
        return kept.positions

    @staticmethod
    def norms_of(rows: Tensor) -> Tensor:
        """L2 norms, float32 [n]."""
        norms: Tensor = torch.linalg.vector_norm(rows, dim=-1, dtype=torch.float32)
        return norms

    def generation(self, answer: str) -> Generation:
        """The latest answer about the reading, which must be this one."""
        answered = self.kept.answered
        if answered is None or answered.id != answer:
            raise ReadingGoneError("that answer is no longer kept, a newer one has taken its place: ask again")
        namer = self.engine.held()[1] or Namer.by(self.vlm.tokenizer)
        named = namer.names(np.array(answered.ids))
        texts = tuple(named.texts[i] for i in answered.ids)
        text = namer.tokenizer.decode([i for i in answered.ids if i not in named.special])
        return Generation(answered.question or "", text, tuple(answered.ids), texts, tuple(answered.log_probs.tolist()))

    def keep(self, owner: str, key: object, make: Callable[[], T]) -> T:
        """What was kept for this reading, or is made now."""
        kept: dict[Any, Any] = self.kept.own
        if (owner, key) not in kept:
            kept[owner, key] = make()
        found: T = kept[owner, key]
        return found
