"""Client of a session, wherever that runs: questions to it as futures. No torch.

A future fails with the `VlmtuiError` that the session answered with, or with a `SessionError` that gives the reason
when the session died.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from vlmtui.errors import UsageError
from vlmtui.images.decoding import MAX_PIXELS
from vlmtui.images.image_file import ImageFile
from vlmtui.images.levels import Levels
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.description import LensDescription
from vlmtui.lenses.lens_source import LensCall, LensSource, lens_call
from vlmtui.lenses.registry import find_lens
from vlmtui.lenses.validation import checked_options
from vlmtui.metrics import DEFAULT_METRIC, RIDGE, Metric, check_metric
from vlmtui.reading import Floats, LayerNorms, ModelInfo, Reading, TokenLayerWords, TokenWords
from vlmtui.results.answers import MAX_NEW_TOKENS, Ablation, Answer, Attention, AttentionMask, Gradient, Occlusion
from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.results.image_text import ImageTextMatch, PairLoss, ProbabilityKind, TextsRead
from vlmtui.results.local_words import PatchLocalWords
from vlmtui.results.noise_baseline import MetricAgreement, NoiseBaseline
from vlmtui.results.patch_embedding import PatchEmbeddingResult
from vlmtui.results.replacement import Replacement
from vlmtui.results.vocabulary import VocabularyRows, WordNeighbours
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.logs import log_folder
from vlmtui.session.reconnecting import OnAnswerProgress, OnProgress, ReconnectingClient
from vlmtui.session.transport import PipeLink
from vlmtui.session.typed_lenses import TypedQuestion, image_level, vocabulary

__all__ = ["SessionClient", "log_folder"]
T = TypeVar("T")


class SessionClient(ReconnectingClient):
    """A client with a method for each question that a session answers; every one returns a future."""

    @classmethod
    def start(cls, on_death: Callable[[str], None] | None = None) -> SessionClient:
        """Start a private session and return at once, while it imports torch.

        It ends with `close()`, and with this process. Raises `SessionError` when it cannot be started.
        """
        return cls(PipeLink(), on_death)

    def load(
        self,
        model: str,
        *,
        revision: str | None = None,
        processor: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        layers: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Future[ModelInfo]:
        """Load a model; with `layers` the layers of its language model too."""
        body = m.Load(model, revision, processor, device, dtype, self._base(), layers)
        return self.ask(body, lambda done: done.model, on_progress)

    def verify(
        self,
        model: str,
        *,
        revision: str | None = None,
        processor: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        whole: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Future[m.Verified]:
        """Verify a checkpoint against its own full model; afterwards the session has no model loaded."""
        body = m.Verify(model, revision, processor, device, dtype, self._base(), whole)
        return self.ask(body, lambda done: done, on_progress)

    def _base(self) -> str | None:
        """The folder that relative paths start from; None for a session on another machine."""
        if not self.far:
            with contextlib.suppress(OSError):
                return os.getcwd()
        return None

    def read(
        self,
        image: ImageFile,
        *,
        max_pixels: int = MAX_PIXELS,
        levels: Levels = "auto",
        prompt: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> Future[Reading]:
        """Read an image with the loaded model; questions are answered in their order, so a load may go before."""
        while self._let_go:
            self.forget(self._let_go.popleft())
        body = m.Read(image.source, image.data, image.sha256, max_pixels, prompt, levels)

        def unpack(done: m.ReadDone) -> Reading:
            self.readings.add(done.reading.id)
            return done.reading

        return self.ask(body, unpack, on_progress)

    def forget(self, reading_id: str) -> Future[m.Done]:
        """Have the session discard a reading at once: it will not be asked about any more."""
        self.readings.discard(reading_id)
        return self.ask(m.Forget(reading_id), lambda done: done)

    def let_go(self, reading_id: str) -> None:
        """Have the session discard a reading before it reads the next image. May be called by a finalizer: no lock."""
        self._let_go.append(reading_id)

    def forget_all(self) -> None:
        """Have the session discard all readings of this client."""
        for reading_id in tuple(self.readings):
            self.forget(reading_id)

    def read_many(
        self,
        images: Sequence[ImageFile],
        stage: str,
        metric: Metric = DEFAULT_METRIC,
        k: int = 8,
        all_tokens: bool = False,
        ridge: float = RIDGE,
        projected: bool = False,
        max_pixels: int = MAX_PIXELS,
        prompt: str | None = None,
        levels: Levels = "auto",
        on_progress: OnProgress | None = None,
    ) -> Future[tuple[m.Outcome, ...]]:
        """Read images together, and find all words at a stage; the outcome of each, in the order of the images.

        A failure is an outcome too. Nothing is kept of these readings to be asked about. Several such questions may
        be asked before the first is answered. All images go in one message: give at most about `m.MANY_PICTURES`,
        with `m.MANY_BYTES`.
        """
        try:
            check_metric(metric)
        except UsageError as error:
            return _failed(error)
        body = m.ReadMany(tuple(images), stage, metric, k, all_tokens, ridge, projected, max_pixels, prompt, levels)
        return self.ask(body, lambda done: done.outcomes, on_progress)

    def words(
        self,
        reading_id: str,
        metric: Metric,
        k: int,
        tokens: tuple[int, ...] | None = None,
        all_tokens: bool = False,
        stage: str = "tokens",
        ridge: float = RIDGE,
        projected: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Future[TokenWords]:
        """The k nearest word-pieces of some tokens of a reading, or of all; at `llm.i` by their logits.

        At `vision.i` those of the tokens that the projector makes of the stage, if `projected`.
        """
        which = None if tokens is None else tuple(int(token) for token in tokens)
        return self._typed(
            lambda: typed_lenses.words(reading_id, metric, k, which, all_tokens, stage, ridge, projected), on_progress
        )

    def local_words(
        self,
        reading_id: str,
        metric: Metric,
        k: int,
        all_tokens: bool = False,
        stage: str = "tokens",
        ridge: float = RIDGE,
        on_progress: OnProgress | None = None,
    ) -> Future[PatchLocalWords]:
        """The local words of a reading, of lists of k words, and that of every image token."""
        return self._typed(
            lambda: typed_lenses.local_words(reading_id, metric, k, all_tokens, stage, ridge), on_progress
        )

    def layers(self, reading_id: str, on_progress: OnProgress | None = None) -> Future[LayerNorms]:
        """Norms of a reading's image tokens after every layer of the language model, whose layers are loaded first."""
        return self._typed(lambda: typed_lenses.layers(reading_id), on_progress)

    def layer_words(
        self, reading_id: str, token: int, k: int, all_tokens: bool = False, on_progress: OnProgress | None = None
    ) -> Future[TokenLayerWords]:
        """The k words with the largest logits for one token, after every layer of the language model."""
        return self._typed(lambda: typed_lenses.layer_words(reading_id, token, k, all_tokens), on_progress)

    def look(
        self,
        reading_id: str,
        stage: str,
        call: LensCall,
        *,
        entries: tuple[int, ...] | None = None,
        answer: str = "",
        k: int = 8,
        idle: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Future[LensResult]:
        """The result of any lens for some entries of a stage, or for all; with `idle` it gives way to any other."""
        question = lambda: typed_lenses.look(reading_id, stage, call, entries, answer, k, idle)  # noqa: E731
        return self._typed(question, on_progress, strict=False)

    def describe(self, lens: LensSource | None = None) -> Future[tuple[LensDescription, ...]]:
        """The description of a lens, or without one those of all that packages offer where the session runs."""
        return self.ask(m.Describe(lens), lambda done: done.lenses)

    def describe_with(
        self, lens: LensSource, options: dict[str, Any]
    ) -> Future[tuple[LensDescription, tuple[tuple[str, Any], ...]]]:
        """The description of a lens, and all its options where these are given; `UsageError` for an unknown option."""

        def both(done: m.Described) -> tuple[LensDescription, tuple[tuple[str, Any], ...]]:
            return done.lenses[0], lens_call(lens, **done.options).options

        return self.ask(m.Describe(lens, options), both)

    def vectors(self, reading_id: str, stage: str, on_progress: OnProgress | None = None) -> Future[Floats]:
        """The vectors of all entries of a stage of a reading, float32 [entries, hidden]."""
        return self._typed(lambda: typed_lenses.vectors(reading_id, stage), on_progress)

    def patch(self, reading_id: str, patch: int, on_progress: OnProgress | None = None) -> Future[PatchEmbeddingResult]:
        """The embedding of one vision patch, before the first block of the tower."""
        return self._typed(lambda: image_level.patch(reading_id, patch), on_progress)

    def answer(
        self,
        reading_id: str,
        question: str | None = None,
        *,
        max_new_tokens: int = MAX_NEW_TOKENS,
        temperature: float | None = None,
        seed: int = 0,
        on_progress: OnProgress | None = None,
        on_token: OnAnswerProgress | None = None,
    ) -> Future[Answer]:
        """The model's own answer to a question about a reading's image.

        `on_token` is called for every token, from another thread. `cancel` ends it at the next token; the answer so far
        can be asked about like a whole one.
        """
        body = m.Generate(reading_id, question, max_new_tokens, temperature, seed)
        return self.ask(body, lambda done: done.answer, on_progress, on_token)

    def attention(
        self,
        reading_id: str,
        answer_id: str,
        *,
        layer: int | None = None,
        head: int | None = None,
        rollout: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Future[Attention]:
        """Attention of every token of a reading's latest answer, in a layer (from 1) and head (from 0) or in all."""
        return self._typed(lambda: typed_lenses.attention(reading_id, answer_id, layer, head, rollout), on_progress)

    def gradient(
        self, reading_id: str, answer_id: str, token: int | None = None, on_progress: OnProgress | None = None
    ) -> Future[Gradient]:
        """Gradient × input of one token of a reading's latest answer, or of the whole answer."""
        return self._typed(lambda: typed_lenses.gradient(reading_id, answer_id, token), on_progress)

    def mask(self, reading_id: str, layer: int = 1, on_progress: OnProgress | None = None) -> Future[AttentionMask]:
        """The attention mask of a reading's prompt and latest answer in a layer, from 1."""
        return self._typed(lambda: typed_lenses.mask(reading_id, layer), on_progress)

    def ablate(
        self,
        reading_id: str,
        answer_id: str,
        tokens: tuple[int, ...],
        by: Replacement = "mean",
        on_progress: OnProgress | None = None,
        on_token: OnAnswerProgress | None = None,
    ) -> Future[Ablation]:
        """The question of a reading's latest answer asked again with image tokens replaced."""
        return self._typed(
            lambda: typed_lenses.ablation(reading_id, answer_id, tuple(int(token) for token in tokens), by),
            on_progress,
            on_token,
        )

    def occlude(
        self,
        reading_id: str,
        answer_id: str,
        block: int = 1,
        by: Replacement = "mean",
        on_progress: OnProgress | None = None,
    ) -> Future[Occlusion]:
        """Occlusion: how a reading's latest answer depends on each block of image tokens, replaced in turn."""
        return self._typed(lambda: typed_lenses.occlusion(reading_id, answer_id, block, by), on_progress)

    def null(
        self,
        reading_id: str,
        metric: Metric,
        k: int,
        all_tokens: bool = False,
        stage: str = "tokens",
        ridge: float = RIDGE,
        idle: bool = False,
        projected: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Future[NoiseBaseline]:
        """The noise baseline of `words` for a reading; with `idle` it gives way to any other question."""
        return self._typed(
            lambda: typed_lenses.null(reading_id, metric, k, all_tokens, stage, ridge, idle, projected), on_progress
        )

    def agreement(
        self, reading_id: str, token: int, k: int, all_tokens: bool = False, idle: bool = False
    ) -> Future[MetricAgreement]:
        """The words that each of several metrics finds for one token."""
        return self._typed(lambda: typed_lenses.agreement(reading_id, token, k, all_tokens, idle))

    def texts(self, texts: Sequence[str], on_progress: OnProgress | None = None) -> Future[TextsRead]:
        """Have the model read texts, to be compared with images."""
        return self._typed(lambda: image_level.texts(texts), on_progress)

    def match(
        self, reading_id: str, texts: Sequence[str], on_progress: OnProgress | None = None
    ) -> Future[ImageTextMatch]:
        """A reading's image compared with texts."""
        return self._typed(lambda: image_level.match(reading_id, texts), on_progress)

    def loss(self, logits: Floats, kind: ProbabilityKind) -> Future[PairLoss]:
        """The loss of logits [n, n] of images and texts, of which the i-th belong together."""
        return self._typed(lambda: image_level.loss(logits, kind))

    def head(self) -> Future[ClassificationHead]:
        """The classes of the model's classification head."""
        return self._typed(lambda: image_level.head())

    def classes(self, reading_id: str, k: int, on_progress: OnProgress | None = None) -> Future[TopClasses]:
        """The top k classes of a reading's image, and the evidence of its patches for them."""
        return self._typed(lambda: image_level.classes(reading_id, k), on_progress)

    def vocabulary(
        self, k: int = 8, all_tokens: bool = False, named: bool = False, on_progress: OnProgress | None = None
    ) -> Future[VocabularyRows]:
        """The norms of the vocabulary's rows, the k smallest and largest; with `named` the names of all rows."""
        return self._typed(lambda: vocabulary.vocabulary(k, all_tokens, named), on_progress)

    def near(
        self,
        word: str,
        metric: str = DEFAULT_METRIC,
        k: int = 8,
        all_tokens: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Future[WordNeighbours]:
        """The k words nearest to a word."""
        return self._typed(lambda: vocabulary.near(word, metric, k, all_tokens), on_progress)

    def _typed(
        self,
        make: Callable[[], TypedQuestion[T]],
        on_progress: OnProgress | None = None,
        on_token: OnAnswerProgress | None = None,
        strict: bool = True,
    ) -> Future[T]:
        """Ask the question that is made; the future fails with the `UsageError` of making or checking it."""
        try:
            question = make()
            lens = None if question.body.lens.foreign else find_lens(question.body.lens.name)
            if lens is not None:
                checked_options(lens, question.body.options, strict)  # the options of a built-in lens are known here
        except UsageError as error:
            return _failed(error)
        return self.ask(question.body, question.unpack, on_progress, on_token)

    def status(self) -> Future[m.Status]:
        """The state of the session; answered at once, whatever else is going on."""
        return self.ask(m.AskStatus(), lambda status: status)

    def stop(self) -> Future[m.Done]:
        """End the session, for all front ends."""
        return self.ask(m.Shutdown(), lambda done: done)


def _failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future
