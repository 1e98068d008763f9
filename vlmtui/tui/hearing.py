"""The explorer's side of its talk with the session: what arrives, and what is asked for because of what is looked at.

Kept apart from the keys and the widgets: nothing here knows how anything is drawn.
"""

from __future__ import annotations

from dataclasses import replace

from PIL import Image
from textual import on
from textual.screen import Screen
from textual.timer import Timer

from vlmtui.tui import messages, walking
from vlmtui.tui.asking import LayerAsking, WordAsking
from vlmtui.tui.conversation import Conversation
from vlmtui.tui.opening import opened
from vlmtui.tui.path import TOKENS, llm_depth
from vlmtui.tui.standing import IDLE, Standing
from vlmtui.tui.view import Known, View

LAYERS = "layers"
"""What is timed, on the line of state."""
AT_REST_S = 0.12
"""How long the cursor stands before the words of all layers are asked for: they are many."""
LATE_S = 0.4
"""How long the words of the patch before may stand while the cursor moves on."""


class Hearing(Screen[None]):
    """Holds the view and what is known; tells the screen, which is made of it, what to show again."""

    def __init__(self, conversation: Conversation, picture: Image.Image) -> None:
        super().__init__()
        options = conversation.options
        self._conversation = conversation
        self._known = Known.of(conversation.image, picture)
        self._view = View(metric=options.query.search.metric, k=options.query.search.k)
        self._opening = True
        self._standing = Standing(messages.WorkProgressed("starting the model session"))
        self._asking = WordAsking()
        self._layers = LayerAsking()
        self._rest: Timer | None = None
        self._late: Timer | None = None
        self._current = False

    @property
    def known(self) -> Known:
        """What has arrived so far."""
        return self._known

    @on(messages.ModelLoaded)
    def _model_loaded(self, message: messages.ModelLoaded) -> None:
        self._known.model = message.model
        self._standing.trouble = ""
        self._conversation.status()
        self._show_lines()

    @on(messages.PictureRead)
    def _picture_read(self, message: messages.PictureRead) -> None:
        known, reading = self._known, message.reading
        before = walking.spotted(self._view, known)
        if known.reading and known.reading.model.name != reading.model.name and llm_depth(before.stage):
            # another model's layers may be gigabytes: they are read when somebody walks there
            before = walking.at_stage(before, known, TOKENS)
        known.take(reading)
        self._forget()
        self._current = True
        self._standing.trouble = ""
        self._standing.work = IDLE
        self._standing.seconds = ("read", sum(reading.timings.values()))
        if self._opening:
            self._view, wrong = opened(self._view, known, self._conversation.options.query)
            for sentence in wrong:
                self.notify(sentence, severity="error", timeout=12, markup=False)
        else:
            self._view = walking.settled(replace(before, marks=frozenset()), known)
        self._opening = False
        self._conversation.status()
        self._ask_words()
        self._show_all()

    @on(messages.WordsArrived)
    def _words_arrived(self, message: messages.WordsArrived) -> None:
        words = message.words
        if not self._asking.answered(self._known, message.reading, message.stage, words):
            return
        self._standing.seconds = ("words", words.seconds)
        self._ask_words()
        self._show_panels()
        self._show_state()
        self._show_picture()

    @on(messages.LayersArrived)
    def _layers_arrived(self, message: messages.LayersArrived) -> None:
        reading = self._known.reading
        if reading is None or reading.id != message.layers.reading or not self._layers.under_way:
            return
        self._known.layers = message.layers
        self._layers.under_way = False
        self._standing.work = IDLE
        self._conversation.status()
        self._ask_words()
        self._show_all()

    @on(messages.LayersProgressed)
    def _layers_progressed(self, message: messages.LayersProgressed) -> None:
        if self._layers.under_way:
            self._work_progressed(messages.WorkProgressed(message.doing, message.done, message.total))

    @on(messages.LayersFailed)
    def _layers_failed(self, message: messages.LayersFailed) -> None:
        what = "the language model's layers could not be read"
        self.notify(message.sentence, title=what, severity="error", timeout=12, markup=False)
        self._without_layers()

    @on(messages.LayerWordsArrived)
    def _layer_words_arrived(self, message: messages.LayerWordsArrived) -> None:
        if self._layers.answered(self._known, message.reading, message.words):
            self._standing.seconds = (LAYERS, message.words.seconds)
            if message.words.token == self._known.token(self._view):
                self._caught_up()
            self._show_panels()
            self._show_state()

    @on(messages.WorkProgressed)
    def _work_progressed(self, message: messages.WorkProgressed) -> None:
        self._standing.work = message
        self._show_state()

    @on(messages.StatusArrived)
    def _status_arrived(self, message: messages.StatusArrived) -> None:
        self._standing.status = message.status
        self._show_state()

    @on(messages.WorkFailed)
    def _work_failed(self, message: messages.WorkFailed) -> None:
        self._standing.work = IDLE
        self._standing.trouble = message.sentence if self._known.reading is None else ""
        self.notify(message.sentence, title=message.what, severity="error", timeout=12, markup=False)
        self._show_state()

    @on(messages.SessionDied)
    def _session_died(self, message: messages.SessionDied) -> None:
        self._standing.work = IDLE
        self._standing.status = None
        self._stand_still(f"R starts it again: {message.reason}", "the model session is gone: R starts it again")

    @on(messages.ReadingLost)
    def _reading_lost(self, message: messages.ReadingLost) -> None:
        self._stand_still(f"r reads the picture again: {message.reason}", "r reads the picture again")

    @on(messages.PictureOpened)
    def _picture_opened(self, message: messages.PictureOpened) -> None:
        before, self._known = self._known, Known.of(message.source, message.picture, self._known.model)
        self._known.lenses, self._known.unusable = before.lenses, before.unusable
        self._view = replace(self._view, spot=None)
        self._current = False
        self._conversation.read(message.source)
        if self._conversation.alive:
            self._standing.work = messages.WorkProgressed("reading the picture")
        self._show_all()

    # what is asked for

    def _ask_words(self) -> None:
        known, view = self._known, self._view
        if not self._current or known.reading is None:
            return
        if self._layers.wanted(known, view):
            self._layers.under_way = True
            self._standing.work = messages.WorkProgressed("reading the language model's layers")
            self._show_state()
            self._conversation.layers(known.reading.id)
        for book, tokens in self._asking.next(known, view):
            self._conversation.words(book.reading, book.stage, book.metric, book.k, tokens)
        if view.shows_layers and known.token(view) in known.by_layer:
            self._caught_up()
        elif self._layers.token(known, view) is not None:
            if self._rest:
                self._rest.stop()
            self._rest = self.set_timer(AT_REST_S, self._ask_layer_words)
            # till then the words of the patch before stand: to wipe them and write them anew costs twice
            self._late = self._late or self.set_timer(LATE_S, self._fallen_behind)

    def _ask_layer_words(self) -> None:
        known = self._known
        token = self._layers.token(known, self._view)
        if self._current and token is not None and known.reading is not None:
            self._layers.asked(token)
            self._conversation.layer_words(known.reading.id, token)

    def _caught_up(self) -> None:
        self._known.followed = self._known.token(self._view)
        if self._late:
            self._late.stop()
        self._late = None

    def _fallen_behind(self) -> None:
        self._late = self._known.followed = None
        self._show_panels()

    def _stand_still(self, trouble: str, waiting: str) -> None:
        """Nothing more is asked of the session until the picture is read again."""
        self._current = False
        self._known.waiting, self._known.followed = waiting, None
        self._standing.trouble = trouble
        self._without_layers()
        self._forget()
        self._show_state()
        self._show_panels()

    def _forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._asking.forget()
        self._layers.forget()

    def _without_layers(self) -> None:
        """The language model's layers do not come: nobody stands at one of them."""
        if self._layers.under_way:
            self._layers.under_way = False
            self._standing.work = IDLE
            self._show_state()
        if llm_depth(self._view.stage) and self._known.layers is None:
            self._choose(walking.at_stage(self._view, self._known, TOKENS))

    # what the screen does

    def _choose(self, view: View) -> None:
        """Take another view and show what differs."""
        raise NotImplementedError

    def _arrange(self) -> None:
        raise NotImplementedError

    def _show_all(self) -> None:
        raise NotImplementedError

    def _show_lines(self) -> None:
        raise NotImplementedError

    def _show_panels(self) -> None:
        raise NotImplementedError

    def _show_picture(self) -> None:
        raise NotImplementedError

    def _show_state(self) -> None:
        raise NotImplementedError
