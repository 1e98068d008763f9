"""Requests: what the selection needs, asked for once, the latest of a kind; idle work last. No Textual.

`update` is called whenever selection or results have changed, `tick` once `wait` seconds have passed: some requests
wait until the cursor rests, or until nothing else is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from vlmtui.lenses.lens_source import LensCall
from vlmtui.tui.needs import NeedsOf
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.subject import AHEAD, IDLE, NOW, REST, LensRequest, Need, ResultKey, When, WordsLens
from vlmtui.tui.state.word_table import WordTable

CHUNK = 128
"""Tokens asked for at a time, so that the patch under the cursor never waits long."""
DELAYS_S: dict[When, float] = {NOW: 0.0, REST: 0.12, AHEAD: 0.03, IDLE: 0.3}
"""How long after the last change of the selection each is asked for."""
EARLY_S = 0.002
"""A timer may end a little early."""


class Requests:
    """What has been asked for and not been answered yet.

    `send` puts a request to the session, `cancel` withdraws one, `needs` are the matters of the screen.
    """

    def __init__(
        self,
        send: Callable[[LensRequest], None],
        cancel: Callable[[LensRequest], None],
        needs: Iterable[NeedsOf],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wait: float | None = None
        """After so many seconds there is something to ask; None where there is not."""
        self._send, self._cancel, self._needs, self._clock = send, cancel, tuple(needs), clock
        self._under_way: dict[object, LensRequest] = {}
        self._words: list[LensRequest] = []
        self._table: WordTable | None = None
        self._selection: Selection | None = None
        self._touched = 0.0

    def update(self, results: Results, selection: Selection) -> None:
        """Ask for what the selection needs now; where it has changed, what can wait waits anew."""
        if selection != self._selection:
            self._selection = selection
            self.touch()
        self.tick(results, selection)

    def tick(self, results: Results, selection: Selection) -> None:
        """Ask for what is due."""
        self.wait = None
        if results.reading is None:
            return
        for needs_of in self._needs:
            for need in needs_of(results, selection):
                if isinstance(need.lens, WordsLens):
                    for request in self._wanted_words(results, need, need.lens):
                        self._words.append(request)
                        self._send(request)
                elif self._missing(results, need) and self._due(need.when):
                    self.ask(results, need)

    def ask(self, results: Results, need: Need) -> LensRequest | None:
        """Ask for something now, whatever the selection needs."""
        if results.reading is None:
            return None
        answer = results.generation.id if need.subject.answer else ""
        request = LensRequest(results.reading.id, need.subject, need.lens, need.when, k=need.k, answer_id=answer)
        self._under_way[_kind(request)] = request
        self._send(request)
        return request

    def touch(self) -> None:
        """Something has happened: what waits until nothing does waits anew."""
        self._touched = self._clock()

    def done(self, request: LensRequest) -> None:
        """It was answered, failed, or gave way."""
        if request in self._words:
            self._words.remove(request)
        elif self._under_way.get(_kind(request)) == request:
            del self._under_way[_kind(request)]
        if request.when != AHEAD:
            self.touch()

    def cancel(self, *lenses: type) -> LensRequest | None:
        """Withdraw what is asked of one of these types of lenses, if anything is."""
        for kind, request in list(self._under_way.items()):
            if isinstance(request.lens, lenses):
                del self._under_way[kind]
                self._cancel(request)
                return request
        return None

    def cancel_call(self, wanted: Callable[[LensCall], bool]) -> LensRequest | None:
        """Withdraw what a lens is asked for whose call is `wanted`, if one is."""
        for kind, request in list(self._under_way.items()):
            if isinstance(request.lens, LensCall) and request.when != AHEAD and wanted(request.lens):
                del self._under_way[kind]
                self._cancel(request)
                return request
        return None

    def forget(self, *, of_answer: bool = False) -> None:
        """Nothing that was asked will be answered; or nothing `of_answer`."""
        if of_answer:
            self._under_way = {kind: one for kind, one in self._under_way.items() if not _of_answer(one)}
            return
        self._under_way.clear()
        self._words.clear()
        self._table = self.wait = self._selection = None

    def has(self, *lenses: type) -> bool:
        """Whether anything of these types of lenses is under way."""
        return any(isinstance(request.lens, lenses) for request in self._under_way.values())

    def expects(self, request: LensRequest) -> bool:
        """Whether this is what was asked last of its kind."""
        return self._under_way.get(_kind(request)) == request

    def awaits(self, key: ResultKey) -> bool:
        """Whether this result is on its way, for somebody who looks at it."""
        return any(one.key == key and one.when != AHEAD for one in self._under_way.values())

    def of_answer(self) -> bool:
        """Whether anything about an answer is under way."""
        return any(_of_answer(request) for request in self._under_way.values())

    @property
    def under_way(self) -> tuple[LensRequest, ...]:
        """What has not been answered yet."""
        return (*self._under_way.values(), *self._words)

    @property
    def busy(self) -> bool:
        """Whether anything but idle work, work ahead and words is under way."""
        return any(request.when in (NOW, REST) for request in self._under_way.values())

    def _missing(self, results: Results, need: Need) -> bool:
        """Whether it has neither come, nor been refused, nor been asked for last of its kind."""
        if need.key in results.found or need.key in results.refused:
            return False
        under_way = self._under_way.get(_kind(need))
        return under_way is None or under_way.key != need.key

    def _due(self, when: When) -> bool:
        """Whether it is time; otherwise it is remembered when it will be."""
        if (when in (AHEAD, IDLE) and self.busy) or (when == IDLE and self._words):
            return False
        left = self._touched + DELAYS_S[when] - self._clock()
        if left <= EARLY_S:
            return True
        self.wait = left if self.wait is None else min(self.wait, left)
        return False

    def _wanted_words(self, results: Results, need: Need, lens: WordsLens) -> Iterator[LensRequest]:
        """The words to ask for now: those of the token under the cursor, then of the others, nearest first."""
        assert results.reading is not None
        table = results.words_at(need.subject.stage, lens.order)
        if table is None:
            table = WordTable(results.reading.id, need.subject.stage, lens.order, need.k)
            results.keep(need.key, table)
        if table.want(need.k, need.fold) or table is not self._table:
            self._table = table
            self._words.clear()
            results.refused.pop(need.key, None)
        if need.key in results.refused:
            return

        def request(*tokens: int) -> LensRequest:
            return LensRequest(table.reading, need.subject, lens, tokens=tokens, k=table.depth(tokens[0]))

        asked = {token for one in self._words for token in one.tokens}
        near = need.near
        if near is not None and near not in asked and table.missing((near,)):
            asked.add(near)
            yield request(near)
        if len(asked) > 1:
            return  # the next ones when these have come
        missing = [token for token in table.missing(range(need.tokens)) if token not in asked]
        nearest = sorted(missing, key=lambda token: abs(token - (near or 0)))
        if nearest:
            deep = table.depth(nearest[0])
            yield request(*sorted([token for token in nearest if table.depth(token) == deep][:CHUNK]))


def _kind(of: LensRequest | Need) -> object:
    """The session answers the latest of a kind: work ahead and idle work are kinds beside what is looked at."""
    apart = of.when if of.when in (AHEAD, IDLE) else NOW
    lens = of.lens
    return (lens.lens, of.subject.answer > 0, apart) if isinstance(lens, LensCall) else (type(lens), apart)


def _of_answer(request: LensRequest) -> bool:
    return request.subject.answer > 0
