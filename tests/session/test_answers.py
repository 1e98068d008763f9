"""The model's own answers in the engine: streamed, kept, looked into, and asked again with patches replaced."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
import torch

from tests.families import build
from tests.models.conftest import one_thread  # noqa: F401
from tests.session.local_engine import Desk
from tests.session.test_client import png
from tests.session.test_engine import quiet, request
from vlmtui.errors import CancelledError, ModelError, ReadingGoneError, UsageError
from vlmtui.lenses.context import Generation
from vlmtui.lenses.kinds import Facts, Matrix, Scalars, TokenMaps, unpack_details
from vlmtui.lenses.lens_source import LensSource, lens_call
from vlmtui.models.decoder.teacher_forcing import TokenReplacement
from vlmtui.results.answers import IMAGE, SAID, TEXT, Ablation, Answer, Attention
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import SessionLocation, connect
from vlmtui.session.request_context import RequestContext
from vlmtui.session.request_control import RequestControl
from vlmtui.session.scheduler import FrontEnd, RequestQueue, ScheduledRequest, may_interrupt
from vlmtui.session.typed_lenses import TypedQuestion
from vlmtui.session.typed_lenses.values import Similarity

T = TypeVar("T")
LAYERS, HEADS, TOKENS, WORDS = 2, 4, 25, 6
T = TypeVar("T")
QUESTION = "What color is the sky?"


class Told:
    """The notes of one question; withdrawn when `number` tokens were told of."""

    def __init__(self, stop_at: int = 1000) -> None:
        self.said: list[m.AnswerProgress] = []
        self.progress: list[tuple[str, int, int]] = []
        self.stop_at = stop_at

    @property
    def talk(self) -> RequestControl:
        return RequestControl(
            lambda *done: self.progress.append(done), lambda: len(self.said) >= self.stop_at, self.said.append
        )

    def typed(self, engine: Desk, question: TypedQuestion[T]) -> T:
        """The answer to a question to a lens, with these notes before it."""
        return question.unpack(engine.answer(question.body, self.talk))


@pytest.fixture(scope="module")
def engine(clip_folder) -> Desk:
    engine = Desk()
    engine.load(m.Load(str(clip_folder), device="cpu"), quiet)
    return engine


@pytest.fixture
def reading(engine) -> str:
    return engine.read(request(png()), quiet).reading.id


@pytest.fixture
def answer(engine, reading) -> Answer:
    return engine.ask(m.Generate(reading, QUESTION, WORDS)).answer


def test_an_answer_is_told_token_by_token(engine, reading):
    told = Told()
    asked = engine.answer(m.Generate(reading, QUESTION, WORDS), told.talk)
    answer = asked.answer
    assert asked.reading == reading
    assert answer.question == QUESTION
    assert [said.token for said in told.said] == list(answer.tokens)
    assert [said.number for said in told.said] == list(range(1, WORDS + 1))
    assert {said.answer for said in told.said} == {answer.id}
    assert told.said[-1].text == answer.text
    assert all(later.text.startswith(said.text) for said, later in zip(told.said, told.said[1:], strict=False))
    assert not answer.finished
    assert answer.log_prob == pytest.approx(sum(token.log_prob for token in answer.tokens))
    assert engine.ask(m.Generate(reading, QUESTION, WORDS)).answer.tokens == answer.tokens


def test_the_answer_is_that_of_the_question_and_the_picture(engine, reading, answer):
    """By the model's own `generate`, on what its own processor makes of the question."""
    model = engine.state.loaded
    ids = engine.state.readings[reading].answered.inputs.input_ids
    text = model.tokenizer.decode(ids[0])
    assert QUESTION in text
    assert answer.positions == ids.shape[1]
    inputs = model.prepare(engine.state.readings[reading].file.picture(), QUESTION)
    made = model._model.generate(
        input_ids=inputs.input_ids,
        attention_mask=torch.ones_like(inputs.input_ids),
        pixel_values=inputs.pixels["pixel_values"],
        do_sample=False,
        max_new_tokens=WORDS,
    )
    assert [token.id for token in answer.tokens] == made[0, inputs.input_ids.shape[1] :].tolist()
    usual = engine.ask(m.Generate(reading, None, 1)).answer
    assert usual.question == "Describe the image."


