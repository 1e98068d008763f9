"""The explorer's talk with the model session: asks without waiting, posts a message when an answer comes.

Answers to questions that the person has moved on from are dropped here: each question carries the turn it was asked
in, and opening another picture, another model or another session begins a new turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from PIL import Image
from textual.message import Message

from vlmtui.errors import CancelledError, ReadingGoneError, VlmtuiError
from vlmtui.image import ImageFile, decode, read_source
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.metrics import METRICS, WordOrder
from vlmtui.reading import LayerNorms, ModelInfo, of_patches
from vlmtui.session.discovery import connect
from vlmtui.session.protocol import Progress
from vlmtui.tui import messages
from vlmtui.tui.inquiry import Inquiry
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.state.noise_baseline import NullKey

_T = TypeVar("_T")


class SessionWorker(Inquiry):
    """One session at a time, and the questions put to it. `post` may be called from any thread."""

    def __init__(self, options: ExplorerOptions) -> None:
        super().__init__()
        self.options = options
        self.model = options.query.load.model
        self.image = options.image
        self._openings = 0
        self._held: str | None = None
        self._layers: Future[LayerNorms] | None = None

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
            self._client = connect(self.options.query.load.where, self._died, self._line_changed, may_ask)
            if may_ask and self.options.query.load.where.remote is not None:
                self._client.welcome.result()

    def begin(self) -> None:
        """Load the model and read the picture, in a new session where there is none."""
        self.leave_answer()
        self._turn += 1
        try:
            self.start()
        except VlmtuiError as error:
            self.post(messages.SessionDied(str(error)))
            return
        client, query, model = self._client, self.options.query, self.model
        assert client is not None
        self.post(messages.WorkProgressed("starting the model session"))
        self.introduce()
        own = model == query.load.model

        def loaded(info: ModelInfo) -> Message:
            self._held = model
            self._read()
            return messages.ModelLoaded(info)

        def failed(sentence: str) -> None:
            self.post(messages.WorkFailed(f"{model} could not be loaded", sentence))
            before = self._held or self.options.query.load.model
            if before != model:
                # a model that does not load must not cost the one that did
                self.load(before)

        self._when(
            client.load(
                model,
                revision=query.load.revision if own else None,
                processor=query.load.processor if own else None,
                device=query.load.device,
                dtype=query.load.dtype,
                on_progress=self._progressed(),
            ),
            loaded,
            failed,
        )

    def read(self, image: ImageFile) -> None:
        """Read another picture with the model held."""
        self.leave_layers()
        self.leave_answer()
        self._turn += 1
        self.image = image
        if self.alive:
            self._read()

    def load(self, model: str) -> None:
        """Load another model and read the picture with it."""
        self.model = model
        self.begin()

    def words(self, reading: str, stage: str, order: WordOrder, k: int, tokens: tuple[int, ...]) -> None:
        """The words of some tokens at a stage; "logit" is the only order in the language model's layers.

        At a vision stage those of the tokens that the projector makes of it.
        """
        if self._client is not None and self._client.alive:
            metric = METRICS[0] if order == "logit" else order
            all_tokens = self.options.query.search.all_tokens
            self._when(
                self._client.words(
                    reading,
                    metric,
                    k,
                    tokens=tokens,
                    all_tokens=all_tokens,
                    stage=stage,
                    ridge=self.options.query.search.ridge,
                    projected=of_patches(stage),
                ),
                lambda words: messages.WordsArrived(reading, stage, words),
                self._failed("the words could not be found"),
            )

    def layers(self, reading: str) -> None:
        """Run the picture through the language model, whose layers are read first where the session lacks them."""
        if self._client is not None and self._client.alive:

            def failed(sentence: str) -> None:
                self.post(messages.LayersFailed(sentence))

            self._layers = self._client.layers(reading, on_progress=self._progressed(messages.LayersProgressed))
            self._when(self._layers, messages.LayersArrived, failed)

    def leave_layers(self) -> None:
        """Ask for the layers no more."""
        if self._client is not None and self._layers is not None:
            self._client.cancel(self._layers)
            self._layers = None

    def layer_words(self, reading: str, token: int) -> None:
        """The first word of a token after every layer."""
        if self._client is not None and self._client.alive:
            self._when(
                self._client.layer_words(reading, token, 1, all_tokens=self.options.query.search.all_tokens),
                lambda words: messages.LayerWordsArrived(reading, words),
                self._failed("the words could not be found"),
            )

    def introduce(self) -> None:
        """Ask what the lens of the command line is, where it is the person's own."""
        lens = self.options.query.lens
        if lens is not None and lens.built_in is None:
            self.describe(lens.source or LensSource(lens.name))

    def describe(self, source: LensSource) -> None:
        """What a lens of the person's own is: nobody but the session runs it."""

        def failed(sentence: str) -> None:
            self.post(messages.LensFailed(source, sentence))

        if self._client is not None and self._client.alive:
            self._when(self._client.describe(source), lambda found: messages.LensDescribed(source, found[0]), failed)

    def values(self, reading: str, stage: str, lens: LensCall, entry: int | None = None) -> None:
        """What a lens makes of a stage, or of one entry of it."""

        def failed(sentence: str) -> None:
            self.post(messages.ValuesFailed(reading, stage, lens, sentence))

        if self._client is not None and self._client.alive:
            entries = None if entry is None else (entry,)
            self._lens = self._client.look(reading, stage, lens, entries=entries, on_progress=self._progressed())
            self._when(self._lens, lambda values: messages.ValuesArrived(reading, values, entry), failed)

    def values_ahead(self, reading: str, stage: str, lens: LensCall) -> None:
        """The same for a stage that nobody looks at yet: any other question of the kind takes its place."""
        if self._client is not None and self._client.alive:
            self._when(
                self._client.look(reading, stage, lens),
                lambda values: messages.ValuesArrived(reading, values),
                lambda sentence: None,  # it is said when somebody looks
            )

    def patch(self, reading: str, patch: int) -> None:
        """What a vision patch is before the tower's first block."""

        def failed(sentence: str) -> None:
            self.post(messages.PatchFailed(reading, patch, sentence))

        if self._client is not None and self._client.alive:
            self._when(
                self._client.patch(reading, patch),
                lambda anatomy: messages.PatchArrived(reading, anatomy),
                failed,
            )

    def match(self, reading: str, texts: tuple[str, ...]) -> None:
        """Texts against the whole picture."""
        if self._client is not None and self._client.alive:
            self._when(
                self._client.texts(texts, on_progress=self._progressed()),
                lambda read: messages.TextsArrived(reading, read),
                self._failed("texts cannot be matched with the picture"),
            )
            self._when(
                self._client.match(reading, texts, on_progress=self._progressed()),
                lambda match: messages.MatchArrived(reading, match),
                lambda sentence: None,  # what is wrong with the texts has been said
            )

    def classes(self, reading: str, k: int) -> None:
        """The first classes of the whole picture."""
        if self._client is not None and self._client.alive:
            self._when(
                self._client.head(),
                lambda head: messages.HeadArrived(reading, head),
                self._failed("the picture has no classes"),
            )
            self._when(
                self._client.classes(reading, k, on_progress=self._progressed()),
                lambda classes: messages.ClassesArrived(reading, classes),
                lambda sentence: None,  # that there is no head has been said
            )

    def null(self, reading: str, key: NullKey, k: int) -> None:
        """The words of noise, found as the reading's are; where nothing else is asked meanwhile."""
        stage, order, _ = key

        def failed(sentence: str) -> None:
            self.post(messages.NullFailed(reading, key, sentence))

        if self._client is not None and self._client.alive:
            query = self.options.query
            self._when(
                self._client.null(
                    reading,
                    METRICS[0] if order == "logit" else order,
                    k,
                    all_tokens=query.search.all_tokens,
                    stage=stage,
                    ridge=query.search.ridge,
                    idle=True,
                    projected=of_patches(stage),
                ),
                lambda null: messages.NullArrived(reading, key, null),
                failed,
                messages.BeliefGaveWay,
            )

    def agreement(self, reading: str, token: int, k: int) -> None:
        """What several metrics name for one token; where nothing else is asked meanwhile."""
        if self._client is not None and self._client.alive:
            self._when(
                self._client.agreement(reading, token, k, all_tokens=self.options.query.search.all_tokens, idle=True),
                lambda agreement: messages.AgreementArrived(reading, agreement),
                self._failed("the metrics could not be compared"),
                messages.BeliefGaveWay,
            )

    def status(self) -> None:
        """What the session holds."""
        if self._client is not None and self._client.alive:
            self._when(self._client.status(), messages.StatusArrived, lambda sentence: None)

    def open(self, source: str) -> None:
        """Fetch and decode another picture in a thread: an address may take its time. The latest asked for wins."""
        self._openings += 1
        opening = self._openings

        def work() -> None:
            try:
                image = read_source(source)
                picture = Image.fromarray(decode(image.data, image.source, self.options.query.read.max_pixels).rgb)
                message: Message = messages.PictureOpened(image, picture)
            except VlmtuiError as error:
                message = messages.WorkFailed("the picture could not be opened", str(error))
            if opening == self._openings:
                self.post(message)

        threading.Thread(target=work, name="open", daemon=True).start()

    def close(self) -> None:
        """End the session, at once."""
        self._turn += 1
        self._openings += 1
        if self._client is not None:
            self._client.close()

    def _read(self) -> None:
        client, query = self._client, self.options.query
        assert client is not None
        self._when(
            client.read(
                self.image, max_pixels=query.read.max_pixels, prompt=query.read.prompt, on_progress=self._progressed()
            ),
            messages.PictureRead,
            self._failed("the picture could not be read"),
        )

    def _progressed(
        self, message: Callable[[str, int, int], Message] = messages.WorkProgressed
    ) -> Callable[[Progress], None]:
        turn = self._turn

        def progressed(note: Progress) -> None:
            if turn == self._turn:
                self.post(message(note.doing, note.done, note.total))

        return progressed

    def _failed(self, what: str) -> Callable[[str], None]:
        def failed(sentence: str) -> None:
            self.post(messages.WorkFailed(what, sentence))

        return failed

    def _when(
        self,
        future: Future[_T],
        message: Callable[[_T], Message],
        failed: Callable[[str], None],
        withdrawn: Callable[[], Message] | None = None,
    ) -> None:
        """When the answer comes, and is still wanted: post `message(result)`, or give `failed` the sentence.

        Where the question gave way to another, post `withdrawn()`.
        """
        turn = self._turn

        def done(finished: Future[_T]) -> None:
            if turn != self._turn:
                return
            error = finished.exception()
            if error is None:
                self.post(message(finished.result()))
            elif isinstance(error, ReadingGoneError):
                self._turn += 1  # every other question about it would say the same
                where = self.where or "the model session"
                self.post(
                    messages.ReadingLost(f"{where} has been used for something else, and keeps this reading no more")
                )
            elif isinstance(error, CancelledError):
                if withdrawn is not None and self.alive:
                    self.post(withdrawn())
            elif self.alive:
                # of a session that died `_died` tells, once
                failed(str(error))

        future.add_done_callback(done)

    def _line_changed(self, sentence: str) -> None:
        self.post(messages.WorkProgressed(sentence))

    def _died(self, reason: str) -> None:
        self._turn += 1
        self.post(messages.SessionDied(reason))
