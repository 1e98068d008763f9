"""What to ask the session for next: words of the patch under the cursor first, then of the others, nearest first; and
the language model's layers where somebody stands at one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vlmtui.reading import TokenLayerWords, TokenWords
from vlmtui.tui.state import early_exit
from vlmtui.tui.state.results import Results, Selection
from vlmtui.tui.state.stages import ANSWER, llm_depth, of_tokens
from vlmtui.tui.state.word_table import WordTable

CHUNK = 128
"""Tokens asked for at a time, so that the patch under the cursor never waits long."""


class WordAsking:
    """Keeps the book of words for the view, and what has been asked for and not answered yet."""

    def __init__(self) -> None:
        self._asked: set[int] = set()
        self._book: WordTable | None = None

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._asked.clear()
        self._book = None

    def next(self, results: Results, selection: Selection) -> Iterator[tuple[WordTable, tuple[int, ...]]]:
        """The questions to put now: a book, and the tokens whose words it lacks."""
        reading = results.reading
        # at a stage without words those of the tokens are asked for meanwhile
        own = (of_tokens(selection.stage) and selection.stage != ANSWER) or early_exit.on(results, selection)
        stage = selection.stage if own else "tokens"
        if reading is None or (llm_depth(stage) and not results.layers):
            return
        order = replace(selection, stage=stage).order
        table = results.word_tables.setdefault((stage, order), WordTable(reading.id, stage, order, selection.k))
        if table.want(selection.k) or table is not self._book:
            self._book = table
            self._asked.clear()
        token = results.token(selection) if stage == selection.stage or selection.stage == ANSWER else None
        here = token or 0
        if token is not None and token not in self._asked and table.missing((token,)):
            self._asked.add(token)
            yield table, (token,)
        if len(self._asked) > 1:
            return  # the next ones when these have come
        missing = [t for t in table.missing(range(len(reading.places))) if t not in self._asked]
        chunk = tuple(sorted(sorted(missing, key=lambda t: abs(t - here))[:CHUNK]))
        if chunk:
            self._asked.update(chunk)
            yield table, chunk

    def answered(self, results: Results, reading: str, stage: str, words: TokenWords) -> bool:
        """Take in an answer; False where the person has moved on from its question."""
        table = results.word_tables.get((stage, words.metric))
        if table is None or table.reading != reading:
            return False
        table.add(words)
        if table is self._book:
            self._asked.difference_update(words.tokens.tolist())
        return True


class LayerAsking:
    """Whether the language model's layers have been asked for and not come yet; and the words of one token in all."""

    def __init__(self) -> None:
        self.under_way = False
        self._token: int | None = None

    def wanted(self, results: Results, selection: Selection) -> bool:
        """Whether to ask now: somebody stands at a layer, there are tokens in it, and it is not known."""
        there = bool(results.reading and results.reading.places)
        return there and not self.under_way and llm_depth(selection.stage) is not None and results.layers is None

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self.under_way = False
        self._token = None

    def token(self, results: Results, selection: Selection) -> int | None:
        """The token whose words in all layers are to be shown, and have neither come nor been asked for."""
        token = results.token(selection) if selection.shows_layers and results.layers else None
        return None if token is None or token in results.by_layer or token == self._token else token

    def asked(self, token: int) -> None:
        """The words of this token in all layers were asked for: a question for another one takes its place."""
        self._token = token

    def answered(self, results: Results, reading: str, words: TokenLayerWords) -> bool:
        """Take in the words of a token in all layers; False where they are those of another reading."""
        if results.reading is None or results.reading.id != reading:
            return False
        results.by_layer[words.token] = words
        if self._token == words.token:
            self._token = None
        return True
