"""The model's own answer to a question about a reading's picture: how it is generated, and what is asked again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from vlmtui.errors import CancelledError, ReadingGoneError, UsageError
from vlmtui.image import RgbImage
from vlmtui.models.decoder.generation import GeneratedToken, GenerationOptions
from vlmtui.models.decoder.teacher_forcing import Stand, TokenReplacement
from vlmtui.models.loading.processor import DEFAULT_PROMPT, Inputs
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.results.answers import Answer, AnswerToken
from vlmtui.session import protocol as m
from vlmtui.session.activations import File, Kept
from vlmtui.session.answer_cache import Answered
from vlmtui.session.model_state import ModelState
from vlmtui.session.request_progress import Talk
from vlmtui.session.vocabulary_index import Namer

_CUT = "\N{REPLACEMENT CHARACTER}"


def ask(state: ModelState, request: m.Ask, talk: Talk) -> m.Asked:
    """Ask, and tell of every token. What was said until the question was withdrawn is kept like a whole answer."""
    speaker = Speaker.asked(state, request.reading, talk)
    question = request.question if request.question and request.question.strip() else None
    talk.progress("preparing the question")
    saying = GenerationOptions(request.max_new_tokens, request.temperature, request.seed)
    answered = Answered(f"answer-{state.next_number()}", speaker.inputs(question), question, saying)
    state.readings.keep_answer(speaker.kept, answered)
    return m.Asked(request.reading, speaker.answer(answered))


@dataclass(frozen=True)
class Speaker:
    """A reading that is still kept, and the model with all of its layers, ready to speak about it.

    `tokens` are none where a model looks at pictures without having them in its prompt.
    """

    model: VisionLanguageModel
    namer: Namer
    kept: Kept
    tokens: int
    talk: Talk

    @classmethod
    def of(cls, state: ModelState, reading: str, talk: Talk) -> Speaker:
        """Loads the layers where they are not held; `UsageError` for a model without image tokens in its prompt."""
        model = state.model
        if state.vocabulary is None:
            raise UsageError(f"{model.name} cannot be asked about its image tokens: {model.family.wordless}")
        return cls.asked(state, reading, talk)

    @classmethod
    def asked(cls, state: ModelState, reading: str, talk: Talk) -> Speaker:
        """As `of`, also for a model that looks at pictures by cross-attention."""
        model, words = state.model, state.vocabulary
        if model.info.embeddings is None:
            raise UsageError(f"{model.name} cannot be asked: {model.family.wordless}")
        tokens = 0 if words is None else len(state.readings.tokens(reading))
        if words is not None and not tokens:
            raise UsageError("no image token of this picture enters the prompt: there is nothing to ask about")
        model = state.full_model_for(reading, talk.progress)
        return cls(model, state.vocabulary or Namer.by(model.tokenizer), state.readings[reading], tokens, talk)

    @property
    def file(self) -> File:
        """The picture's file."""
        assert self.kept.file is not None, "every reading has come from a file"
        return self.kept.file

    def answered(self, answer: str) -> Answered:
        """The reading's latest answer, which must be this one and hold something."""
        return latest(self.kept, answer)

    def inputs(self, question: str | None, picture: RgbImage | None = None) -> Inputs:
        """What the model is given for a question about the picture, or about another one in its place."""
        prepared = self.model.prepare(picture or self.file.picture(), question, self.file.source)
        return self.model.prompted(prepared, self.tokens, question)

    @staticmethod
    def change(tokens: Tensor, by: Stand) -> TokenReplacement:
        """Image tokens (int64 [n]) replaced behind the projector, by their mean or zero."""
        return TokenReplacement(tokens, by)

    def again(self, answered: Answered, inputs: Inputs, change: TokenReplacement | None = None) -> Answer:
        """The same question answered with other inputs or a change, told of as it is said; the answer before is kept,
        and this one is nobody's latest."""
        return self.answer(replace(_fresh(answered), inputs=inputs), change)

    def answer(self, answered: Answered, change: TokenReplacement | None = None) -> Answer:
        """Have the model speak, `answered.said` filled with every token as it is said and told of."""
        started = time.perf_counter()
        telling = _Telling(self.namer, answered, self.talk)
        spoken = self.model.speaking.answer(
            answered.inputs,
            telling,
            answered.saying,
            change,
            lambda done, total: self.talk.progress("reading the question", done, total),
        )
        saying, ids = answered.saying, answered.inputs.input_ids
        assert ids is not None
        return Answer(
            id=answered.id,
            question=put(answered),
            text=telling.text(whole=True),
            tokens=tuple(telling.tokens),
            finished=spoken.finished,
            positions=int(ids.shape[1]),
            max_new_tokens=saying.max_new_tokens,
            temperature=saying.temperature,
            seed=saying.seed,
            seconds=time.perf_counter() - started,
        )


class _Telling:
    """Makes words of tokens as they are said, and tells of them; ends the answer where nobody waits any more."""

    def __init__(self, namer: Namer, answered: Answered, talk: Talk) -> None:
        self.tokens: list[AnswerToken] = []
        self._namer, self._answered, self._talk = namer, answered, talk

    def __call__(self, said: GeneratedToken) -> None:
        """One more token."""
        if self._talk.should_stop():
            raise CancelledError("the question was withdrawn")
        named = self._namer.names(np.array([said.id]))
        special = said.id in named.special
        self.tokens.append(AnswerToken(said.id, named.pieces[said.id], named.texts[said.id], said.log_prob, special))
        self._answered.said.append(said)
        self._talk.tell(m.Said(self._answered.id, len(self.tokens), self.tokens[-1], self.text()))

    def text(self, whole: bool = False) -> str:
        """What was said so far; while it goes on, without the first bytes of a character that is not all there yet."""
        return text_of(self._namer, [token.id for token in self.tokens], whole)


def latest(kept: Kept, answer: str) -> Answered:
    """The latest answer about a reading; `ReadingGoneError` where that is not this one."""
    found = kept.answered
    if found is None or found.id != answer:
        raise ReadingGoneError("that answer is no longer kept, a newer one has taken its place: ask again")
    return found


def put(answered: Answered) -> str:
    """The question as it was put to the model."""
    return DEFAULT_PROMPT if answered.question is None else answered.question


def text_of(namer: Namer, ids: list[int], whole: bool = True) -> str:
    """The text of an answer's tokens, special ones left out; unless it is the `whole` of it without the first bytes of
    a character that is not all there."""
    text: str = namer.tokenizer.decode([i for i in ids if i not in namer.special], clean_up_tokenization_spaces=False)
    return (text if whole else text.rstrip(_CUT)).strip()


def _fresh(answered: Answered) -> Answered:
    """The same question, not yet answered."""
    return Answered("", answered.inputs, answered.question, answered.saying)
