"""Which words to ask for next: those of the patch under the cursor first, then the others, nearest first."""

from __future__ import annotations

from collections.abc import Iterator

from vlmtui.reading import Words
from vlmtui.tui.view import Known, View, WordBook

CHUNK = 128
"""Tokens asked for at a time, so that the patch under the cursor never waits long."""


class WordAsking:
    """Keeps the book of words for the view, and what has been asked for and not answered yet."""

    def __init__(self) -> None:
        self._asked: set[int] = set()

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._asked.clear()

    def next(self, known: Known, view: View) -> Iterator[tuple[WordBook, tuple[int, ...]]]:
        """The questions to put now: a book, and the tokens whose words it lacks."""
        reading, book = known.reading, known.book
        if reading is None:
            return
        if book is None or book.reading != reading.id or book.metric != view.metric or book.k < view.k:
            same = book is not None and book.reading == reading.id
            known.book = book = WordBook(reading.id, view.metric, max(view.k, book.k if book and same else 0))
            self._asked.clear()
        place = known.place(view) if view.stage == "tokens" else None
        here = place.index if place else 0
        if place and place.index not in book.rows and place.index not in self._asked:
            self._asked.add(place.index)
            yield book, (place.index,)
        if len(self._asked) > 1:
            return  # the next ones when these have come
        missing = [t for t in book.missing(range(len(reading.places))) if t not in self._asked]
        chunk = tuple(sorted(sorted(missing, key=lambda t: abs(t - here))[:CHUNK]))
        if chunk:
            self._asked.update(chunk)
            yield book, chunk

    def answered(self, known: Known, reading: str, words: Words) -> bool:
        """Take in an answer; False where the person has moved on from its question."""
        book = known.book
        if book is None or book.reading != reading or book.metric != words.metric:
            return False
        if words.k < min(book.k, words.candidates):
            return False  # asked before k grew
        book.add(words)
        self._asked.difference_update(words.tokens.tolist())
        return True
