"""Which words to ask for next: those of the patch under the cursor first, then the others, nearest first."""

from __future__ import annotations

from collections.abc import Iterator

from vlmtui.reading import Words
from vlmtui.tui.view import Known, View
from vlmtui.tui.wordbook import WordBook

CHUNK = 128
"""Tokens asked for at a time, so that the patch under the cursor never waits long."""


class WordAsking:
    """Keeps the book of words for the view, and what has been asked for and not answered yet."""

    def __init__(self) -> None:
        self._asked: set[int] = set()
        self._book: WordBook | None = None

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._asked.clear()
        self._book = None

    def next(self, known: Known, view: View) -> Iterator[tuple[WordBook, tuple[int, ...]]]:
        """The questions to put now: a book, and the tokens whose words it lacks."""
        reading = known.reading
        if reading is None:
            return
        book = known.books.setdefault(view.metric, WordBook(reading.id, view.metric, view.k))
        if book is not self._book or book.k < view.k:
            self._book = book
            book.k = max(book.k, view.k)
            self._asked.clear()
        place = known.place(view) if view.stage == "tokens" else None
        here = place.index if place else 0
        if place and place.index not in self._asked and book.missing((place.index,)):
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
        book = known.books.get(words.metric) if words.metric != "logit" else None
        if book is None or book.reading != reading:
            return False
        book.add(words)
        if book is self._book:
            self._asked.difference_update(words.tokens.tolist())
        return True