def test_a_withdrawn_answer_ends_at_the_next_token_and_is_kept(engine, reading):
    told = Told(stop_at=3)
    with pytest.raises(CancelledError):
        engine.answer(m.Generate(reading, QUESTION, WORDS), told.talk)
    assert len(told.said) == 3
    found = engine.typed(typed_lenses.attention(reading, told.said[0].answer))
    assert found.weights.shape == (3, TOKENS)


def test_it_may_be_withdrawn_while_the_question_is_read(engine, reading):
    def progress(doing: str, done: int = 0, total: int = 0) -> None:
        if (doing, done, total) == ("processing the prompt", 1, LAYERS):
            raise CancelledError("enough")

    told = Told()
    with pytest.raises(CancelledError, match="enough"):
        engine.answer(m.Generate(reading, QUESTION, WORDS), RequestControl(progress, lambda: False, told.said.append))
    assert not told.said
    # nothing was said that could be looked into
    with pytest.raises(UsageError, match="empty"):
        engine.typed(typed_lenses.attention(reading, engine.state.readings[reading].answered.id))


def test_sampled_answers_are_the_same_for_the_same_seed(engine, reading):
    def ids(seed: int) -> list[int]:
        asked = engine.ask(m.Generate(reading, QUESTION, WORDS, temperature=5.0, seed=seed))
        return [token.id for token in asked.answer.tokens]

    assert ids(1) == ids(1) != ids(2)


def test_attention_per_layer_head_and_rolled_out(engine, reading, answer):
    def look(**which) -> np.ndarray:
        found = engine.typed(typed_lenses.attention(reading, answer.id, **which))
        assert found.weights.shape == (WORDS, TOKENS)
        assert (found.layers, found.heads, found.answer) == (LAYERS, HEADS, answer.id)
        assert found.weights.dtype == np.float32
        return found.weights

    by_head = [[look(layer=layer, head=head) for head in range(HEADS)] for layer in (1, 2)]
    for layer in (1, 2):
        np.testing.assert_allclose(look(layer=layer), np.mean(by_head[layer - 1], axis=0), rtol=1e-5)
    np.testing.assert_allclose(look(), np.mean(by_head, axis=(0, 1)), rtol=1e-5)
    rolled = look(rollout=True)
    assert not np.allclose(rolled, look(), rtol=1e-2)
    assert np.all(rolled.sum(axis=1) < 1)


def test_sinks_are_named_with_their_rule(engine, reading, answer, monkeypatch):
    found = engine.typed(typed_lenses.attention(reading, answer.id))
    assert "median" in found.rule
    # where everything stands out, it is all but the question
    monkeypatch.setattr("vlmtui.lenses.attention.compute.attention_sinks", lambda shares: shares >= 0)
    found = engine.typed(typed_lenses.attention(reading, answer.id))
    ids = engine.state.readings[reading].answered.inputs.input_ids[0].tolist()
    image = [i for i, token in enumerate(ids) if token == engine.state.loaded._config.image_token_id]
    positions = [sink.position for sink in found.sunk]
    assert positions[: image[-1] + 1] == list(range(image[-1] + 1))
    tokenizer = engine.state.loaded.tokenizer
    assert all(
        tokenizer.convert_ids_to_tokens(ids[i]) in tokenizer.all_special_tokens for i in positions[image[-1] + 1 :]
    )
    for sink in found.sunk:
        assert (sink.piece is None) == (sink.position in image)
        assert 0 < sink.share < 1
    assert found.sinks.all()


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ({"layer": 3}, "1 … 2"),
        ({"layer": 0}, "1 … 2"),
        ({"layer": 1, "head": 4}, "0 … 3"),
        ({"head": 1}, "choose a layer"),
        ({"rollout": True, "layer": 1}, "all layers"),
    ],
)
def test_there_are_only_so_many_layers_and_heads(engine, reading, answer, which, said):
    with pytest.raises(UsageError, match=said):
        engine.typed(typed_lenses.attention(reading, answer.id, **which))


