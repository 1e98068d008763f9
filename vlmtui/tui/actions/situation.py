"""Situation of the explorer: what an offer of a key depends on."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.tui.state import early_exit
from vlmtui.tui.state.image_level import scored_by
from vlmtui.tui.state.lens_values import overlay_scores
from vlmtui.tui.state.page_words import chosen_word, has_word_overlay
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, of_tokens


@dataclass(frozen=True)
class Situation:
    """Where the explorer is: what an offer of a key depends on.

    `hidden` are the panels that there are and that are not seen: number and title. `alone`: the image has the screen.
    `too_small`: the terminal has no room for either.
    """

    results: Results
    selection: Selection
    hidden: tuple[tuple[int, str], ...] = ()
    alone: bool = False
    too_small: bool = False

    @property
    def read(self) -> bool:
        """Whether the model has read the image."""
        return self.results.reading is not None

    @property
    def at_answer(self) -> bool:
        """Whether the answer is looked at."""
        return self.selection.stage == ANSWER

    @property
    def worded(self) -> bool:
        """Whether the model has words."""
        return self.results.model is None or not self.results.model.wordless

    @property
    def shows_words(self) -> bool:
        """Whether words are seen."""
        at_words = of_tokens(self.selection.stage) or early_exit.shows_early_exit(self.results, self.selection)
        return self.worded and at_words and not self.at_answer

    @property
    def masked(self) -> bool:
        """Whether the attention mask is in the place of the image."""
        return self.selection.of_answer.mask is not None

    @property
    def shows_cursor(self) -> bool:
        """Whether the cursor is seen: the attention mask has the image's tokens, and patches that become one."""
        return self.read and not (self.masked and self.results.token(self.selection) is None)

    @property
    def over_words(self) -> bool:
        """Whether words, or their segments, lie over the image."""
        return not self.masked and has_word_overlay(self.results, self.selection)

    @property
    def one_word(self) -> bool:
        """Whether one of these words is seen alone."""
        return bool(chosen_word(self.results, self.selection))

    @property
    def ranked(self) -> bool:
        """Whether the overlay has values, or segments, that the cursor can go through in turn."""
        if not self.read or self.masked:
            return False
        return self.over_words or overlay_scores(self.selection, self.results) is not None

    @property
    def scored_by(self) -> str:
        """What the whole image is scored by, where it is."""
        return "" if self.at_answer else scored_by(self.results.model)
