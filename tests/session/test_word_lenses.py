"""Lenses of words as any front end asks for them: by their kind, named by the session, and their turn in the queue."""

from __future__ import annotations

import numpy as np
import pytest

from tests.families import build
from tests.session.local_engine import Desk, quiet
from tests.session.test_client import png
from vlmtui.errors import UsageError
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Facts, LayerWords, Matrix, Words
from vlmtui.lenses.lens_source import LensCall, LensSource, lens_call
from vlmtui.lenses.token_words import layer_words, token_words
from vlmtui.reading import Reading
from vlmtui.results import early_exit
from vlmtui.results.noise_baseline import AGREEING
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.scheduler import may_interrupt
from vlmtui.session.typed_lenses import TypedQuestion

MINE = LensSource("", "/somewhere/mine.py", "# its text")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Several patches go into every token."""
    desk = Desk()
    folder = build("gemma3", tmp_path_factory.mktemp("words") / "gemma3")
    desk.load(m.Load(str(folder), device="cpu", layers=True), quiet)
    return desk


@pytest.fixture(scope="module")
def reading(desk: Desk) -> Reading:
    image = png(130, 90)
    found: Reading = desk.ask(m.Read(image.source, image.data, image.sha256, 10**6)).reading
    return found


def look(
    desk: Desk, reading: Reading, stage: str, asked: LensCall, entries: tuple[int, ...] | None = None
) -> LensResult:
    return desk.typed(typed_lenses.look(reading.id, stage, asked, entries, k=3))


@pytest.mark.parametrize("metric", ["l2", "omp"])
def test_patches_have_the_words_of_their_token(desk: Desk, reading: Reading, metric: str) -> None:
    into = early_exit.token_of_patch(reading.patch_places, reading.places)
    assert len(into) > len(reading.places)
    of_tokens = desk.typed(typed_lenses.words(reading.id, metric, 3, stage="vision.1", projected=True))
    for entries in (None, (5, 1, 5)):
        found = look(desk, reading, "vision.1", lens_call("projector", metric=metric), entries)
        assert isinstance(found.result, Words)
        assert found.note == early_exit.NOTE
        which = range(len(into)) if entries is None else entries
        ours, theirs = token_words(found, which, "l2"), early_exit.words_of_patches(of_tokens, into, which)
        for name in ("metric", "k", "all_tokens", "candidates", "left_out", "ridge"):
            assert getattr(ours, name) == getattr(theirs, name), name
        for name in ("tokens", "ids", "scores", "explained"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)
        # those of the session's own naming, and no others
        assert set(ours.pieces) == set(ours.texts) == set(ours.ids[ours.ids >= 0].flat)
        assert ours.pieces.items() <= theirs.pieces.items()
    with pytest.raises(UsageError, match=r"not to tokens: choose one, such as vision\.1"):
        look(desk, reading, "tokens", lens_call("projector"))


def test_layers_and_norms_of_some_tokens_or_all(desk: Desk, reading: Reading) -> None:
    everything = look(desk, reading, "tokens", lens_call("layers"))
    assert isinstance(everything.result, LayerWords)
    assert everything.result.ids.shape == (reading.model.llm_layers, len(reading.places), 3)
    for token in (0, 4):
        ours = layer_words(everything, token, token)
        alone = desk.typed(typed_lenses.layer_words(reading.id, token, 3))
        np.testing.assert_array_equal(ours.ids, alone.ids)
        np.testing.assert_allclose(ours.scores, alone.scores, rtol=1e-5)
        np.testing.assert_allclose(ours.entropy, alone.entropy, rtol=1e-5)
        assert ours.settled == alone.settled
    norms = desk.typed(typed_lenses.layers(reading.id)).norms
    some = look(desk, reading, "llm.1", lens_call("norms"), (4, 0)).result
    assert isinstance(some, Matrix)
    assert some.axes == ("layer", "entry")
    np.testing.assert_array_equal(some.values, norms[:, [4, 0]])


def test_facts_say_what_is_behind_them(desk: Desk, reading: Reading) -> None:
    found = look(desk, reading, "tokens", lens_call("noise-baseline", metric="cosine")).result
    null = desk.typed(typed_lenses.null(reading.id, "cosine", 3))
    assert null.shuffled is not None
    assert isinstance(found, Facts)
    assert [value for _, value in found.rows] == [
        "cosine",
        pytest.approx(np.percentile(null.shuffled.scores, 95)),
        pytest.approx(np.percentile(null.random.scores, 95)),
    ]
    facts = look(desk, reading, "tokens", lens_call("agreement"), (2,)).result
    agreement = desk.typed(typed_lenses.agreement(reading.id, 2, 3))
    assert isinstance(facts, Facts)
    index = desk.state.word_search().index
    firsts = [index.tokenizer.decode([i]) for i in agreement.ids[:, 0].tolist()]
    assert facts.rows == (*zip(AGREEING, firsts, strict=True), ("words in common", agreement.overlap))
    with pytest.raises(UsageError, match="for one token: choose one"):
        look(desk, reading, "tokens", lens_call("agreement"))


def test_words_of_any_lens_are_drawn_as_words() -> None:
    foreign = LensResult(
        LensCall(MINE), "tokens", Words(texts=[["a", "b"], ["b", "c"]], detail=[[1, 2], [3, 4]], own=b"\xc1")
    )
    found = token_words(foreign, (7, 9), "l2")
    assert [[found.texts[id_] for id_ in row] for row in found.ids.tolist()] == [["a", "b"], ["b", "c"]]
    assert (found.tokens.tolist(), found.candidates, found.left_out, found.explained) == ([7, 9], 0, 0, None)
    assert np.isnan(found.scores).all()
    with pytest.raises(ValueError, match="for 2 entries, not for 1"):
        token_words(foreign, (7,), "l2")
    with pytest.raises(TypeError, match="Words has no words by layer"):
        layer_words(foreign)
    layered = LensResult(
        LensCall(MINE), "tokens", LayerWords([[[3, 1]], [[4, 1]], [[4, 2]]], [[[3, 1]], [[4, 1]], [[4, 2]]])
    )
    by_layer = layer_words(layered, entry=5)
    assert (by_layer.token, by_layer.settled, by_layer.ids.shape) == (5, 2, (3, 2))
    assert np.isnan(by_layer.entropy).all()
    with pytest.raises(TypeError, match="LayerWords has no words per entry"):
        token_words(layered, (0,), "l2")


def test_what_is_asked_of_one_patch_comes_amidst_what_takes_long() -> None:
    def body(question: TypedQuestion[object]) -> m.Compute:
        return question.body

    one = body(typed_lenses.words("r", "l2", 8, (3,)))
    one_deep = body(typed_lenses.words("r", "l2", 8, (3,), stage="llm.1"))
    layers, agreement = body(typed_lenses.layer_words("r", 3, 8)), body(typed_lenses.agreement("r", 3, 8, idle=True))
    layers_there = body(typed_lenses.look("r", "tokens", lens_call("layers"), (3,)))
    many, null, norms = (
        body(typed_lenses.words("r", "l2", 8)),
        body(typed_lenses.null("r", "l2", 8)),
        body(typed_lenses.layers("r")),
    )
    quick, long = (one, one_deep, layers, layers_there, agreement), (many, null, norms)
    for amidst in (many, null, m.ReadMany((), "tokens", "l2", 8)):
        assert [may_interrupt(question, amidst) for question in quick] == [True] * len(quick)
        assert not any(may_interrupt(question, amidst) for question in long)
    # the model is at work: only what does not run it, and what somebody waits for
    assert [may_interrupt(question, m.Generate("r")) for question in quick] == [True, False, False, False, False]
    for amidst in (*quick, norms, m.Read("a.png", b"", "", 1)):
        assert not any(may_interrupt(question, amidst) for question in (*quick, *long))
