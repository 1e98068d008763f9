"""What to make of the words, under them: asked for when nothing else is, and said as far as there is room."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from textual.pilot import Pilot

from tests.query.queries import query_of
from tests.tui import readings
from tests.tui.fake import FakeWorker
from tests.tui.families import FAMILIES
from tests.tui.screens.test_explorer import NARROW, WIDE, at, explorer, text
from tests.tui.test_navigation import known
from vlmtui.display.cells import ELLIPSIS
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Scalars, pack_details
from vlmtui.lenses.lens_source import LensCall
from vlmtui.query.options import Query
from vlmtui.results.noise_baseline import AGREEING, MetricAgreement, NoiseBaseline, NoiseScores
from vlmtui.tui import messages, needs, requests
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.overlays.composition import draw_overlay, layout_of
from vlmtui.tui.panels.words import BAR
from vlmtui.tui.state.noise_baseline import agreement_key
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.subject import IDLE, LensRequest, NoiseLens, Subject, WordsLens
from vlmtui.tui.state.word_table import WordTable


class Believed(FakeWorker):
    """Of every four of the shuffled tokens three score less than any of the reading's, and one says w400 too."""

    def __init__(self, *, answers: bool = True, asked: Query | None = None, named: bool = False) -> None:
        image = readings.picture(96, 64)
        options = ExplorerOptions(image=readings.source(image), query=asked or query_of("toy"))
        super().__init__(options, (96, 64), (6, 8))
        self.answers, self.busy, self.named = answers, 0, named
        self.asked_nulls: list[tuple[str, str, int]] = []
        self.compared: list[int] = []
        self.scores = np.array([-3.0] * 3 + [0.0])

    def noise(self, request: LensRequest, lens: NoiseLens) -> None:
        self.asked_nulls.append((request.subject.stage, lens.order, lens.k))
        if self.busy:
            self.busy -= 1
            self.post(messages.RequestFailed(request))
            return
        if not self.answers:
            self.post(messages.RequestFailed(request, "no noise today"))
            return
        scores = self.scores
        firsts = Counter({7: 3, 400: 1})
        noise = NoiseScores(scores=scores, margins=np.zeros(4), firsts=dict(firsts))
        stage, k = request.subject.stage, request.k
        null = NoiseBaseline(stage=stage, metric=lens.order, k=k, all_tokens=False, shuffled=noise, random=noise)
        self.post(messages.RequestAnswered(request, null))

    def agreement(self, request: LensRequest) -> None:
        token, k = request.subject.entry or 0, request.k
        self.compared.append(token)
        ids = np.full((len(AGREEING), k), 1, np.int64)
        first = int(readings.words([token], k).ids[0, 0])
        ids[:3, 0] = first
        named: dict[int, str | None] = {1: f" W{first}", first: f" w{first}"} if self.named else {}
        agreement = MetricAgreement(token=token, metrics=AGREEING, ids=ids, pieces=named, texts=named)
        self.post(messages.RequestAnswered(request, agreement))


@pytest.fixture(autouse=True)
def no_rest(monkeypatch) -> None:
    monkeypatch.setitem(requests.DELAYS_S, IDLE, 0.001)


def app(conversation: Believed) -> VlmtuiApp:
    return VlmtuiApp(conversation, readings.picture(96, 64))


async def until(pilot: Pilot[int], happened: Callable[[], object]) -> None:
    """Until it has, and what came of it is on the screen."""
    for _ in range(500):
        await pilot.pause(0.005)
        if happened():
            break
    assert happened()
    await pilot.pause()


async def settled(pilot: Pilot[int], token: int) -> None:
    """Until it is known how much to believe the words of this token."""
    results = explorer(pilot).state.results
    await until(pilot, lambda: agreement_key(token) in results.found)


WIDE_FOOTER = (
    "within noise: beats only 75% · 3 of 5 metrics agree · margin 0.0100 · 0% of tokens above noise · norm 1.596"
)


