"""What to ask the session for next: words of the patch under the cursor first, then of the others, nearest first; and
the language model's layers where somebody stands at one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vlmtui.reading import TokenLayerWords, TokenWords
from vlmtui.tui import exiting
from vlmtui.tui.path import ANSWER, llm_depth, of_tokens
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
        # at a stage without words those of the tokens are asked for meanwhile
        own = (of_tokens(view.stage) and view.stage != ANSWER) or exiting.on(known, view)
        stage = view.stage if own else "tokens"
        if reading is None or (llm_depth(stage) and not known.layers):
            return
        order = replace(view, stage=stage).order
        book = known.books.setdefault((stage, order), WordBook(reading.id, stage, order, view.k))
        if book.want(view.k) or book is not self._book:
            self._book = book
            self._asked.clear()
        token = known.token(view) if stage == view.stage or view.stage == ANSWER else None
        here = token or 0
        if token is not None and token not in self._asked and book.missing((token,)):
            self._asked.add(token)
            yield book, (token,)
        if len(self._asked) > 1:
            return  # the next ones when these have come
        missing = [t for t in book.missing(range(len(reading.places))) if t not in self._asked]
        chunk = tuple(sorted(sorted(missing, key=lambda t: abs(t - here))[:CHUNK]))
        if chunk:
            self._asked.update(chunk)
            yield book, chunk

    def answered(self, known: Known, reading: str, stage: str, words: TokenWords) -> bool:
        """Take in an answer; False where the person has moved on from its question."""
        book = known.books.get((stage, words.metric))
        if book is None or book.reading != reading:
            return False
        book.add(words)
        if book is self._book:
            self._asked.difference_update(words.tokens.tolist())
        return True


class LayerAsking:
    """Whether the language model's layers have been asked for and not come yet; and the words of one token in all."""

    def __init__(self) -> None:
        self.under_way = False
        self._token: int | None = None

    def wanted(self, known: Known, view: View) -> bool:
        """Whether to ask now: somebody stands at a layer, there are tokens in it, and it is not known."""
        there = bool(known.reading and known.reading.places)
        return there and not self.under_way and llm_depth(view.stage) is not None and known.layers is None

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self.under_way = False
        self._token = None

    def token(self, known: Known, view: View) -> int | None:
        """The token whose words in all layers are to be shown, and have neither come nor been asked for."""
        token = known.token(view) if view.shows_layers and known.layers else None
        return None if token is None or token in known.by_layer or token == self._token else token

    def asked(self, token: int) -> None:
        """The words of this token in all layers were asked for: a question for another one takes its place."""
        self._token = token

    def answered(self, known: Known, reading: str, words: TokenLayerWords) -> bool:
        """Take in the words of a token in all layers; False where they are those of another reading."""
        if known.reading is None or known.reading.id != reading:
            return False
        known.by_layer[words.token] = words
        if self._token == words.token:
            self._token = None
        return True
