"""The model's own answer to a question about a reading's picture: how it is generated, and what is asked again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from vlmtui.errors import CancelledError, ReadingGoneError, UsageError
from vlmtui.image import RgbImage
from vlmtui.models.decoder.generation import GeneratedToken, GenerationOptions
from vlmtui.models.decoder.teacher_forcing import Replacement, TokenReplacement
from vlmtui.models.loading.processor import DEFAULT_PROMPT, Inputs
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.results.answers import Answer, AnswerToken
from vlmtui.session import protocol as m
from vlmtui.session.activations import CachedReading, StoredImage
from vlmtui.session.answer_cache import CachedAnswer
from vlmtui.session.model_state import ModelState
from vlmtui.session.request_control import RequestControl
from vlmtui.session.vocabulary_index import TokenNamer

_CUT = "\N{REPLACEMENT CHARACTER}"


def generate(state: ModelState, request: m.Generate, control: RequestControl) -> m.Generated:
    """Ask, and tell of every token. What was said until the question was withdrawn is kept like a whole answer."""
    generator = AnswerGenerator.asked(state, request.reading, control)
    question = request.question if request.question and request.question.strip() else None
    control.progress("preparing the question")
    saying = GenerationOptions(request.max_new_tokens, request.temperature, request.seed)
    answered = CachedAnswer(f"answer-{state.next_number()}", generator.inputs(question), question, saying)
    state.readings.keep_answer(generator.kept, answered)
    return m.Generated(request.reading, generator.answer(answered))


@dataclass(frozen=True)
class AnswerGenerator:
    """A reading that is still kept, and the model with all of its layers, ready to speak about it.

    `tokens` are none where a model looks at pictures without having them in its prompt.
    """

    model: VisionLanguageModel
    namer: TokenNamer
    kept: CachedReading
    tokens: int
    control: RequestControl

    @classmethod
    def of(cls, state: ModelState, reading: str, control: RequestControl) -> AnswerGenerator:
        """Loads the layers where they are not held; `UsageError` for a model without image tokens in its prompt."""
        model = state.model
        if state.vocabulary is None:
            raise UsageError(f"{model.name} cannot be asked about its image tokens: {model.family.wordless}")
        return cls.asked(state, reading, control)

    @classmethod
    def asked(cls, state: ModelState, reading: str, control: RequestControl) -> AnswerGenerator:
        """As `of`, also for a model that looks at pictures by cross-attention."""
        model, words = state.model, state.vocabulary
        if model.info.embeddings is None:
            raise UsageError(f"{model.name} cannot be asked: {model.family.wordless}")
        tokens = 0 if words is None else len(state.readings.tokens(reading))
        if words is not None and not tokens:
            raise UsageError("no image token of this picture enters the prompt: there is nothing to ask about")
        model = state.full_model_for(reading, control.progress)
        return cls(model, state.vocabulary or TokenNamer.by(model.tokenizer), state.readings[reading], tokens, control)

    @property
    def file(self) -> StoredImage:
        """The picture's file."""
        assert self.kept.file is not None, "every reading has come from a file"
        return self.kept.file

    def answered(self, answer: str) -> CachedAnswer:
        """The reading's latest answer, which must be this one and hold something."""
        return latest_answer(self.kept, answer)

    def inputs(self, question: str | None, picture: RgbImage | None = None) -> Inputs:
        """What the model is given for a question about the picture, or about another one in its place."""
        prepared = self.model.prepare(picture or self.file.picture(), question, self.file.source)
        return self.model.prompted(prepared, self.tokens, question)

    @staticmethod
    def change(tokens: Tensor, by: Replacement) -> TokenReplacement:
        """Image tokens (int64 [n]) replaced behind the projector, by their mean or zero."""
        return TokenReplacement(tokens, by)

    def again(self, answered: CachedAnswer, inputs: Inputs, change: TokenReplacement | None = None) -> Answer:
        """The same question answered with other inputs or a change, told of as it is said; the answer before is kept,
        and this one is nobody's latest."""
        return self.answer(replace(_fresh(answered), inputs=inputs), change)

    def answer(self, answered: CachedAnswer, change: TokenReplacement | None = None) -> Answer:
        """Have the model speak, `answered.said` filled with every token as it is said and told of."""
        started = time.perf_counter()
        telling = _Telling(self.namer, answered, self.control)
        spoken = self.model.generator.generate(
            answered.inputs,
            telling,
            answered.saying,
            change,
            lambda done, total: self.control.progress("reading the question", done, total),
        )
        saying, ids = answered.saying, answered.inputs.input_ids
        assert ids is not None
        return Answer(
            id=answered.id,
            question=question_text(answered),
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

    def __init__(self, namer: TokenNamer, answered: CachedAnswer, control: RequestControl) -> None:
        self.tokens: list[AnswerToken] = []
        self._namer, self._answered, self._control = namer, answered, control

    def __call__(self, said: GeneratedToken) -> None:
        """One more token."""
        if self._control.should_stop():
            raise CancelledError("the question was withdrawn")
        named = self._namer.names(np.array([said.id]))
        special = said.id in named.special
        self.tokens.append(AnswerToken(said.id, named.pieces[said.id], named.texts[said.id], said.log_prob, special))
        self._answered.said.append(said)
        self._control.tell(m.AnswerProgress(self._answered.id, len(self.tokens), self.tokens[-1], self.text()))

    def text(self, whole: bool = False) -> str:
        """What was said so far; while it goes on, without the first bytes of a character that is not all there yet."""
        return answer_text(self._namer, [token.id for token in self.tokens], whole)


def latest_answer(kept: CachedReading, answer: str) -> CachedAnswer:
    """The latest answer about a reading; `ReadingGoneError` where that is not this one."""
    found = kept.answered
    if found is None or found.id != answer:
        raise ReadingGoneError("that answer is no longer kept, a newer one has taken its place: ask again")
    return found


def question_text(answered: CachedAnswer) -> str:
    """The question as it was put to the model."""
    return DEFAULT_PROMPT if answered.question is None else answered.question


def answer_text(namer: TokenNamer, ids: list[int], whole: bool = True) -> str:
    """The text of an answer's tokens, special ones left out; unless it is the `whole` of it without the first bytes of
    a character that is not all there."""
    text: str = namer.tokenizer.decode([i for i in ids if i not in namer.special], clean_up_tokenization_spaces=False)
    return (text if whole else text.rstrip(_CUT)).strip()


def _fresh(answered: CachedAnswer) -> CachedAnswer:
    """The same question, not yet answered."""
    return CachedAnswer("", answered.inputs, answered.question, answered.saying)