def footing(tui: VlmtuiApp) -> str:
    """The lines under the words, as one."""
    lines = [line.rstrip() for line in text(tui, "#words").split("\n")]
    first = next(i for i, line in enumerate(lines) if re.search(r"margin|norm|noise|agree", line))
    return " · ".join(line for line in lines[first:] if line)


async def test_the_line_under_the_words() -> None:
    conversation = Believed()
    tui = app(conversation)
    async with tui.run_test(size=WIDE) as pilot:
        await settled(pilot, 28)
        assert footing(tui).startswith(WIDE_FOOTER)
        await pilot.press("right")
        await settled(pilot, 29)
        assert conversation.compared == [28, 29]
        # one null for all tokens, another for another metric
        assert conversation.asked_nulls == [("tokens", "cosine", 0)]
        await pilot.press("m")
        await until(pilot, lambda: conversation.asked_nulls[1:] == [("tokens", "cosine-centred", 0)])


async def test_metrics_agree_on_a_word_in_another_spelling_where_spellings_fold() -> None:
    tui = app(Believed(named=True))
    async with tui.run_test(size=WIDE) as pilot:
        await settled(pilot, 28)
        assert "5 of 5" in footing(tui)
        await pilot.press("F")
        await until(pilot, lambda: "3 of 5" in footing(tui))


class Heated(Believed):
    """Of 48 numbers of noise 46 are at most `end`; those of the image are 0 to 47. Those of noise may be `held`."""

    end = 40.0
    split = "qwxz"
    held: list[messages.RequestAnswered] | None = None

    def values(self, request: LensRequest, call: LensCall) -> None:
        numbers, noted = np.arange(48.0), "the word is not a single piece: the mean of its 4 pieces"
        if "noise" in call.given:
            assert request.when == IDLE
            numbers = np.where(numbers < 46, self.end, 1000.0)
        own = pack_details({"pieces": list(self.split)})
        found = LensResult(call, request.subject.stage, Scalars(numbers, note=noted, own=own))
        message = messages.RequestAnswered(request, found)
        if "noise" in call.given and self.held is not None:
            self.held.append(message)
        else:
            self.post(message)


async def test_a_map_is_grey_up_to_where_noise_ends() -> None:
    tui = app(Heated())
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("slash", *"roof", "enter")
        await until(pilot, lambda: "grey: noise" in text(tui, "#legend"))
        results, selection = explorer(pilot).state.results, explorer(pilot).state.selection
        drawn = draw_overlay(results, selection, layout_of(results, selection, (60, 30)))
        assert drawn.scale is not None
        assert drawn.scale[0] == 40
        inner, rows, cols = drawn.inner, 6, 8
        tall, wide = inner.shape[0] // rows, inner.shape[1] // cols
        middles = inner[tall // 2 :: tall, wide // 2 :: wide][:rows, :cols].astype(int).reshape(-1, 3)
        colourless = [int(np.ptp(colour)) == 0 for colour in middles]
        assert colourless == [value <= 40 for value in range(48)]


async def test_patches_whose_lists_have_not_the_word_are_grey_and_the_first_have_a_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Heated, "split", "q")
    monkeypatch.setattr(Heated, "end", 5.0)
    tui = app(Heated())
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("slash", *"w103", "enter")
        await until(pilot, lambda: "grey: noise, or not in top 8" in " ".join(text(tui, "#legend").split()))
        results, selection = explorer(pilot).state.results, explorer(pilot).state.selection
        layout = layout_of(results, selection, (60, 30))
        told = draw_overlay(results, selection, layout)
        drawn = told.inner.astype(float)
        monkeypatch.setattr("vlmtui.tui.overlays.composition.listing", lambda *asked: None)
        plain = draw_overlay(results, selection, layout).inner.astype(float)
        table = results.word_table(selection)
        assert table is not None
        tall, wide, grey, first = plain.shape[0] // 6, plain.shape[1] // 8, 0, set()
        for token in range(48):
            down, across = (token // 8) * tall + tall // 2, (token % 8) * wide + wide // 2
            one, other = drawn[down, across], plain[down, across]
            names = [(row.text or "").strip().casefold() for row in table.rows[token][:8]]
            if names[0] == "w103":
                first.add((token // 8, token % 8))
            if "w103" in names:
                assert (one == other).all()
            else:
                assert np.ptp(one) == 0
                grey += np.ptp(other) > 0
        assert grey > 0, "some of them are above noise"
        assert set(told.flags) == first
        assert ("• " in text(tui, "#legend")) == bool(first)


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ("q", "not found: in no top 8, though 7 patches above noise · find roof"),
        # which lists cannot have
        ("qwxz", "in no list"),
    ],
)
async def test_a_word_in_no_list_is_not_found_whatever_its_cosines(
    pieces: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heated, "split", pieces)
    tui = app(Heated())
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("slash", *"roof", "enter")
        await until(pilot, lambda: "grey: noise" in text(tui, "#legend"))
        shown = " ".join(text(tui, "#legend").split())
        assert said in shown
        assert ("not found" in shown) == (len(pieces) == 1)


async def test_a_map_of_noise_alone_says_so_and_the_cursor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Heated, "end", 50.0)
    tui = app(Heated())
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        before = at(pilot)
        await pilot.press("slash", *"roof", "enter")
        await until(pilot, lambda: "nothing above noise" in " ".join(text(tui, "#legend").split()))
        assert at(pilot) == before
        # the numbers keep their scale, all of it grey
        state = explorer(pilot).state
        drawn = draw_overlay(state.results, state.selection, layout_of(state.results, state.selection, (60, 30)))
        assert drawn.scale == pytest.approx(np.percentile(np.arange(48), [2, 98]))
        assert np.ptp(drawn.inner.astype(int), axis=-1).max() == 0
        assert re.search(r"here 28\.0, 20th of 48 +‹0\.940 +46\.1›", text(tui, "#legend"))


