"""Access of built-in lenses to the loaded model, and to what is kept of the reading; `context.model` of a lens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.geometry import Place
from vlmtui.lenses.context import Generation
from vlmtui.lenses.kernels.word_finder import WordFinder
from vlmtui.models.vision.dual_encoder import DualEncoder, TextVectors, why_no_text_tower
from vlmtui.models.vision.pixel_values import edit_pixels
from vlmtui.models.vision.position_embedding import PositionEmbedding
from vlmtui.models.vision.tower_output import TowerOutput
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.reading import LayerNorms, ModelInfo, llm_layer, of_layers, of_patches, stages, vision_layer
from vlmtui.results import early_exit
from vlmtui.session.activations import CachedReading
from vlmtui.session.decoder_pass import DecoderPass
from vlmtui.session.generation import AnswerGenerator, answer_text, latest_answer, question_text
from vlmtui.session.model_state import ModelState, WordSearch
from vlmtui.session.request_control import RequestControl
from vlmtui.session.tower_states import projected_tokens, tower_output, tower_states
from vlmtui.session.vocabulary_index import TokenNamer, VocabularyIndex
from vlmtui.session.word_spelling import Spelling, find_spelling

T = TypeVar("T")


class ModelAccess:
    """The loaded model and one reading, for one question; without a reading for a question about the model itself."""

    of_patches = staticmethod(of_patches)
    of_layers = staticmethod(of_layers)

    def __init__(
        self,
        state: ModelState,
        reading: str,
        stage: str,
        control: RequestControl,
        entries: tuple[int, ...] | None = None,
        answer: str = "",
    ) -> None:
        self.state, self.reading, self.stage, self.control = state, reading, stage, control
        self._entries, self.answer = entries, answer
        self.progress = control.progress
        self.should_stop = control.should_stop
        self.check = control.check

    @property
    def vlm(self) -> VisionLanguageModel:
        """The loaded model."""
        return self.state.model

    @property
    def info(self) -> ModelInfo:
        """What front ends know of the model."""
        return self.vlm.info

    @property
    def kept(self) -> CachedReading:
        """What is kept of the reading; `ReadingGoneError` where it was discarded."""
        return self.state.readings[self.reading]

    @property
    def index(self) -> VocabularyIndex:
        """The index of the model's vocabulary; `UsageError` for a model without one."""
        return self.state.word_search().index

    def word_search(self, k: int) -> WordSearch:
        """The search for words; `UsageError` for a model without a vocabulary, and for `k` below 1."""
        return self.state.word_search(k)

    @property
    def finder(self) -> WordFinder:
        """The search for words by any metric."""
        return self.state.word_search().finder

    def candidates(self, rows: int, all_tokens: bool) -> Tensor:
        """The rows that words are searched in, of a matrix with so many rows; int64 ascending."""
        return self.index.candidates(rows, all_tokens)

    @property
    def embedding_rows(self) -> int:
        """How many rows the embedding matrix has."""
        return len(self.index.vocabulary.embeddings)

    @property
    def head_rows(self) -> int:
        """How many rows the unembedding has; the language model is loaded where it is not."""
        return self._full_model().head.rows

    @property
    def has_words(self) -> bool:
        """Whether the model has a vocabulary."""
        return self.state.vocabulary is not None

    @property
    def has_texts(self) -> bool:
        """Whether the model has a text tower, to compare images with texts."""
        return not why_no_text_tower(self.vlm.family)

    @property
    def path(self) -> tuple[str, ...]:
        """Every stage of the model, from the first to the last."""
        return stages(self.info)

    def places(self, stage: str) -> tuple[Place, ...]:
        """The places of a stage's entries."""
        return self.kept.patch_places if of_patches(stage) else self.kept.places

    def states(self, stage: str) -> Tensor:
        """The vectors of all entries of a stage [entries, width]; they are kept, and must not be changed."""
        if of_patches(stage):
            return tower_states(self.vlm, self.state.readings, self.reading, vision_layer(stage), self.control)
        if of_layers(stage):
            return self._decoder_pass().states(llm_layer(stage))
        return self.state.readings.tokens(self.reading)

    def of_entries(self, rows: Tensor) -> Tensor:
        """Those of the rows of all entries [entries, …] that are asked about, in the order asked; all without."""
        if self._entries is None:
            return rows
        return rows[torch.tensor(self._entries, dtype=torch.int64, device=rows.device)]

    def tokens_asked(self) -> tuple[int, ...]:
        """The image tokens that are asked about, also at a vision stage: those named, or all.

        `UsageError` for one that does not exist.
        """
        there = len(self.state.readings.tokens(self.reading))
        for token in self._entries or ():
            if not 0 <= token < there:
                raise UsageError(f"there is no image token {token}: the image has {there}, from 0")
        return tuple(range(there)) if self._entries is None else self._entries

    def _decoder_pass(self) -> DecoderPass:
        """The decoder pass of the reading; the layers of the language model are loaded first."""
        return DecoderPass(self._full_model(), self.state.readings, self.reading, self.progress)

    def _full_model(self) -> VisionLanguageModel:
        self.state.word_search()  # refuses a model without words
        if self.reading:
            return self.state.full_model_for(self.reading, self.progress)
        return self.state.full_model(self.progress)

    def layers(self) -> LayerNorms:
        """The norms after every layer of the language model."""
        return self._decoder_pass().layers()

    def after_every_layer(self, tokens: tuple[int, ...]) -> list[Tensor]:
        """The output of every layer of the language model for some image tokens, each [tokens, width]."""
        return self._decoder_pass().after_every_layer(tokens)

    def copy(self, name: str, change: Callable[[list[Tensor]], list[Tensor]], doing: str) -> ModelAccess | None:
        """The same for a copy of the image, its frames [channels, height, width] altered by `change`.

        The copy is kept under `name`. None where the format of the processor's frames is not known.
        """
        readings, name = self.state.readings, f"{self.reading}, {name}"
        if name not in readings:
            kept, model = self.kept, self.vlm
            inputs = edit_pixels(model.family, kept.inputs, change)
            if inputs is None:
                return None
            encoded = model.encode(inputs, lambda done, total: self.progress(doing, done, total))
            altered = CachedReading(inputs, encoded.tokens, kept.prompt, places=kept.places, copy_of=self.reading)
            readings.keep(name, altered)
        return ModelAccess(self.state, name, self.stage, self.control)

    def projected_tokens(self, stage: str) -> Tensor:
        """The tokens that the projector makes of a vision stage [tokens, width]; `UsageError` if not of patches."""
        model = self.vlm
        if wrong := early_exit.no_patches_reason(model.name, self.kept.places, model.family.no_places):
            raise UsageError(wrong)
        return self.exit_at(stage)

    def exit_at(self, stage: str) -> Tensor:
        """The tokens that the projector makes of a vision stage [tokens, width]."""
        return projected_tokens(self.vlm, self.state.readings, self.reading, vision_layer(stage), self.control)

    def into_tokens(self) -> Tensor:
        """The token that each vision patch becomes part of, int64 [patches]; below 0 for none."""
        return torch.from_numpy(early_exit.token_of_patch(self.kept.patch_places, self.kept.places))

    def unembed(self, states: Tensor) -> Tensor:
        """The logits [n, rows], float32, of states of an LLM layer; the language model is loaded where it is not."""
        return self._full_model().head.float32(states)

    def find_spelling(self, text: str) -> Spelling:
        """The word-pieces that a typed word stands for."""
        return find_spelling(self.index, text)

    def text_tower(self) -> DualEncoder:
        """The model's image and text towers, loaded; `UsageError` for a model without a text tower."""
        return self.state.dual_encoder(self.progress).dual_encoder

    def read_texts(self, wanted: tuple[str, ...]) -> TextVectors:
        """The vectors of texts, computed where they are not kept."""
        if not wanted:
            raise UsageError("there is no text to match: give one or more with --text")
        return self.text_tower().text_vectors(
            wanted, lambda done, total: self.progress("reading the texts", done, total)
        )

    def final(self) -> TowerOutput:
        """The final output of a tower without a language model."""
        return tower_output(self.vlm, self.kept, self.control)

    def positions(self) -> PositionEmbedding:
        """The position embedding of every patch; kept with the reading."""
        kept = self.kept
        if kept.positions is None:
            kept.positions = self.vlm.patch_embedding.position_embedding(kept.inputs)
        return kept.positions

    @staticmethod
    def norms_of(rows: Tensor) -> Tensor:
        """The L2 norms of rows, float32 [n]."""
        norms: Tensor = torch.linalg.vector_norm(rows, dim=-1, dtype=torch.float32)
        return norms

    def generator(self) -> AnswerGenerator:
        """The generator of answers about the image, the model's layers loaded; `UsageError` for a model without image
        tokens in its prompt."""
        return AnswerGenerator.with_image_tokens(self.state, self.reading, self.control)

    def generation(self) -> Generation | None:
        """The answer that is asked about, which must be the reading's latest; None where none is."""
        if not self.answer:
            return None
        answered = latest_answer(self.kept, self.answer)
        namer = self.state.vocabulary or TokenNamer.by(self.vlm.tokenizer)
        named = namer.names(np.array(answered.ids, dtype=np.int64))
        return Generation(
            question=question_text(answered),
            text=answer_text(namer, answered.ids),
            ids=tuple(answered.ids),
            texts=tuple(named.texts[i] for i in answered.ids),
            log_probs=tuple(said.log_prob for said in answered.said),
        )

    def keep(self, owner: str, key: object, make: Callable[[], T]) -> T:
        """What was kept for this reading under the key, or what `make` makes, kept from now on."""
        kept: dict[Any, Any] = self.kept.own
        if (owner, key) not in kept:
            kept[owner, key] = make()
        found: T = kept[owner, key]
        return found
