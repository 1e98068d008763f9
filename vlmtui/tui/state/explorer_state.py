"""State of the explorer: the selection, the results, the status of the session, and what is remembered between keys.

No Textual. It changes by keys (`vlmtui.tui.actions`) and by messages (`vlmtui.tui.session_events`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from vlmtui.display.word_segments import middle
from vlmtui.results.replacement import Replacement
from vlmtui.tui import navigation
from vlmtui.tui.state.generation import AnswerGeneration
from vlmtui.tui.state.lens_values import (
    STOPPED,
    noise_awaited,
    noise_floor_at,
    overlay_scores,
    overlay_turns,
    ranked_entries,
)
from vlmtui.tui.state.page_words import page_segments
from vlmtui.tui.state.panel_room import PanelRoom
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, TOKENS, llm_depth
from vlmtui.tui.state.status import SessionStatus

LATE_S = 0.4
"""How long the words of the patch before may stand while the cursor moves on."""


@dataclass
class ExplorerState:
    """What the screen shows and what keys change.

    `connected`: the session has the reading that is shown. `first` until the first reading has come. `shrinks`: all of
    the image is in view only where a half-cell is the average of several patches. `_in_turn`: where the cursor was put
    as one of the values in turn. `_seeking`: from which cell, and at which stage, it is to go to the highest.
    """

    results: Results
    selection: Selection
    status: SessionStatus = field(default_factory=SessionStatus)
    connected: bool = False
    first: bool = True
    playing: bool = False
    shrinks: bool = False
    panels: PanelRoom = field(default_factory=PanelRoom)
    questions: int = 0
    question: str = ""
    replacement: Replacement = "mean"
    _late: float | None = None
    _in_turn: tuple[object, ...] | None = None
    _seeking: tuple[str, tuple[int | None, int, int]] | None = None

    @property
    def generation(self) -> AnswerGeneration:
        """The question and the answer that there is."""
        return self.results.generation

    def at_stage(self, stage: str) -> None:
        """Go to a stage, the cursor on the same part of the image."""
        self.selection = navigation.at_stage(self.selection, self.results, stage)

    def look_at(self, **changes: object) -> None:
        """Look at the answer otherwise, from its own stage."""
        of_answer = replace(self.selection.of_answer, mask=None, **changes)  # type: ignore[arg-type]
        self.selection = replace(self.selection, of_answer=of_answer)
        if self.selection.stage != ANSWER:
            self.at_stage(ANSWER)

    def no_generation(self) -> None:
        """There is no answer, so that its stage cannot be looked at."""
        self.results.generation = AnswerGeneration()
        if self.selection.stage == ANSWER:
            self.at_stage(TOKENS)

    def leave_layers(self) -> None:
        """The language model's layers do not come, so that none of them can be looked at."""
        if llm_depth(self.selection.stage) and self.results.layers is None:
            self.at_stage(TOKENS)

    def ask_stopped_again(self) -> None:
        """Forget that the person has stopped a lens: the overlay was chosen once more."""
        refused = self.results.refused
        for key in [key for key, why in refused.items() if why == STOPPED]:
            del refused[key]

    def to_next_value(self, step: int) -> None:
        """The cursor on the entry with the highest value of the overlay, or for a `step` of −1 with the lowest; from
        there on the next one in turn, round and round. Where it is on that one already, it goes on. Of a block of
        entries it goes to the one in the middle."""
        turns = overlay_turns(self.selection, self.results)
        if not turns:
            return
        entry = self.results.entry(self.selection)
        first = 0 if step > 0 else len(turns) - 1
        at = next((i for i, entries in enumerate(turns) if entry in entries), None)
        in_turn = at is not None and (at == first or self._in_turn == self._place)
        entries = turns[(at + step) % len(turns) if at is not None and in_turn else first]
        self._to_entry(sorted(entries)[len(entries) // 2])

    def _to_entry(self, entry: int) -> None:
        """The cursor on an entry, as one of the values in turn."""
        self.selection = navigation.to_entry(self.selection, self.results, entry)
        self._in_turn = self._place

    def to_segment(self, step: int = 0, word: str = "") -> None:
        """The cursor in the middle of the next segment in turn, or for a `step` of −1 the one before; or of the next
        one of a `word`, or of the word that was chosen."""
        segments = page_segments(self.results, self.selection)
        if segments is None:
            return
        cell = self.selection.row, self.selection.col
        if word and segments.one_word(self.selection.word):
            self.selection = replace(self.selection, word=word)
        of = word or segments.one_word(self.selection.word)
        found = segments.next_of(of, cell, step or 1) if of else segments.next(cell, step)
        if found is not None:
            self.selection = navigation.place_cursor(self.selection, *middle(found))

    def choose_word(self) -> bool:
        """The word under the cursor alone, or all words again where it is chosen; False where there is none."""
        segments = page_segments(self.results, self.selection)
        here = segments.at((self.selection.row, self.selection.col)) if segments is not None else None
        if here is None and not self.selection.word:
            return False
        word = here.word if here is not None else ""
        self.selection = replace(self.selection, word="" if word == self.selection.word else word)
        return True

    @property
    def _place(self) -> tuple[object, ...]:
        """Where the cursor is, and over what."""
        here = self.selection
        return here.stage, here.overlay, here.sought, here.of_answer, here.grid, here.row, here.col

    def seek_highest(self) -> None:
        """Have the cursor go to the highest value of the overlay once it has come, unless it is moved before."""
        self._seeking = self.selection.stage, (self.selection.grid, self.selection.row, self.selection.col)

    def settle(self) -> None:
        """Do what waited for a result."""
        if self._seeking is None:
            return
        stage, cell = self._seeking
        here = self.selection
        if stage != here.stage:
            self.seek_highest()
        elif cell != (here.grid, here.row, here.col):
            self._seeking = None
            return
        values = overlay_scores(here, self.results)
        if values is None or noise_awaited(here, self.results):
            return
        self._seeking, floor = None, noise_floor_at(here, self.results)
        if floor is None or bool((values > floor).any()):
            for entry in ranked_entries(values)[:1].tolist():
                self._to_entry(entry)

    def follow(self, clock: Callable[[], float]) -> float | None:
        """Which token's words of all layers are shown: that under the cursor, or for a moment the one before.

        After so many seconds it is no longer; None where nothing waits. To wipe words and write others costs twice.
        """
        results, selection = self.results, self.selection
        token = results.token(selection) if selection.shows_layers and self.connected else None
        if token is None or results.by_layer(token) is not None:
            results.followed = results.followed if token is None else token
            self._late = None
            return None
        now = clock()
        self._late = now + LATE_S if self._late is None else self._late
        if now < self._late:
            return self._late - now
        results.followed = None
        return None
