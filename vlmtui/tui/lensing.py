"""The explorer's keys for lenses that give every patch a number or a colour: find, marks, next best, playing."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image
from textual import on
from textual.binding import Binding
from textual.timer import Timer

from vlmtui.display.pieces import plain
from vlmtui.errors import UsageError
from vlmtui.tui import messages, navigation
from vlmtui.tui.hearing import AT_REST_S
from vlmtui.tui.initial_selection import with_own
from vlmtui.tui.judging import Judging
from vlmtui.tui.screens.dialogs import TextDialog
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.standing import IDLE
from vlmtui.tui.state import early_exit, lens_panel, marks
from vlmtui.tui.state.image_level import CLASSES, TEXTS, said_by
from vlmtui.tui.state.lens_choice import LensChoice, colouring, name_of, parsed, told, typed, word_lens
from vlmtui.tui.state.lens_values import STOPPED, ValueAsking, ahead, ordered, overlay_lens, scores, shown, single_of
from vlmtui.tui.state.results import NORMS, Selection
from vlmtui.tui.state.stages import ANSWER, llm_depth, path

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

    def __init__(self, worker: SessionWorker, picture: Image.Image) -> None:
        super().__init__(worker, picture)
        self._valuing = ValueAsking()
        self._ahead: Timer | None = None
        self._playing: Timer | None = None
        self._at_rest: Timer | None = None
        self._to_best = False

    @on(messages.ValuesArrived)
    def _values_arrived(self, message: messages.ValuesArrived) -> None:
        values, stage = message.values, self._selection.stage
        if self._valuing.answered(self._results, message.reading, values, stage, message.entry):
            if values.stage == stage:
                self._standing.seconds = (plain(values.call.name or values.call.lens.shown), values.seconds)
                self._values_done()
            self._when_ahead()

    @on(messages.ValuesFailed)
    def _values_failed(self, message: messages.ValuesFailed) -> None:
        reading = self._results.reading
        if reading is not None and reading.id == message.reading:
            self._valuing.failed(self._results, message.stage, message.lens, message.sentence)
            own = self._own(message.lens.lens)
            if own is not None and message.stage == self._selection.stage:
                self.notify(message.sentence, title=own.name, severity="error", timeout=12, markup=False)
            self._values_done()

    def _values_done(self) -> None:
        if not self._layers.under_way:
            self._standing.work = IDLE
        if self._to_best and scores(self._selection, self._results) is not None:
            self._to_best = False
            self._go_to_rank(0)
        self._show_picture()
        self._show_state()
        if lens_panel.lens_in_panel(self._results, self._selection) is not None:
            self._arrange()
            self._show_panels()

    def _ask_words(self) -> None:
        super()._ask_words()
        if self._at_rest is not None:
            self._at_rest.stop()
            self._at_rest = None
        if single_of(self._selection, self._results) is None:
            self._ask_values()
        elif self._current and self._valuing.wanted(self._results, self._selection) is not None:
            # of one entry after the other, as the cursor passes them, none is asked for
            self._at_rest = self.set_timer(AT_REST_S, self._ask_values)
        self._when_ahead()

    def _ask_values(self) -> None:
        results, selection = self._results, self._selection
        lens = self._valuing.wanted(results, selection) if self._current else None
        if lens is None or results.reading is None:
            return
        entry = single_of(selection, results)
        self._valuing.asked(selection.stage, lens, entry)
        if entry is None:
            self._worker.values(results.reading.id, selection.stage, lens)
        else:
            self._worker.values(results.reading.id, selection.stage, lens, entry)

    # a lens of one's own

    @on(messages.LensDescribed)
    def _lens_described(self, message: messages.LensDescribed) -> None:
        name, described = name_of(message.source), message.described
        if described.trouble:
            self._lens_failed(messages.LensFailed(message.source, described.trouble))
            return
        before = self._results.lenses.get(name)
        if before is not None and (before.source, before.described) == (message.source, described):
            return  # of a session that was started again
        query = self._worker.options.query
        given = query.lens.given if query.lens is not None else ()
        self._results.unusable.pop(name, None)
        self._results.lenses[name] = lens = LensChoice(name, message.source, described, given=given)
        self._choose_anew(with_own(self._selection, self._results, name))
        if lens.of_answers:
            self.notify("looks at an answer: a asks the model a question", title=name, timeout=8, markup=False)

    @on(messages.LensFailed)
    def _lens_failed(self, message: messages.LensFailed) -> None:
        name = name_of(message.source)
        self._results.unusable[name] = message.sentence
        self.notify(message.sentence, title=name, severity="error", timeout=12, markup=False)
        self._show_picture()

    def _own(self, source: object) -> LensChoice | None:
        """The person's own lens of this source."""
        return next((one for one in self._results.lenses.values() if one.source == source), None)

    def choose_overlay(self, name: str) -> None:
        """An overlay by its name; one that looks for a word asks for it, one of answers is looked through there."""
        if name in self._results.lenses:
            self._choose_anew(with_own(self._selection, self._results, name))
            return
        lens = word_lens(self._results.model)
        if lens is not None and lens.name == name and not self._selection.sought:
            self.action_find()
        else:
            self._choose_anew(replace(self._selection, overlay=name))

    def action_lens_options(self) -> None:
        """The options of the person's own lens that is looked through, or else of the last one."""
        results, selection = self._results, self._selection
        name = selection.of_answer.attribution if selection.stage == ANSWER else selection.overlay
        lens = results.lenses.get(name) or next(reversed(results.lenses.values()), None)
        if lens is None:
            self.notify("options are those of a lens of your own: vlmtui IMAGE --lens ./file.py", timeout=6)
            return
        if not lens.described.options:
            self.notify("it has no options", title=lens.name, timeout=4, markup=False)
            return

        def give(given: tuple[tuple[str, object], ...] | None) -> None:
            if given is not None:
                results.lenses[lens.name] = replace(lens, given=given)
                self._choose_anew(with_own(self._selection, self._results, lens.name))

        hint = "\n".join(
            ["name=value, one after the other; what is not named has its default:", *map(told, lens.described.options)]
        )
        ask = TextDialog(
            f"Options of {plain(lens.name)}", hint, lambda text: parsed(text, lens.described), typed(lens.given)
        )
        self.app.push_screen(ask, give)

    def _choose_anew(self, selection: Selection) -> None:
        """Take a view whose lens may be another though it is called the same; what was stopped is asked again."""
        for asked in [asked for asked, why in self._results.refused.items() if why == STOPPED]:
            del self._results.refused[asked]
        if selection != self._selection:
            self._choose(selection)
        self._ask_words()
        self._show_all()

    def _withdrawn(self) -> bool:
        """Stop what a lens of the person's own is asked for; False where it is asked for nothing."""
        asked = self._valuing.own(self._results)
        if asked is None:
            return False
        self._worker.leave_lens()
        self._valuing.failed(self._results, *asked, STOPPED)
        self._values_done()
        return True

    def _when_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.stop()
            self._ahead = None
        if self._current and overlay_lens(self._selection, self._results) is not None:
            self._ahead = self.set_timer(AHEAD_S, self._ask_ahead)

    def _ask_ahead(self) -> None:
        results, selection = self._results, self._selection
        if not self._current or results.reading is None or self._layers.under_way:
            return
        if not self._valuing.waiting(results, selection) and (there := ahead(selection, results)):
            self._worker.values_ahead(results.reading.id, *there)

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
            lens = word_lens(self._results.model)
            if text and lens is not None:
                self._to_best = True
                self._match_also(text)
                self._choose(replace(self._selection, sought=text, overlay=lens.name))
                if shown(self._selection, self._results) is not None:
                    self._values_done()

        hint = {
            TEXTS: "patches light up by their cosine with it, at the tower's end; so is the whole picture compared",
            CLASSES: "one of the model's classes: patches light up by what they say for it, at the tower's end",
            "": "patches light up by their cosine with it; in the language model's layers by its logit",
        }[said_by(self._results.model)]
        self.app.push_screen(TextDialog("Find a word", hint, read, self._selection.sought), find)

    def action_next_best(self, step: int) -> None:
        """To the patch with the next smaller number of the overlay, or the next larger one, round and round."""
        numbers, entry = scores(self._selection, self._results), self._results.entry(self._selection)
        if numbers is None:
            self.notify("n goes from the best patch to the next: / finds a word, o chooses an overlay", timeout=4)
            return
        order = ordered(numbers).tolist()
        self._go_to_rank(order.index(entry) + step if entry in order else 0)

    def _go_to_rank(self, rank: int) -> None:
        numbers = scores(self._selection, self._results)
        if numbers is not None and len(order := ordered(numbers)):
            self._choose(navigation.to_entry(self._selection, self._results, int(order[rank % len(order)])))

    def action_mark(self) -> None:
        """Mark the patch, or take its mark away."""
        self._choose(marks.toggled(self._selection, self._results))

    def action_unmark(self) -> None:
        """Take all marks away."""
        self._choose(replace(self._selection, marks=frozenset()))

    def action_early_exit(self) -> None:
        """Look at the tower's stages through the projector, or no more."""
        selection, refused = early_exit.toggled(self._results, self._selection)
        if refused:
            self.notify(refused, title="no early exit", timeout=8, markup=False)
        self._choose(selection)

    def action_play(self) -> None:
        """Walk through the stages by itself, from the first vision stage again at the end; or stop."""
        if self._playing is not None:
            self._stop_playing()
            return
        if self._results.reading is None:
            return
        if self._selection.overlay != NORMS and overlay_lens(self._selection, self._results) is None:
            self._choose(replace(self._selection, overlay=colouring()))
        if self._following() is None:
            self._choose(navigation.at_stage(self._selection, self._results, "vision.0"))
        self._playing = self.set_interval(FRAME_S, self._play_on)

    def _play_on(self) -> None:
        if self._valuing.waiting(self._results, self._selection):
            return  # what this stage shows has not come yet
        following = self._following()
        if following is None:
            self._stop_playing()
        else:
            self._choose(navigation.at_stage(self._selection, self._results, following))

    def _following(self) -> str | None:
        """The next stage; not into a language model whose layers have not been read, which takes its time."""
        results, selection = self._results, self._selection
        if results.reading is None:
            return None
        there = path(results.reading.model)  # without an answer: played are the layers
        at = there.index(selection.stage) + 1 if selection.stage in there else len(there)
        following = there[at] if at < len(there) else None
        return None if following and llm_depth(following) and results.layers is None else following

    def _stop_playing(self) -> None:
        if self._playing is not None:
            self._playing.stop()
            self._playing = None