def test_of_a_hybrid_decoder_only_layers_with_attention_are_looked_at(tmp_path):
    """Its second layer of three is the only one with attention weights: a mean over layers is that layer's."""
    desk = Desk()
    desk.load(m.Load(str(build("qwen3_5", tmp_path / "hybrid")), device="cpu"), quiet)
    reading = desk.read(request(png()), quiet).reading.id
    answer = desk.ask(m.Generate(reading, QUESTION, 2)).answer

    def weights(**which) -> np.ndarray:
        return desk.typed(typed_lenses.attention(reading, answer.id, **which)).weights

    np.testing.assert_array_equal(weights(layer=2), weights())
    assert weights().any()
    by_head = [weights(layer=2, head=head) for head in range(HEADS)]
    np.testing.assert_allclose(np.mean(by_head, axis=0), weights(layer=2), rtol=1e-5)
    for layer in (1, 3):
        with pytest.raises(UsageError, match=rf"^layer {layer} has no attention weights; layers that have them: 2$"):
            weights(layer=layer)
    with pytest.raises(UsageError, match="goes through every layer, and some of this model's have no attention"):
        weights(rollout=True)


def test_only_the_latest_answer_is_kept(engine, reading, answer):
    newer = engine.ask(m.Generate(reading, "Is there a dog?", 2)).answer
    with pytest.raises(ReadingGoneError, match="ask again"):
        engine.typed(typed_lenses.attention(reading, answer.id))
    engine.typed(typed_lenses.attention(reading, newer.id))
    # what was found of another reading's answer goes, and is found again
    other = engine.read(request(png()), quiet).reading.id
    engine.ask(m.Generate(other, QUESTION, 2))
    assert engine.state.readings[reading].answered.means is None
    engine.typed(typed_lenses.attention(reading, newer.id))


def test_gradients_of_a_token_and_of_the_answer(engine, reading, answer):
    found = engine.typed(typed_lenses.gradient(reading, answer.id, 2))
    assert (found.answer, found.token, found.numbers.shape) == (answer.id, 2, (TOKENS,))
    whole = engine.typed(typed_lenses.gradient(reading, answer.id))
    assert not np.allclose(whole.numbers, found.numbers)
    asked = typed_lenses.look(reading, "tokens", lens_call(LensSource("gradient")), (9, 2), answer.id)
    np.testing.assert_array_equal(engine.typed(asked).result.values, whole.numbers[[9, 2]])
    with pytest.raises(UsageError, match="0 … 5"):
        engine.typed(typed_lenses.gradient(reading, answer.id, WORDS))


@pytest.mark.parametrize("by", ["mean", "zero", "blur"])
def test_both_answers_are_compared(engine, reading, answer, by):
    told = Told()
    found = told.typed(engine, typed_lenses.ablation(reading, answer.id, (12, 3, 12), by))
    assert (found.answer, found.tokens, found.by) == (answer.id, (3, 12), by)
    assert found.log_probs.shape == found.changes.shape == (WORDS,)
    before = np.array([token.log_prob for token in answer.tokens])
    np.testing.assert_allclose(found.log_probs - found.changes, before, atol=1e-4)
    assert np.abs(found.changes).max() > 1e-4
    assert [said.token for said in told.said] == list(found.again.tokens)
    assert {said.answer for said in told.said} == {""}
    # where it still says the same, that is as likely as it was said to be
    same = [token.id for token in found.again.tokens][:1] == [token.id for token in answer.tokens][:1]
    if same:
        assert found.log_probs[0] == pytest.approx(found.again.tokens[0].log_prob, abs=1e-4)
    # and the first answer can still be asked about
    engine.typed(typed_lenses.attention(reading, answer.id))


def test_what_is_marked_must_be_there(engine, reading, answer):
    for marked in ((), (TOKENS,), (-1,)):
        with pytest.raises(UsageError, match="25 image tokens"):
            engine.typed(typed_lenses.ablation(reading, answer.id, marked))


def test_occlusion_is_one_ablation_after_the_other(engine, reading, answer):
    told = Told()
    found = told.typed(engine, typed_lenses.occlusion(reading, answer.id))
    assert (found.drops.shape, found.blocks) == ((TOKENS, WORDS), TOKENS)
    assert ("replacing patches", TOKENS, TOKENS) in told.progress
    for token in (0, 12):
        one = engine.typed(typed_lenses.ablation(reading, answer.id, (token,)))
        np.testing.assert_allclose(found.drops[token], -one.changes, atol=1e-4)
    np.testing.assert_allclose(found.whole, found.drops.sum(1))
    blocks = engine.typed(typed_lenses.occlusion(reading, answer.id, block=2, by="zero"))
    assert blocks.blocks == 9
    forced = engine.state.readings[reading].answered.forced
    drop = forced.log_probs() - forced.log_probs(TokenReplacement(torch.tensor([0, 1, 5, 6]), "zero"))
    for token in (0, 1, 5, 6):
        np.testing.assert_allclose(blocks.drops[token], drop.numpy(), atol=1e-5)
    blurs = engine.typed(typed_lenses.occlusion(reading, answer.id, block=3, by="blur"))
    one = engine.typed(typed_lenses.ablation(reading, answer.id, (24, 23, 18, 19), "blur"))
    np.testing.assert_allclose(blurs.drops[24], -one.changes, atol=1e-4)


