"""What is asked of the session because of what is looked at: once, the latest of a kind, idle work last."""

from __future__ import annotations

from dataclasses import replace

from tests.tui import readings
from vlmtui.tui import needs
from vlmtui.tui.panels.registry import PANELS
from vlmtui.tui.requests import CHUNK, DELAYS_S, Requests
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import TOKENS
from vlmtui.tui.state.subject import (
    AHEAD,
    IDLE,
    OF_LAYERS,
    REST,
    AgreementLens,
    LayersLens,
    LensRequest,
    Need,
    NoiseLens,
    OcclusionLens,
    PatchLens,
    Subject,
    WordsLens,
)

ALL = (*(need for panel in PANELS for need in panel.needs), needs.overlay, needs.mask, needs.attribution)


class Session:
    """Remembers what it was asked, on a clock that is set by hand."""

    def __init__(self, *of: needs.NeedsOf, rows: int = 6, cols: int = 8) -> None:
        self.now = 0.0
        self.asked: list[LensRequest] = []
        self.left: list[LensRequest] = []
        made = readings.reading(rows, cols)
        self.results = Results(made.image, readings.picture())
        self.results.take(made)
        self.requests = Requests(self.asked.append, self.left.append, of or ALL, clock=lambda: self.now)

    def look(self, **choices: object) -> Selection:
        selection = replace(Selection(row=3, col=4), **choices)  # type: ignore[arg-type]
        self.requests.update(self.results, selection)
        return selection

    def answer_words(self) -> None:
        """Answer what was asked about words."""
        for request in [one for one in self.requests.under_way if isinstance(one.lens, WordsLens)]:
            table = self.results.words_at(request.subject.stage, request.lens.order)  # type: ignore[union-attr]
            assert table is not None
            table.add(readings.words(list(request.tokens), request.k, stage=request.subject.stage))
            self.requests.done(request)

    def of(self, lens: type) -> list[LensRequest]:
        return [request for request in self.asked if isinstance(request.lens, lens)]


def test_the_word_under_the_cursor_comes_first_and_nothing_is_asked_twice() -> None:
    session = Session(rows=20, cols=20)
    for _ in range(5):
        session.look()
    assert session.asked[0].tokens == (3 * 20 + 4,)
    assert len(session.asked) == 2
    assert len(session.asked[1].tokens) == CHUNK
    while any(isinstance(one.lens, WordsLens) for one in session.requests.under_way):
        session.answer_words()
        session.look()
    asked = [token for request in session.of(WordsLens) for token in request.tokens]
    assert sorted(asked) == list(range(400))


def test_what_failed_is_not_asked_for_again_and_what_gave_way_is() -> None:
    session = Session(needs.words)
    session.look()
    for request in list(session.requests.under_way):
        session.requests.done(request)  # without a result: it gave way
    session.look()
    assert [one.tokens for one in session.asked[:2]] == [one.tokens for one in session.asked[2:]]
    for request in list(session.requests.under_way):
        session.results.refused[request.key] = "no"
        session.requests.done(request)
    session.look()
    assert len(session.asked) == 4


def test_what_costs_more_waits_until_the_cursor_rests() -> None:
    session = Session(needs.patch)
    session.look(stage="vision.0")
    for col in (5, 6):
        session.now += DELAYS_S[REST] / 2
        session.look(stage="vision.0", col=col)
    assert session.asked == []
    assert session.requests.wait is not None
    session.now += DELAYS_S[REST]
    session.requests.tick(session.results, Selection(stage="vision.0", row=3, col=6))
    assert [request.subject.entry for request in session.of(PatchLens)] == [3 * 8 + 6]
    assert session.requests.wait is None


def test_idle_work_comes_last() -> None:
    session = Session()
    selection = session.look()
    session.now += 1
    session.requests.tick(session.results, selection)
    assert not session.of(NoiseLens)  # words are on their way
    session.answer_words()
    session.requests.update(session.results, selection)
    session.answer_words()
    session.now += DELAYS_S[IDLE]
    session.requests.tick(session.results, selection)
    assert len(session.of(NoiseLens)) == len(session.of(AgreementLens)) == 1
    assert all(request.when == IDLE for request in session.asked[-2:])
    # not while the layers are being read
    session.look(stage="llm.1")
    assert session.of(LayersLens)
    session.now += 1
    many = len(session.asked)
    session.requests.tick(session.results, replace(selection, col=5))
    assert not [request for request in session.asked[many:] if request.when == IDLE]


def test_the_latest_of_a_kind_is_expected_and_what_is_stale_does_not_belong() -> None:
    session = Session(needs.overlay)
    session.look(overlay="similarity")
    session.look(overlay="similarity", col=5)
    first, second = session.asked
    assert not session.requests.expects(first)
    assert session.requests.expects(second)
    session.requests.done(first)
    assert session.requests.awaits(second.key)
    assert session.results.belongs(second)
    assert not session.results.belongs(replace(second, reading="another"))
    assert not session.results.belongs(replace(second, subject=Subject(TOKENS, None, 7)))


def test_stages_beside_are_asked_about_once_the_one_looked_at_has_come() -> None:
    session = Session(needs.overlay)
    selection = session.look(overlay="pca")
    session.now += DELAYS_S[AHEAD]
    session.requests.tick(session.results, selection)
    assert len(session.asked) == 1
    session.results.keep(session.asked[0].key, object())
    session.requests.done(session.asked[0])
    session.now += DELAYS_S[AHEAD]
    session.requests.tick(session.results, selection)
    assert [(one.subject.stage, one.when) for one in session.asked[1:]] == [("vision.4", AHEAD)]


def test_what_is_withdrawn_is_withdrawn_once() -> None:
    session = Session(needs.layers)
    session.look(stage="llm.2")
    assert session.requests.has(LayersLens)
    assert session.requests.cancel(OcclusionLens) is None
    assert session.requests.cancel(LayersLens) == session.asked[0] == session.left[0]
    assert session.requests.cancel(LayersLens) is None
    session.requests.ask(session.results, Need(*OF_LAYERS))
    session.requests.forget()
    assert session.requests.under_way == ()
