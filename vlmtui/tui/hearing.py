"""The explorer's side of its talk with the session: what arrives, and what is asked for because of what is looked at.

Kept apart from the keys and the widgets: nothing here knows how anything is drawn.
"""

from __future__ import annotations

from dataclasses import replace

from PIL import Image
from textual import on
from textual.screen import Screen
from textual.timer import Timer

from vlmtui.tui import messages, navigation
from vlmtui.tui.asking import LayerAsking, WordAsking
from vlmtui.tui.initial_selection import opened
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.standing import IDLE, Standing
from vlmtui.tui.state.results import Results, Selection
from vlmtui.tui.state.stages import TOKENS, llm_depth

LAYERS = "layers"
"""What is timed, on the line of state."""
AT_REST_S = 0.12
"""How long the cursor stands before the words of all layers are asked for: they are many."""
LATE_S = 0.4
"""How long the words of the patch before may stand while the cursor moves on."""


class Hearing(Screen[None]):
    """Holds the view and what is known; tells the screen, which is made of it, what to show again."""

    def __init__(self, worker: SessionWorker, picture: Image.Image) -> None:
        super().__init__()
        options = worker.options
        self._worker = worker
        self._results = Results.of(worker.image, picture)
        self._selection = Selection(metric=options.query.search.metric, k=options.query.search.k)
        self._opening = True
        self._standing = Standing(messages.WorkProgressed("starting the model session"))
        self._asking = WordAsking()
        self._layers = LayerAsking()
        self._rest: Timer | None = None
        self._late: Timer | None = None
        self._current = False

    @property
    def results(self) -> Results:
        """What has arrived so far."""
        return self._results

    @on(messages.ModelLoaded)
    def _model_loaded(self, message: messages.ModelLoaded) -> None:
        self._results.model = message.model
        self._standing.trouble = ""
        self._worker.status()
        self._show_lines()

    @on(messages.PictureRead)
    def _picture_read(self, message: messages.PictureRead) -> None:
        results, reading = self._results, message.reading
        before = navigation.spotted(self._selection, results)
        if results.reading and results.reading.model.name != reading.model.name and llm_depth(before.stage):
            # another model's layers may be gigabytes: they are read when somebody walks there
            before = navigation.at_stage(before, results, TOKENS)
        results.take(reading)
        self._forget()
        self._current = True
        self._standing.trouble = ""
        self._standing.work = IDLE
        self._standing.seconds = ("read", sum(reading.timings.values()))
        if self._opening:
            self._selection, wrong = opened(self._selection, results, self._worker.options.query)
            for sentence in wrong:
                self.notify(sentence, severity="error", timeout=12, markup=False)
        else:
            self._selection = navigation.settled(replace(before, marks=frozenset()), results)
        self._opening = False
        self._worker.status()
        self._ask_words()
        self._show_all()

    @on(messages.WordsArrived)
    def _words_arrived(self, message: messages.WordsArrived) -> None:
        words = message.words
        if not self._asking.answered(self._results, message.reading, message.stage, words):
            return
        self._standing.seconds = ("words", words.seconds)
        self._ask_words()
        self._show_panels()
        self._show_state()
        self._show_picture()

    @on(messages.LayersArrived)
    def _layers_arrived(self, message: messages.LayersArrived) -> None:
        reading = self._results.reading
        if reading is None or reading.id != message.layers.reading or not self._layers.under_way:
            return
        self._results.layers = message.layers
        self._layers.under_way = False
        self._standing.work = IDLE
        self._worker.status()
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
        if self._layers.answered(self._results, message.reading, message.words):
            self._standing.seconds = (LAYERS, message.words.seconds)
            if message.words.token == self._results.token(self._selection):
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
        self._standing.trouble = message.sentence if self._results.reading is None else ""
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
        before, self._results = self._results, Results.of(message.source, message.picture, self._results.model)
        self._results.lenses, self._results.unusable = before.lenses, before.unusable
        self._selection = replace(self._selection, spot=None)
        self._current = False
        self._worker.read(message.source)
        if self._worker.alive:
            self._standing.work = messages.WorkProgressed("reading the picture")
        self._show_all()

    # what is asked for

    def _ask_words(self) -> None:
        results, selection = self._results, self._selection
        if not self._current or results.reading is None:
            return
        if self._layers.wanted(results, selection):
            self._layers.under_way = True
            self._standing.work = messages.WorkProgressed("reading the language model's layers")
            self._show_state()
            self._worker.layers(results.reading.id)
        for table, tokens in self._asking.next(results, selection):
            self._worker.words(table.reading, table.stage, table.metric, table.k, tokens)
        if selection.shows_layers and results.token(selection) in results.by_layer:
            self._caught_up()
        elif self._layers.token(results, selection) is not None:
            if self._rest:
                self._rest.stop()
            self._rest = self.set_timer(AT_REST_S, self._ask_layer_words)
            # till then the words of the patch before stand: to wipe them and write them anew costs twice
            self._late = self._late or self.set_timer(LATE_S, self._fallen_behind)

    def _ask_layer_words(self) -> None:
        results = self._results
        token = self._layers.token(results, self._selection)
        if self._current and token is not None and results.reading is not None:
            self._layers.asked(token)
            self._worker.layer_words(results.reading.id, token)

    def _caught_up(self) -> None:
        self._results.followed = self._results.token(self._selection)
        if self._late:
            self._late.stop()
        self._late = None

    def _fallen_behind(self) -> None:
        self._late = self._results.followed = None
        self._show_panels()

    def _stand_still(self, trouble: str, waiting: str) -> None:
        """Nothing more is asked of the session until the picture is read again."""
        self._current = False
        self._results.waiting, self._results.followed = waiting, None
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
        if llm_depth(self._selection.stage) and self._results.layers is None:
            self._choose(navigation.at_stage(self._selection, self._results, TOKENS))

    # what the screen does

    def _choose(self, selection: Selection) -> None:
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