@pytest.mark.parametrize("moved", [False, True])
async def test_the_cursor_goes_to_the_highest_once_noise_is_known_unless_it_was_moved(moved: bool) -> None:
    conversation = Heated()
    conversation.held = held = []
    tui = app(conversation)
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        row, col = at(pilot)
        await pilot.press("slash", *"roof", "enter")
        await until(pilot, lambda: "noise: ..." in text(tui, "#legend") and held)
        assert at(pilot) == (row, col)
        if moved:
            await pilot.press("right")
        for message in held:
            conversation.post(message)
        await until(pilot, lambda: "grey: noise" in text(tui, "#legend"))
        assert at(pilot) == ((row, col + 1) if moved else (5, 7))


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40)])
@pytest.mark.parametrize("word", ["roof", "qwxz", "houses with red roofs"])
async def test_the_verdict_on_a_word_is_whole_at_every_size(
    size: tuple[int, int], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heated, "end", 50.0)
    tui = app(Heated())
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("slash", *word.replace(" ", "_"), "enter")
        await until(pilot, lambda: "noise" in " ".join(text(tui, "#legend").split()))
        await until(pilot, lambda: "undecided: 4 pieces" in " ".join(text(tui, "#legend").split()))
        said = " ".join(text(tui, "#legend").split())
        assert ELLIPSIS not in said
        assert f"find {word.replace(' ', '_')}" in said
        assert "nothing above noise" in said


async def test_no_noise_where_it_is_not_wanted() -> None:
    conversation = Believed(asked=query_of("toy", noise=False))
    tui = app(conversation)
    async with tui.run_test(size=WIDE) as pilot:
        await settled(pilot, 28)
        assert "metrics agree" in footing(tui)
        assert "noise" not in footing(tui)
        assert conversation.asked_nulls == []


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (WIDE, WIDE_FOOTER),
        ((109, 30), "within noise: beats only 75% · 3 of 5 metrics agree · margin 0.0100"),
        (NARROW, "within noise · 3 of 5 metrics agree"),
        ((65, 21), "within noise · 3 of 5 metrics agree"),
    ],
)
async def test_it_gives_way_to_the_width(size, said) -> None:
    conversation = Believed()
    tui = app(conversation)
    async with tui.run_test(size=size) as pilot:
        await settled(pilot, 28)
        assert footing(tui) == said