def test_occlusion_ends_when_nobody_waits(engine, reading, answer):
    done: list[int] = []

    def progress(doing: str, at: int = 0, total: int = 0) -> None:
        done.append(at)

    def enough() -> bool:
        return bool(done) and done[-1] == 4

    with pytest.raises(CancelledError):
        engine.typed(typed_lenses.occlusion(reading, answer.id), enough, progress)
    assert done[-1] == 4
    with pytest.raises(UsageError, match="at least 1"):
        engine.typed(typed_lenses.occlusion(reading, answer.id, block=0))


def test_what_travels_of_an_answer_is_of_its_kind(engine, reading, answer):
    """Arrays travel once: those that the kind holds are not in what the lens says besides."""
    of = {"reading": reading, "answer": answer.id}
    maps = engine.ask(typed_lenses.compute("attention", **of)).result
    assert isinstance(maps, TokenMaps)
    assert maps.values.shape == (WORDS, TOKENS)
    assert unpack_details(maps, Attention).weights.size == 0
    rolled = engine.ask(typed_lenses.compute("rollout", **of)).result
    assert isinstance(rolled, TokenMaps)
    assert unpack_details(rolled, Attention).rollout
    whole = engine.ask(typed_lenses.compute("gradient", **of)).result
    assert isinstance(whole, Scalars)
    assert whole.values.shape == (TOKENS,)
    maps = engine.ask(typed_lenses.compute("occlusion", **of, options={"block": 2})).result
    assert isinstance(maps, TokenMaps)
    found = engine.typed(typed_lenses.occlusion(reading, answer.id, block=2))
    np.testing.assert_array_equal(found.drops, maps.values.T)
    assert found.drops.flags.c_contiguous
    # without any named all image tokens are replaced
    facts = engine.ask(typed_lenses.compute("ablation", **of)).result
    assert isinstance(facts, Facts)
    ablation = unpack_details(facts, Ablation)
    assert ablation.tokens == tuple(range(TOKENS))
    rows = dict(facts.rows)
    assert rows["answer"] == ablation.again.text
    assert rows["log-probability of the first answer"] == pytest.approx(answer.log_prob, abs=1e-3)
    assert rows["change"] == pytest.approx(float(ablation.changes.sum()))


def test_the_answer_as_a_lens_is_given_it(engine, reading, answer):
    def generation(**of) -> Generation | None:
        wanted = m.Compute(lens=LensSource("mine"), reading=reading, **of)
        return RequestContext(engine.state, wanted, RequestControl(), "mine").generation()

    given = generation(answer=answer.id)
    assert given is not None
    assert (given.question, given.text) == (QUESTION, answer.text)
    assert given.ids == tuple(token.id for token in answer.tokens)
    assert given.texts == tuple(token.text for token in answer.tokens)
    assert given.log_probs == tuple(token.log_prob for token in answer.tokens)
    assert generation() is None
    usual = engine.ask(m.Generate(reading, None, 2)).answer
    given = generation(answer=usual.id)
    assert given is not None
    assert (given.question, given.text) == (usual.question, usual.text)
    with pytest.raises(ReadingGoneError, match="ask again"):
        generation(answer=answer.id)


