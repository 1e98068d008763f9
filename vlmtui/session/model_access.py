"""What stands behind a lens's context for built-in lenses: the model held, and what is kept of the reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.geometry import Place
from vlmtui.lenses.context import Generation
from vlmtui.lenses.kernels.finder import Finder
from vlmtui.models.vision.dual_encoder import DualEncoder, TextVectors, why_no_text_tower
from vlmtui.models.vision.pixel_edits import reframed
from vlmtui.models.vision.position_embedding import PositionEmbedding
from vlmtui.models.vision.tower_output import TowerOutput
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.reading import Layers, ModelInfo, llm_layer, of_layers, of_patches, stages, vision_layer
from vlmtui.results import early_exit
from vlmtui.session.activations import Kept
from vlmtui.session.final import final_of
from vlmtui.session.generation import Speaker, latest, put, text_of
from vlmtui.session.request_progress import Talk
from vlmtui.session.spelling import Spelling, spelled
from vlmtui.session.tower import projected, tower_states
from vlmtui.session.vocabulary_index import Lexicon, Namer

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine, Wordy

T = TypeVar("T")


class Inside:
    """One question about one reading, or about the model held."""

    of_patches = staticmethod(of_patches)
    of_layers = staticmethod(of_layers)

    def __init__(
        self,
        engine: Engine,
        reading: str,
        stage: str,
        talk: Talk,
        entries: tuple[int, ...] | None = None,
        answer: str = "",
    ) -> None:
        self.engine, self.reading, self.stage, self.talk = engine, reading, stage, talk
        self._asked, self.answer = entries, answer
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
    def finder(self) -> Finder:
        """What finds words by any metric."""
        return self.engine.wordy().finder

    def candidates(self, rows: int, all_tokens: bool) -> Tensor:
        """The rows of a matrix with so many that words are looked for in, int64 ascending."""
        return self.lexicon.candidates(rows, all_tokens)

    @property
    def embedding_rows(self) -> int:
        """How many rows the word vectors have."""
        return len(self.lexicon.vocabulary.embeddings)

    @property
    def head_rows(self) -> int:
        """How many rows the unembedding has."""
        return self.vlm.head.rows

    @property
    def has_words(self) -> bool:
        """Whether the model has words."""
        return self.engine.held()[1] is not None

    @property
    def has_texts(self) -> bool:
        """Whether the model has a text tower, to compare images with texts."""
        return not why_no_text_tower(self.vlm.family)

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

    def tokens_asked(self) -> tuple[int, ...]:
        """The image tokens that are asked about, also at a vision stage: all, where none are named.

        `UsageError` for one that is not there.
        """
        there = len(self.engine.readings.tokens(self.reading))
        for token in self._asked or ():
            if not 0 <= token < there:
                raise UsageError(f"there is no image token {token}: the picture has {there}, from 0")
        return tuple(range(there)) if self._asked is None else self._asked

    def layers(self) -> Layers:
        """Norms after every layer of the language model, which is run for it."""
        return self.engine.layers_of(self.reading, self.progress).layers()

    def after_every_layer(self, tokens: tuple[int, ...]) -> list[Tensor]:
        """What each layer of the language model put out for some image tokens, each [tokens, width]."""
        return self.engine.layers_of(self.reading, self.progress).after_every_layer(tokens)

    def copy(self, name: str, change: Callable[[list[Tensor]], list[Tensor]], doing: str) -> Inside | None:
        """The same of the image with `change` made to its frames [channels, height, width], made where it is not kept.

        None where the processor hands images over in a form that is not known.
        """
        readings, name = self.engine.readings, f"{self.reading}, {name}"
        if name not in readings:
            kept, model = self.kept, self.vlm
            inputs = reframed(model.family, kept.inputs, change)
            if inputs is None:
                return None
            encoded = model.encode(inputs, lambda done, total: self.progress(doing, done, total))
            made = Kept(inputs, encoded.tokens, kept.prompt, places=kept.places, copy_of=self.reading)
            readings.keep(name, made)
        return Inside(self.engine, name, self.stage, self.talk)

    def projected(self, stage: str) -> Tensor:
        """The tokens that the projector makes of a vision stage [tokens, width], where they are made of patches."""
        model = self.vlm
        if wrong := early_exit.not_of_patches(model.name, self.kept.places, model.family.no_places):
            raise UsageError(wrong)
        return self.exit_at(stage)

    def exit_at(self, stage: str) -> Tensor:
        """The tokens that the projector makes of a vision stage [tokens, width]."""
        return projected(self.vlm, self.engine.readings, self.reading, vision_layer(stage), self.talk)

    def into_tokens(self) -> Tensor:
        """The token that each vision patch goes into, int64 [patches], below 0 where there is none."""
        return torch.from_numpy(early_exit.tokens_of(self.kept.patch_places, self.kept.places))

    def unembed(self, states: Tensor) -> Tensor:
        """The logits [n, rows], float32, of states of an LLM layer."""
        return self.engine.wordy().model.head.float32(states)

    def spelled(self, text: str) -> Spelling:
        """Which word-pieces a word that a person types stands for."""
        return spelled(self.lexicon, text)

    def text_tower(self) -> DualEncoder:
        """The model's two towers, of which the text's is loaded; `UsageError` for a model without."""
        return self.engine.matching(self.progress).dual_encoder

    def read_texts(self, wanted: tuple[str, ...]) -> TextVectors:
        """The vectors of texts, which are read where they are not kept."""
        if not wanted:
            raise UsageError("there is no text to match: give one or more with --text")
        return self.text_tower().text_vectors(
            wanted, lambda done, total: self.progress("reading the texts", done, total)
        )

    def final(self) -> TowerOutput:
        """What a tower alone put out at its end."""
        return final_of(self.vlm, self.kept, self.talk)

    def positions(self) -> PositionEmbedding:
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

    def speaker(self) -> Speaker:
        """The model ready to speak about the image, its layers loaded, and what is kept of its answers; `UsageError`
        for a model without image tokens in its prompt."""
        return Speaker.of(self.engine, self.reading, self.talk)

    def generation(self) -> Generation | None:
        """The latest answer about the reading, which must be the one that is asked about; None where none is."""
        if not self.answer:
            return None
        answered = latest(self.kept, self.answer)
        namer = self.engine.held()[1] or Namer.by(self.vlm.tokenizer)
        named = namer.names(np.array(answered.ids, dtype=np.int64))
        return Generation(
            question=put(answered),
            text=text_of(namer, answered.ids),
            ids=tuple(answered.ids),
            texts=tuple(named.texts[i] for i in answered.ids),
            log_probs=tuple(said.log_prob for said in answered.said),
        )

    def keep(self, owner: str, key: object, make: Callable[[], T]) -> T:
        """What was kept for this reading, or is made now."""
        kept: dict[Any, Any] = self.kept.own
        if (owner, key) not in kept:
            kept[owner, key] = make()
        found: T = kept[owner, key]
        return found
