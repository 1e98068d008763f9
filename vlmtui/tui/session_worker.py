"""Session worker: puts the explorer's requests to the model session and posts a message when an answer comes.

Answers to what the person has moved on from are dropped here: each request carries the turn that it was asked in, and
opening another image, another model or another session begins a new turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from PIL import Image
from textual.message import Message

from vlmtui.errors import CancelledError, ReadingGoneError, VlmtuiError
from vlmtui.images.image_file import ImageFile, read_source
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.metrics import DEFAULT_METRIC, Metric, WordOrder
from vlmtui.query.chosen_lens import searched_call
from vlmtui.query.options import read_image
from vlmtui.reading import ModelInfo, of_patches
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import connect
from vlmtui.session.protocol import AnswerProgress, Progress
from vlmtui.tui import messages
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.state.subject import (
    AHEAD,
    IDLE,
    AblateAnswer,
    AgreementLens,
    AttentionLens,
    ClassesLens,
    GenerateAnswer,
    GradientLens,
    HeadLens,
    LayersLens,
    LayerWordsLens,
    LensRequest,
    MaskLens,
    MatchLens,
    NoiseLens,
    OcclusionLens,
    PatchLens,
    TextsLens,
    WordsLens,
)

_T = TypeVar("_T")
MOST_CLASSES = 50
SLOW = (GenerateAnswer, AblateAnswer, OcclusionLens, LayersLens)
"""What is withdrawn when the person moves on: it would keep the session busy."""


class SessionWorker:
    """One session at a time, and the requests put to it. `post` may be called from any thread."""

    def __init__(self, options: ExplorerOptions) -> None:
        self.options = options
        self.model = options.query.load.model
        self.image = options.image
        self.post: Callable[[Message], object] = lambda message: None
        self.failed: list[Exception] = []
        self.fail: Callable[[Exception], object] = self.failed.append
        """Told of an error of ours in another thread; kept until there is an application that can tell it."""
        self._client: SessionClient | None = None
        self._turn = 0
        self._loaded: str | None = None
        self._running: dict[LensRequest, Future[Any]] = {}

    @property
    def alive(self) -> bool:
        """Whether there is a session to ask."""
        return self._client is not None and self._client.alive

    @property
    def where(self) -> str:
        """Which session it is where that is not the explorer's own, and "" where it is."""
        return self._client.where if self._client is not None and self._client.shared else ""

    @property
    def note(self) -> str:
        """What a person should know of how the session was chosen, or ""."""
        return self._client.note if self._client is not None else ""

    def start(self, may_ask: bool = False) -> None:
        """Turn to a session where there is none: the warm one, or a new one, which imports torch at once, and waits.

        With `may_ask` ssh may ask for a password at the terminal, and the session is there when this comes back.
        """
        if not self.alive:
            self._client = connect(
                self.options.query.load.where, self._guarded(self._died), self._guarded(self._line_changed), may_ask
            )
            if may_ask and self.options.query.load.where.remote is not None:
                self._client.welcome.result()

    def begin(self) -> None:
        """Load the model and read the image, in a new session where there is none."""
        self._withdraw_slow()
        self._turn += 1
        try:
            self.start()
        except VlmtuiError as error:
            self.post(messages.SessionLost(str(error)))
            return
        client, query, model = self._client, self.options.query, self.model
        assert client is not None
        self.post(messages.SessionProgressed("starting the model session"))
        self.introduce()
        own = model == query.load.model

        def loaded(info: ModelInfo) -> Message:
            self._loaded = model
            self._read()
            return messages.ModelLoaded(info)

        def failed(error: Exception) -> None:
            first = error if self._loaded is None and own else None
            self.post(messages.SessionFailed(f"{model} could not be loaded", str(error), first, of_model=True))
            before = self._loaded or self.options.query.load.model
            if before != model:
                # a model that does not load must not cost the one that did
                self.load(before)

        loading = client.load(
            model,
            revision=query.load.revision if own else None,
            processor=query.load.processor if own else None,
            device=query.load.device,
            dtype=query.load.dtype,
            on_progress=self._progress(),
        )
        self._when(loading, loaded, failed)

    def read(self, image: ImageFile) -> None:
        """Read another image with the model loaded."""
        self._withdraw_slow()
        self._turn += 1
        self.image = image
        if self.alive:
            self._read()

    def load(self, model: str) -> None:
        """Load another model and read the image with it."""
        self.model = model
        self.begin()

    def send(self, request: LensRequest) -> None:
        """Put a request; it is answered by `RequestAnswered` or `RequestFailed`."""
        client = self._client
        if client is None or not client.alive:
            return
        if isinstance(request.lens, SLOW):
            self._withdraw_slow(request.lens)
        future = self._ask(client, request)
        self._running[request] = future
        self._when(
            future,
            lambda result: messages.RequestAnswered(request, result),
            lambda error: self.post(messages.RequestFailed(request, str(error))),
            request,
        )

    def cancel(self, request: LensRequest) -> None:
        """Withdraw a request: an answer ends at its next token."""
        future = self._running.pop(request, None)
        if self._client is not None and future is not None:
            self._client.cancel(future)

    def introduce(self) -> None:
        """Ask what the lens of the command line is, where it is not built in."""
        lens = self.options.query.lens
        if lens is not None and lens.built_in is None:
            self.describe(lens.source or LensSource(lens.name))

    def describe(self, source: LensSource) -> None:
        """What a lens is that is not built in: nobody but the session runs it."""
        if self._client is not None and self._client.alive:
            self._when(
                self._client.describe(source),
                lambda found: messages.LensDescribed(source, found[0]),
                lambda error: self.post(messages.LensDescribed(source, None, str(error))),
            )

    def status(self) -> None:
        """What the session holds."""
        if self._client is not None and self._client.alive:
            self._when(self._client.status(), messages.StatusReported, lambda error: None)

    def open(self, source: str) -> Future[messages.ImageOpened]:
        """Fetch and decode another image in a thread: an address may take its time.

        The future raises `VlmtuiError` where it cannot be opened.
        """
        opening: Future[messages.ImageOpened] = Future()

        def work() -> None:
            if not opening.set_running_or_notify_cancel():
                return
            try:
                image = read_source(source)
                picture = Image.fromarray(self.options.query.read.decode(image).rgb)
                opening.set_result(messages.ImageOpened(image, picture))
            except VlmtuiError as error:
                opening.set_exception(error)
            except Exception as error:
                self.fail(error)

        threading.Thread(target=work, name="open", daemon=True).start()
        return opening

    def forget(self, reading: str) -> None:
        """Have the session discard the reading of an image that is no longer shown."""
        if self._client is not None and self._client.alive:
            self._client.forget(reading)

    def close(self) -> None:
        """End the session, at once."""
        self._turn += 1
        if self._client is not None:
            self._client.close()

    def _read(self) -> None:
        client, query = self._client, self.options.query
        assert client is not None

        def failed(error: Exception) -> None:
            self.post(messages.SessionFailed("the image could not be read", str(error)))

        reading = read_image(client, self.image, query.read, self._progress())
        self._when(reading, messages.ImageRead, failed)

    def _ask(self, client: SessionClient, request: LensRequest) -> Future[Any]:
        """The request as the session takes it."""
        query, progress = self.options.query, self._progress(request)
        reading, stage, answer = request.reading, request.subject.stage, request.answer_id
        every, entry = query.search.all_tokens, request.subject.entry or 0
        match request.lens:
            case WordsLens(order):
                return client.words(
                    reading,
                    _metric(order),
                    request.k,
                    tokens=request.tokens,
                    all_tokens=every,
                    stage=stage,
                    ridge=query.search.ridge,
                    projected=of_patches(stage),
                )
            case LayersLens():
                return client.layers(reading, on_progress=progress)
            case LayerWordsLens():
                return client.layer_words(reading, entry, 1, all_tokens=every)
            case PatchLens():
                return client.patch(reading, entry)
            case NoiseLens(order):
                return client.null(
                    reading,
                    _metric(order),
                    request.k,
                    all_tokens=every,
                    stage=stage,
                    ridge=query.search.ridge,
                    idle=request.when == IDLE,
                    projected=of_patches(stage),
                )
            case AgreementLens():
                return client.agreement(reading, entry, request.k, all_tokens=every, idle=request.when == IDLE)
            case TextsLens(texts):
                return client.texts(texts, on_progress=progress)
            case MatchLens(texts):
                return client.match(reading, texts, on_progress=progress)
            case HeadLens():
                return client.head()
            case ClassesLens():
                return client.classes(reading, MOST_CLASSES, on_progress=progress)
            case AttentionLens(layer, head, rollout):
                return client.attention(reading, answer, layer=layer, head=head, rollout=rollout, on_progress=progress)
            case GradientLens(token):
                return client.gradient(reading, answer, token, on_progress=progress)
            case OcclusionLens(block):
                return client.occlude(reading, answer, block, on_progress=progress)
            case MaskLens(layer):
                return client.mask(reading, layer, on_progress=progress)
            case GenerateAnswer(question):
                return client.answer(reading, question, on_progress=progress, on_token=self._hear(request))
            case AblateAnswer(tokens, by):
                return client.ablate(reading, answer, tokens, by, on_progress=progress, on_token=self._hear(request))
            case LensCall() as call:
                told = None if request.when == AHEAD else progress
                asked, k, idle = searched_call(call, query.search), query.search.k, request.when == IDLE
                return client.look(
                    reading, stage, asked, entries=request.single, answer=answer, k=k, idle=idle, on_progress=told
                )

    def _withdraw_slow(self, lens: object = None) -> None:
        """Withdraw what takes long; before a `lens` is asked for, that whose place it takes."""
        of = SLOW if lens is None else (LayersLens,) if isinstance(lens, LayersLens) else SLOW[:3]
        for request in [request for request in self._running if isinstance(request.lens, of)]:
            self.cancel(request)

    def _hear(self, request: LensRequest) -> Callable[[AnswerProgress], None]:
        turn = self._turn

        def heard(said: AnswerProgress) -> None:
            if turn == self._turn:
                self.post(messages.TokenGenerated(request, said))

        return self._guarded(heard)

    def _progress(self, request: LensRequest | None = None) -> Callable[[Progress], None]:
        turn = self._turn

        def progressed(note: Progress) -> None:
            if turn == self._turn:
                self.post(messages.SessionProgressed(note.doing, note.done, note.total, request))

        return self._guarded(progressed)

    def _guarded(self, told: Callable[[_T], None]) -> Callable[[_T], None]:
        """The same, but an error of ours is told of: the thread that calls it would swallow it."""

        def guarded(argument: _T) -> None:
            try:
                told(argument)
            except Exception as error:
                self.fail(error)

        return guarded

    def _when(
        self,
        future: Future[Any],
        message: Callable[[Any], Message],
        failed: Callable[[Exception], object],
        request: LensRequest | None = None,
    ) -> None:
        """When the answer comes, and is still wanted: post `message(result)`, or give `failed` the error.

        A `request` that gave way to another is posted as not computed.
        """
        turn = self._turn

        def done(finished: Future[Any]) -> None:
            if request is not None and self._running.get(request) is finished:
                self._running.pop(request, None)
            if turn != self._turn:
                return
            error = finished.exception()
            if error is None:
                self.post(message(finished.result()))
            elif isinstance(error, ReadingGoneError):
                self._turn += 1  # every other question about it would say the same
                where = self.where or "the model session"
                gone = f"{where} has been used for something else and no longer keeps this reading"
                self.post(messages.SessionLost(gone, alive=True))
            elif isinstance(error, CancelledError):
                if request is not None and self.alive:
                    self.post(messages.RequestFailed(request))
            elif self.alive:
                # of a session that died `_died` tells, once
                assert isinstance(error, Exception)
                failed(error)

        future.add_done_callback(self._guarded(done))

    def _line_changed(self, sentence: str) -> None:
        self.post(messages.SessionProgressed(sentence))

    def _died(self, reason: str) -> None:
        self._turn += 1
        self.post(messages.SessionLost(reason))


def _metric(order: WordOrder) -> Metric:
    """A metric for the session, which orders by logits of itself in the language model's layers."""
    return DEFAULT_METRIC if order == "logit" else order