def test_the_mask_of_a_prompt_and_of_an_answer(engine, reading):
    mask = engine.typed(typed_lenses.mask(reading))
    n = len(mask.kinds)
    assert np.array_equal(mask.allowed, np.tril(np.ones((n, n), bool)))
    assert mask.pattern == "causal"
    assert int((mask.kinds == IMAGE).sum()) == TOKENS
    assert not (mask.kinds == SAID).any()
    assert [piece is None for piece in mask.pieces] == (mask.kinds == IMAGE).tolist()
    answer = engine.ask(m.Generate(reading, QUESTION, WORDS)).answer
    mask = engine.typed(typed_lenses.mask(reading, 2))
    assert len(mask.kinds) == answer.positions + WORDS - 1
    assert (mask.kinds[answer.positions :] == SAID).all()
    assert mask.kinds[0] == TEXT
    with pytest.raises(UsageError, match="layer 3"):
        engine.typed(typed_lenses.mask(reading, 3))
    # of one answer that is named it must be the latest
    with pytest.raises(ReadingGoneError):
        engine.ask(typed_lenses.compute("mask", reading=reading, answer="answer-0"))
    matrix = engine.ask(typed_lenses.compute("mask", reading=reading, answer=answer.id)).result
    assert isinstance(matrix, Matrix)
    assert (matrix.axes, matrix.note) == (("prompt token", "prompt token"), "causal")
    np.testing.assert_array_equal(matrix.values, mask.allowed)


def test_a_model_that_does_not_say_the_same_in_one_pass_is_not_looked_into(engine, reading, answer):
    kept = engine.state.readings[reading].answered
    kept.said = [type(said)(said.id, said.log_prob - 5) for said in kept.said]
    with pytest.raises(ModelError, match="but not analysed"):
        engine.typed(typed_lenses.attention(reading, answer.id))


def test_a_tower_alone_has_no_answers(tmp_path):
    from tests.families import build

    engine = Desk()
    engine.load(m.Load(str(build("vit", tmp_path / "vit")), device="cpu"), quiet)
    reading = engine.read(request(png()), quiet).reading.id
    with pytest.raises(UsageError, match="cannot answer"):
        engine.ask(m.Generate(reading, QUESTION))


def test_a_model_that_looks_by_cross_attention_answers_and_is_not_looked_into(tmp_path):
    from tests.families import build

    engine = Desk()
    engine.load(m.Load(str(build("mllama", tmp_path / "mllama")), device="cpu"), quiet)
    reading = engine.read(request(png()), quiet).reading.id
    told = Told()
    answer = engine.answer(m.Generate(reading, QUESTION, WORDS), told.talk).answer
    wanted = m.Compute(lens=LensSource("mine"), reading=reading, answer=answer.id)
    assert RequestContext(engine.state, wanted, RequestControl(), "mine").generation().text == answer.text
    model = engine.state.loaded
    inputs = model.prepare(engine.state.readings[reading].file.picture(), QUESTION)
    made = model._model.generate(
        input_ids=inputs.input_ids,
        attention_mask=torch.ones_like(inputs.input_ids),
        **inputs.pixels,
        do_sample=False,
        max_new_tokens=WORDS,
    )
    assert QUESTION in model.tokenizer.decode(inputs.input_ids[0])
    assert [token.id for token in answer.tokens] == made[0, inputs.input_ids.shape[1] :].tolist()
    assert [said.token for said in told.said] == list(answer.tokens)
    assert answer.text == told.said[-1].text
    other = engine.read(request(png(seed=1)), quiet).reading.id
    assert engine.ask(m.Generate(other, QUESTION, WORDS)).answer.log_prob != pytest.approx(answer.log_prob, abs=1e-3)
    for question in (
        typed_lenses.attention(reading, answer.id),
        typed_lenses.gradient(reading, answer.id),
        typed_lenses.ablation(reading, answer.id, (0,)),
        typed_lenses.occlusion(reading, answer.id),
        typed_lenses.mask(reading),
    ):
        with pytest.raises(UsageError, match="cross-attention: no image tokens enter the prompt"):
            engine.typed(question)


def test_the_latest_of_a_kind_wins_and_attention_is_one_kind_whatever_is_asked_of_it():
    front, jobs, numbers = FrontEnd(None), RequestQueue(), itertools.count(1)

    def asked(question: TypedQuestion[object]) -> tuple[ScheduledRequest, list[ScheduledRequest]]:
        job = ScheduledRequest(front, m.Request(next(numbers), question.body))
        return job, jobs.add(job)

    first, _ = asked(typed_lenses.attention("r", "a", layer=1))
    second, gone = asked(typed_lenses.attention("r", "a", layer=2))
    assert gone == [first]
    rolled, gone = asked(typed_lenses.attention("r", "a", rollout=True))
    assert gone == [second]
    gradient, gone = asked(typed_lenses.gradient("r", "a"))
    assert gone == []
    assert asked(typed_lenses.attention("r", "a"))[1] == [rolled]
    assert asked(typed_lenses.gradient("r", "a", 3))[1] == [gradient]
    one, gone = asked(typed_lenses.ablation("r", "a", (7,)))
    assert gone == []
    assert asked(typed_lenses.ablation("r", "a", (7, 8)))[1] == [one]
    map_, _ = asked(typed_lenses.occlusion("r", "a"))
    assert asked(typed_lenses.occlusion("r", "a", 2))[1] == [map_]
    mask, _ = asked(typed_lenses.mask("r"))
    assert asked(typed_lenses.mask("r", 2))[1] == [mask]


