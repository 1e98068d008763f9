"""The explorer's key for what a vision tower says of the whole picture: texts against it, or its classes."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image
from textual import on
from textual.binding import Binding

from vlmtui.errors import UsageError
from vlmtui.tui import messages
from vlmtui.tui.believing import Believing
from vlmtui.tui.screens.dialogs import TextDialog
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state import image_level
from vlmtui.tui.state.image_level import BETWEEN, MOST_CLASSES, ImageLevel, parsed, said_by


class Judging(Believing):
    """Asks for it, once and then again for every picture."""

    BINDINGS = [Binding("c", "whole", "texts or classes of the whole picture")]

    def __init__(self, worker: SessionWorker, picture: Image.Image) -> None:
        super().__init__(worker, picture)
        self._texts: tuple[str, ...] = ()
        self._classes_wanted = False

    def action_whole(self) -> None:
        """Texts to hold against the whole picture, or the classes that the model's head gives it."""
        match said_by(self._results.model):
            case image_level.TEXTS:
                hint = f"as many as there are, with {BETWEEN} between them: a photo of a dog {BETWEEN} a photo of a cat"
                ask = TextDialog("Texts against the whole picture", hint, _read, f" {BETWEEN} ".join(self._texts))
                self.app.push_screen(ask, lambda texts: self._match(texts) if texts else None)
            case image_level.CLASSES:
                self._classes_wanted = True
                self._ask_whole()
            case _:
                said = "texts and classes are of vision towers, such as --model siglip-so400m or vit-base"
                self.notify(f"{said}; a asks this model", timeout=6)

    def _match(self, texts: tuple[str, ...]) -> None:
        self._texts = texts
        self._ask_whole()

    def _match_also(self, text: str) -> None:
        """A text that was looked for in the patches is held against the whole picture too."""
        if said_by(self._results.model) == image_level.TEXTS:
            self._match(parsed(BETWEEN.join((*self._texts, text))))

    def _ask_whole(self) -> None:
        reading = self._results.reading
        if not self._current or reading is None:
            return
        said = said_by(reading.model)
        if said == image_level.TEXTS and self._texts:
            self._worker.match(reading.id, self._texts)
        elif said == image_level.CLASSES and self._classes_wanted:
            self._worker.classes(reading.id, MOST_CLASSES)

    @on(messages.PictureRead)
    def _judged_anew(self, message: messages.PictureRead) -> None:
        # the model may be another, which has read no texts
        self.call_later(self._ask_whole)

    @on(messages.TextsArrived)
    def _texts_arrived(self, message: messages.TextsArrived) -> None:
        self._take(message.reading, ImageLevel(texts=message.texts))

    @on(messages.MatchArrived)
    def _match_arrived(self, message: messages.MatchArrived) -> None:
        self._take(message.reading, self._results.image_level.matched(message.match))

    @on(messages.HeadArrived)
    def _head_arrived(self, message: messages.HeadArrived) -> None:
        self._take(message.reading, ImageLevel(head=message.head))

    @on(messages.ClassesArrived)
    def _classes_arrived(self, message: messages.ClassesArrived) -> None:
        self._take(message.reading, replace(self._results.image_level, classes=message.classes))

    def _take(self, reading: str, said: ImageLevel) -> None:
        if self._results.reading is None or self._results.reading.id != reading:
            return
        self._results.image_level = said
        if said.complete:
            self._worker.status()
            self._standing.work = messages.WorkProgressed("")
            self._show_state()
            self._show_panels()


def _read(text: str) -> tuple[str, ...]:
    if not (texts := parsed(text)):
        raise UsageError("type a text, or leave with Escape")
    return texts