async def test_pursuits_are_asked_about_anew_with_more_words_and_layers_by_logit() -> None:
    conversation = Believed()
    tui = app(conversation)
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.press("m", "m", "m", "m")
        await until(pilot, lambda: conversation.asked_nulls[-1:] == [("tokens", "omp", 8)])
        await pilot.press("plus")
        await until(pilot, lambda: conversation.asked_nulls[-1:] == [("tokens", "omp", 9)])
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: conversation.asked_nulls[-1:] == [("llm.1", "logit", 0)])
        assert "metrics agree" not in text(tui, "#words")
        asked = len(conversation.asked_nulls)
        await pilot.press(*["left_square_bracket"] * 3)
        await pilot.pause()
        assert "No words at vision" in text(tui, "#words")
        assert not list(needs.noise(explorer(pilot).state.results, explorer(pilot).state.selection))
        assert len(conversation.asked_nulls) == asked
        # but at an early exit there are some, and noise of their own
        await pilot.press("e")
        stage = explorer(pilot).state.selection.stage
        assert stage.startswith("vision.")
        await until(pilot, lambda: conversation.asked_nulls[asked:] == [(stage, "omp", 9)])
        assert "within noise: beats only 75%, not 95%" in text(tui, "#words")


@pytest.mark.parametrize(
    ("noise", "said"),
    [(-3.0, "above noise: beats all of it"), (0.0, "within noise: beats none of it")],
)
async def test_the_verdict_comes_first_and_a_sum_within_noise_has_no_bars(noise: float, said: str) -> None:
    conversation = Believed()
    conversation.scores = np.full(4, noise)
    tui = app(conversation)
    async with tui.run_test(size=WIDE) as pilot:
        await settled(pilot, 28)
        assert footing(tui).startswith(said)
        assert (BAR in text(tui, "#words")) == (noise < 0)
        # of a pursuit it is about the share that its words explain, whatever the size of their coefficients
        await pilot.press("m", "m", "m", "m")
        await until(pilot, lambda: conversation.asked_nulls[-1:] == [("tokens", "omp", 8)])
        whole = {"all of it": "all shuffled patches", "none of it": "no shuffled patches"}[said.rpartition("beats ")[2]]
        await until(pilot, lambda: f"beats {whole}" in text(tui, "#words"))
        assert (BAR in text(tui, "#words")) == (noise < 0)


async def test_the_verdict_names_its_word_where_that_does_not_stand_out() -> None:
    conversation = Believed()
    conversation.lists = [["sky", f"one{i}"] for i in range(48)]
    tui = app(conversation)
    async with tui.run_test(size=WIDE) as pilot:
        await settled(pilot, 28)
        assert "sky°" in text(tui, "#words")
        assert re.match("sky (above|within) noise", footing(tui))


async def test_a_null_that_cannot_be_had_is_not_asked_for_again() -> None:
    conversation = Believed(answers=False)
    tui = app(conversation)
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await settled(pilot, 28)
        await pilot.press("right")
        await settled(pilot, 29)
        assert conversation.asked_nulls == [("tokens", "cosine", 0)]
        assert any("no noise today" in one.message for one in tui._notifications)
        assert footing(tui).startswith("3 of 5 metrics agree · margin 0.0100 · norm")


async def test_what_gave_way_is_asked_for_again() -> None:
    conversation = Believed()
    conversation.busy = 2
    tui = app(conversation)
    async with tui.run_test(size=WIDE) as pilot:
        known = explorer(pilot).state.results
        await until(pilot, lambda: (Subject("tokens"), NoiseLens("cosine")) in known.found)
        assert conversation.asked_nulls == [("tokens", "cosine", 0)] * 3
        # nothing of it is true of another reading
        assert known.reading is not None
        known.take(known.reading)
        assert not known.found


def test_where_there_are_no_tokens_no_noise_is_asked_for() -> None:
    seen, view = known(FAMILIES["mllama"]()), Selection(stage="tokens")
    key = Subject(view.stage), WordsLens(view.order)
    seen.keep(key, WordTable("made", view.stage, view.order, view.k))
    assert not list(needs.noise(seen, view))