def test_what_is_quick_comes_in_between_and_amidst_an_answer_only_what_does_not_run_the_model():
    tokens, layer = (typed_lenses.look("r", stage, Similarity((3,))).body for stage in ("tokens", "llm.1"))
    other = typed_lenses.gradient("r", "a").body
    map_, ablation = typed_lenses.occlusion("r", "a").body, typed_lenses.ablation("r", "a", (7,)).body
    assert [may_interrupt(body, map_) for body in (tokens, layer, other)] == [True, True, False]
    for amidst in (ablation, m.Generate("r")):
        assert [may_interrupt(body, amidst) for body in (tokens, layer, other)] == [True, False, False]
    assert not may_interrupt(tokens, other)


# -- over the protocol


@pytest.fixture(scope="module")
def client(clip_folder, module_warm_session):
    client = connect(SessionLocation())
    client.load(str(clip_folder), device="cpu", layers=True)
    yield client
    client.close()


def heard(client: SessionClient, ask: Callable[..., object], stop_at: int | None = None) -> list[m.AnswerProgress]:
    """What was told of an answer; its question is withdrawn from where it is heard."""
    said: list[m.AnswerProgress] = []
    future = ask(on_token=lambda note: (said.append(note), note.number == stop_at and client.cancel(future)))
    try:
        future.result(60)
    except CancelledError:
        assert stop_at
    return said


def test_an_answer_crosses_the_line(client):
    reading = client.read(png()).result(120)
    said = heard(client, lambda **on: client.answer(reading.id, QUESTION, max_new_tokens=WORDS, **on))
    answer = client.answer(reading.id, QUESTION, max_new_tokens=WORDS).result(60)
    assert said[-1].text == answer.text
    assert tuple(note.token for note in said) == answer.tokens
    attention = client.attention(reading.id, answer.id, layer=1).result(60)
    assert attention.weights.shape == (WORDS, TOKENS)
    assert client.gradient(reading.id, answer.id).result(60).numbers.shape == (TOKENS,)
    assert client.ablate(reading.id, answer.id, (1, 2)).result(60).tokens == (1, 2)
    assert client.occlude(reading.id, answer.id, block=3).result(60).blocks == 4
    assert client.mask(reading.id).result(60).allowed.all(axis=1)[-1]
    for wrong in (client.ablate(reading.id, answer.id, (1,), "noise"), client.occlude(reading.id, answer.id, 1, "x")):
        with pytest.raises(UsageError, match="mean, zero, blur"):
            wrong.result(1)


def test_a_withdrawn_question_ends_at_the_next_token(client):
    """An answer as long as it may be is not waited for: the session is free for the next question."""
    reading = client.read(png()).result(120)
    said = heard(client, lambda **on: client.answer(reading.id, QUESTION, max_new_tokens=100_000, **on), stop_at=3)
    assert client.answer(reading.id, QUESTION, max_new_tokens=2).result(60).tokens
    assert 3 <= len(said) < 1000


def test_words_under_the_cursor_are_not_held_up_by_an_answer(client):
    """Between two tokens a session answers what is quick, and the answer goes on as if nothing had been asked."""
    reading = client.read(png()).result(120)
    begun = threading.Event()
    endless = client.answer(reading.id, QUESTION, max_new_tokens=100_000, on_token=lambda note: begun.set())
    assert begun.wait(60)
    assert client.words(reading.id, "l2", 3, tokens=(7,)).result(60).ids.shape == (1, 3)
    assert client.look(reading.id, "tokens", Similarity((3,))).result(60).numbers.shape == (TOKENS,)
    assert not endless.done()
    # what would run the model itself waits for its end
    layers = client.layer_words(reading.id, 3, 2)
    client.cancel(endless)
    assert layers.result(60).ids.shape == (LAYERS, 2)
