"""The explorer asks how much to believe the words while nothing else is asked: metrics that agree, words of noise."""

from __future__ import annotations

from PIL import Image
from textual import on
from textual.timer import Timer

from vlmtui.tui import messages
from vlmtui.tui.dissecting import Dissecting
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.noise_baseline import BeliefAsking

IDLE_S = 0.3
"""How long nothing else was asked before this is."""


class Believing(Dissecting):
    """Knows whether there is anything better to do."""

    def __init__(self, worker: SessionWorker, picture: Image.Image) -> None:
        super().__init__(worker, picture)
        self._believing = BeliefAsking()
        self._idle: Timer | None = None

    def _ask_words(self) -> None:
        super()._ask_words()
        self._when_idle()

    def _when_idle(self) -> None:
        if self._idle is not None:
            self._idle.stop()
            self._idle = None
        if self._current and any(one is not None for one in self._wanted()):
            self._idle = self.set_timer(IDLE_S, self._ask_belief)

    def _wanted(self) -> tuple[object, int | None]:
        results, selection = self._results, self._selection
        return self._believing.null(results, selection), self._believing.token(results, selection)

    def _ask_belief(self) -> None:
        results, selection, asking = self._results, self._selection, self._believing
        if not self._current or results.reading is None or self._layers.under_way:
            return
        token, key = asking.token(results, selection), asking.null(results, selection)
        if token is not None:
            asking.asked_token(token)
            self._worker.agreement(results.reading.id, token, selection.k)
        if key is not None:
            asking.asked_null(key)
            self._worker.null(results.reading.id, key, selection.k)

    @on(messages.NullArrived)
    def _null_arrived(self, message: messages.NullArrived) -> None:
        reading = self._results.reading
        if reading is not None and reading.id == message.reading:
            self._results.belief.nulls[message.key] = message.null
            self._believing.asked_null(None)
            self._show_panels()
            self._when_idle()

    @on(messages.NullFailed)
    def _null_failed(self, message: messages.NullFailed) -> None:
        reading = self._results.reading
        if reading is not None and reading.id == message.reading:
            self._results.belief.refused.add(message.key)
            self._believing.asked_null(None)
            title = "the words of noise could not be found"
            self.notify(message.sentence, title=title, severity="warning", timeout=8, markup=False)

    @on(messages.AgreementArrived)
    def _agreement_arrived(self, message: messages.AgreementArrived) -> None:
        reading = self._results.reading
        if reading is not None and reading.id == message.reading:
            self._results.belief.agreements[message.agreement.token] = message.agreement
            self._believing.asked_token(None)
            if message.agreement.token == self._results.token(self._selection):
                self._show_panels()

    @on(messages.BeliefGaveWay)
    def _belief_gave_way(self) -> None:
        self._believing.forget()
        self._when_idle()

    def _forget(self) -> None:
        super()._forget()
        self._believing.forget()
