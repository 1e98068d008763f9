"""The explorer asks what the patch under the cursor is before the tower's first block, once the cursor rests there; and
counts, from picture to picture, where outliers are."""

from __future__ import annotations

from PIL import Image
from textual import on
from textual.binding import Binding
from textual.timer import Timer

from vlmtui.tui import messages
from vlmtui.tui.hearing import AT_REST_S, Hearing
from vlmtui.tui.screens.outliers import OutliersScreen
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.patch_facts import PatchAsking, Patches


class Dissecting(Hearing):
    """Holds what is known of patches, also from one picture to the next."""

    BINDINGS = [Binding("V", "outliers", "outliers from picture to picture")]

    def __init__(self, worker: SessionWorker, picture: Image.Image) -> None:
        super().__init__(worker, picture)
        self._patches = Patches()
        self._patch_asking = PatchAsking()
        self._patch_rest: Timer | None = None

    @on(messages.PictureRead)
    def _picture_counted(self, message: messages.PictureRead) -> None:
        # before `Hearing` shows it: handlers of a class come before those of the class it is made of
        self._patches.take(message.reading)
        self._results.patches = self._patches

    def action_outliers(self) -> None:
        """Every stage's verdict on the pictures so far: outliers by position or by content."""
        model = self._results.model
        self.app.push_screen(
            OutliersScreen(self._patches.record.tallies(model) if model else [], self._selection.stage)
        )

    def _ask_words(self) -> None:
        super()._ask_words()
        if self._patch_rest is not None:
            self._patch_rest.stop()
            self._patch_rest = None
        if self._current and self._patch_asking.wanted(self._results, self._selection) is not None:
            self._patch_rest = self.set_timer(AT_REST_S, self._ask_patch)

    def _ask_patch(self) -> None:
        results = self._results
        patch = self._patch_asking.wanted(results, self._selection)
        if self._current and patch is not None and results.reading is not None:
            self._patch_asking.asked(patch)
            self._worker.patch(results.reading.id, patch)

    @on(messages.PatchArrived)
    def _patch_arrived(self, message: messages.PatchArrived) -> None:
        self._patch_asking.done(message.anatomy.patch)
        if self._patches.add(message.reading, message.anatomy):
            self._show_panels()

    @on(messages.PatchFailed)
    def _patch_failed(self, message: messages.PatchFailed) -> None:
        self._patch_asking.done(message.patch)
        if message.reading == self._patches.reading:
            self._patches.refused[message.patch] = message.sentence

    def _forget(self) -> None:
        super()._forget()
        self._patch_asking.forget()
