"""The explorer's keys for lenses that give every patch a number or a colour: find, marks, next best, playing."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image
from textual import on
from textual.binding import Binding
from textual.timer import Timer

from vlmtui.errors import UsageError
from vlmtui.tui import exiting, marks, messages, walking
from vlmtui.tui.conversation import Conversation
from vlmtui.tui.dialogs import Ask
from vlmtui.tui.judging import Judging
from vlmtui.tui.path import llm_depth, path
from vlmtui.tui.standing import IDLE
from vlmtui.tui.valuing import ValueAsking, ahead, ordered, overlay_lens, scores, shown, word_lens
from vlmtui.tui.view import COLOURING, NORMS
from vlmtui.tui.whole import said_by

AHEAD_S = 0.03
"""How long after a step the stages beside are asked about."""
FRAME_S = 0.35
"""How long a stage stands while the layers are played."""


class Lensing(Judging):
    """Looks through lenses, and asks the session for what they show."""

    BINDINGS = [
        Binding("slash", "find", "find a word"),
        Binding("n", "next_best(1)", "next best"),
        Binding("N", "next_best(-1)", "best before"),
        Binding("space", "mark", "mark the patch"),
        Binding("U", "unmark", "unmark all"),
        Binding("p", "play", "play through the layers"),
        Binding("e", "early_exit", "early exit: through the projector"),
    ]

    def __init__(self, conversation: Conversation, picture: Image.Image) -> None:
        super().__init__(conversation, picture)
        self._valuing = ValueAsking()
        self._ahead: Timer | None = None
        self._playing: Timer | None = None
        self._to_best = False

    @on(messages.ValuesArrived)
    def _values_arrived(self, message: messages.ValuesArrived) -> None:
        values, stage = message.values, self._view.stage
        if self._valuing.answered(self._known, message.reading, values, stage):
            if values.stage == stage:
                self._standing.seconds = (values.call.name, values.seconds)
                self._values_done()
            self._when_ahead()

    @on(messages.ValuesFailed)
    def _values_failed(self, message: messages.ValuesFailed) -> None:
        reading = self._known.reading
        if reading is not None and reading.id == message.reading:
            self._valuing.failed(self._known, message.stage, message.lens, message.sentence)
            self._values_done()

    def _values_done(self) -> None:
        if not self._layers.under_way:
            self._standing.work = IDLE
        if self._to_best and scores(self._view, self._known) is not None:
            self._to_best = False
            self._go_to_rank(0)
        self._show_picture()
        self._show_state()

    def _ask_words(self) -> None:
        super()._ask_words()
        known, view = self._known, self._view
        lens = self._valuing.wanted(known, view) if self._current else None
        if lens is not None and known.reading is not None:
            self._valuing.asked(view.stage, lens)
            self._conversation.values(known.reading.id, view.stage, lens)
        self._when_ahead()

    def _when_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.stop()
            self._ahead = None
        if self._current and overlay_lens(self._view, self._known) is not None:
            self._ahead = self.set_timer(AHEAD_S, self._ask_ahead)

    def _ask_ahead(self) -> None:
        known, view = self._known, self._view
        if not self._current or known.reading is None or self._layers.under_way:
            return
        if not self._valuing.waiting(known, view) and (there := ahead(view, known)):
            self._conversation.values_ahead(known.reading.id, *there)

    def _forget(self) -> None:
        super()._forget()
        self._valuing.forget()
        self._stop_playing()

    def action_find(self) -> None:
        """Ask for a word, light up the patches that are near to it, and go to the nearest."""

        def read(text: str) -> str:
            if not text:
                raise UsageError("type a word, or leave with Escape")
            return text

        def find(text: str | None) -> None:
            lens = word_lens(self._known.model)
            if text and lens is not None:
                self._to_best = True
                self._match_also(text)
                self._choose(replace(self._view, sought=text, overlay=lens.name))
                if shown(self._view, self._known) is not None:
                    self._values_done()

        hint = {
            "texts": "patches light up by their cosine with it, at the tower's end; so is the whole picture compared",
            "classes": "one of the model's classes: patches light up by what they say for it, at the tower's end",
            "": "patches light up by their cosine with it; in the language model's layers by its logit",
        }[said_by(self._known.model)]
        self.app.push_screen(Ask("Find a word", hint, read, self._view.sought), find)

    def action_next_best(self, step: int) -> None:
        """To the patch with the next smaller number of the overlay, or the next larger one, round and round."""
        numbers, entry = scores(self._view, self._known), self._known.entry(self._view)
        if numbers is None:
            self.notify("n goes from the best patch to the next: / finds a word, o chooses an overlay", timeout=4)
            return
        order = ordered(numbers).tolist()
        self._go_to_rank(order.index(entry) + step if entry in order else 0)

    def _go_to_rank(self, rank: int) -> None:
        numbers = scores(self._view, self._known)
        if numbers is not None and len(order := ordered(numbers)):
            self._choose(walking.to_entry(self._view, self._known, int(order[rank % len(order)])))

    def action_mark(self) -> None:
        """Mark the patch, or take its mark away."""
        self._choose(marks.toggled(self._view, self._known))

    def action_unmark(self) -> None:
        """Take all marks away."""
        self._choose(replace(self._view, marks=frozenset()))

    def action_early_exit(self) -> None:
        """Look at the tower's stages through the projector, or no more."""
        view, refused = exiting.toggled(self._known, self._view)
        if refused:
            self.notify(refused, title="no early exit", timeout=8, markup=False)
        self._choose(view)

    def action_play(self) -> None:
        """Walk through the stages by itself, from the first vision stage again at the end; or stop."""
        if self._playing is not None:
            self._stop_playing()
            return
        if self._known.reading is None:
            return
        if self._view.overlay != NORMS and overlay_lens(self._view, self._known) is None:
            self._choose(replace(self._view, overlay=COLOURING))
        if self._following() is None:
            self._choose(walking.at_stage(self._view, self._known, "vision.0"))
        self._playing = self.set_interval(FRAME_S, self._play_on)

    def _play_on(self) -> None:
        if self._valuing.waiting(self._known, self._view):
            return  # what this stage shows has not come yet
        following = self._following()
        if following is None:
            self._stop_playing()
        else:
            self._choose(walking.at_stage(self._view, self._known, following))

    def _following(self) -> str | None:
        """The next stage; not into a language model whose layers have not been read, which takes its time."""
        known, view = self._known, self._view
        if known.reading is None:
            return None
        there = path(known.reading.model)  # without an answer: played are the layers
        at = there.index(view.stage) + 1 if view.stage in there else len(there)
        following = there[at] if at < len(there) else None
        return None if following and llm_depth(following) and known.layers is None else following

    def _stop_playing(self) -> None:
        if self._playing is not None:
            self._playing.stop()
            self._playing = None
