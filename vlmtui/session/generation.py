"""Generation of the model's own answers to questions about a reading's image, also with inputs replaced."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from vlmtui.errors import CancelledError, ReadingGoneError, UsageError
from vlmtui.images.decoding import RgbImage
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
"""What a tokenizer decodes the first bytes of an incomplete character to."""


def generate(state: ModelState, request: m.Generate, control: RequestControl) -> m.Generated:
    """Generate an answer, with a note for every token. One that is withdrawn is kept, as far as it came."""
    generator = AnswerGenerator.with_prompt(state, request.reading, control)
    question = request.question if request.question and request.question.strip() else None
    control.progress("preparing the prompt")
    saying = GenerationOptions(request.max_new_tokens, request.temperature, request.seed)
    answered = CachedAnswer(f"answer-{state.next_number()}", generator.inputs(question), question, saying)
    state.readings.keep_answer(generator.kept, answered)
    return m.Generated(request.reading, generator.answer(answered))


@dataclass(frozen=True)
class AnswerGenerator:
    """The model with all of its layers, and a reading that is still kept, ready to generate answers about it.

    `tokens` is how many image tokens the prompt has: 0 for a model that attends to images by cross-attention.
    """

    model: VisionLanguageModel
    namer: TokenNamer
    kept: CachedReading
    tokens: int
    control: RequestControl

    @classmethod
    def with_image_tokens(cls, state: ModelState, reading: str, control: RequestControl) -> AnswerGenerator:
        """Load the layers where necessary; `UsageError` for a model without image tokens in its prompt."""
        model = state.model
        if state.vocabulary is None:
            raise UsageError(f"{model.name} cannot answer about its image tokens: {model.family.wordless}")
        return cls.with_prompt(state, reading, control)

    @classmethod
    def with_prompt(cls, state: ModelState, reading: str, control: RequestControl) -> AnswerGenerator:
        """Like `with_image_tokens`, also for a model that attends to images by cross-attention."""
        model, words = state.model, state.vocabulary
        if model.info.embeddings is None:
            raise UsageError(
                f"{model.name} cannot answer questions: {model.family.wordless}; choose another, such as demo"
            )
        tokens = 0 if words is None else len(state.readings.tokens(reading))
        if words is not None and not tokens:
            raise UsageError("no image token of this image enters the prompt: there is nothing to ask about")
        model = state.full_model_for(reading, control.progress)
        return cls(model, state.vocabulary or TokenNamer.by(model.tokenizer), state.readings[reading], tokens, control)

    @property
    def file(self) -> StoredImage:
        """The image file of the reading."""
        assert self.kept.file is not None, "every image was loaded from a file"
        return self.kept.file

    def answered(self, answer: str) -> CachedAnswer:
        """The reading's latest answer; `ReadingGoneError` where that is another one."""
        return latest_answer(self.kept, answer)

    def inputs(self, question: str | None, picture: RgbImage | None = None) -> Inputs:
        """The model's inputs for a question about the image, or about another image in its place."""
        prepared = self.model.prepare(picture or self.file.picture(), question, self.file.source)
        return self.model.prompted(prepared, self.tokens, question)

    @staticmethod
    def change(tokens: Tensor, by: Replacement) -> TokenReplacement:
        """A replacement of image tokens (int64 [n]) after the projector, by their mean or by zeros."""
        return TokenReplacement(tokens, by)

    def again(self, answered: CachedAnswer, inputs: Inputs, change: TokenReplacement | None = None) -> Answer:
        """The answer to the same question with other inputs or tokens replaced, with a note for every token.

        The answer before stays the reading's latest.
        """
        return self.answer(replace(_fresh(answered), inputs=inputs), change)

    def answer(self, answered: CachedAnswer, change: TokenReplacement | None = None) -> Answer:
        """Generate an answer; every token is added to `answered.said` and has a note."""
        started = time.perf_counter()
        stream = _TokenStream(self.namer, answered, self.control)
        spoken = self.model.generator.generate(
            answered.inputs,
            stream,
            answered.saying,
            change,
            lambda done, total: self.control.progress("processing the prompt", done, total),
        )
        saying, ids = answered.saying, answered.inputs.input_ids
        assert ids is not None
        return Answer(
            id=answered.id,
            question=question_text(answered),
            text=stream.text(whole=True),
            tokens=tuple(stream.tokens),
            finished=spoken.finished,
            positions=int(ids.shape[1]),
            max_new_tokens=saying.max_new_tokens,
            temperature=saying.temperature,
            seed=saying.seed,
            seconds=time.perf_counter() - started,
        )


class _TokenStream:
    """Names tokens as they are generated, and sends a note of each; ends the answer where nobody waits any more."""

    def __init__(self, namer: TokenNamer, answered: CachedAnswer, control: RequestControl) -> None:
        self.tokens: list[AnswerToken] = []
        self._namer, self._answered, self._control = namer, answered, control

    def __call__(self, token: GeneratedToken) -> None:
        """Add a token."""
        if self._control.should_stop():
            raise CancelledError("the request was cancelled")
        named = self._namer.names(np.array([token.id]))
        special = token.id in named.special
        self.tokens.append(
            AnswerToken(token.id, named.pieces[token.id], named.texts[token.id], token.log_prob, special)
        )
        self._answered.said.append(token)
        self._control.tell(m.AnswerProgress(self._answered.id, len(self.tokens), self.tokens[-1], self.text()))

    def text(self, whole: bool = False) -> str:
        """The text so far; unless it is the `whole` answer, without an incomplete character at its end."""
        return answer_text(self._namer, [token.id for token in self.tokens], whole)


def latest_answer(kept: CachedReading, answer: str) -> CachedAnswer:
    """The latest answer about a reading; `ReadingGoneError` where its id is another one, `UsageError` for none."""
    if not answer:
        raise UsageError("this is about an answer: give answer=…, from reading.ask(…)")
    found = kept.answered
    if found is None or found.id != answer:
        raise ReadingGoneError("that answer is no longer in memory, a newer one replaced it: ask again")
    return found


def question_text(answered: CachedAnswer) -> str:
    """The question that the model was asked."""
    return DEFAULT_PROMPT if answered.question is None else answered.question


def answer_text(namer: TokenNamer, ids: list[int], whole: bool = True) -> str:
    """The text of an answer's tokens without special ones; without an incomplete character at the end, unless they are
    the `whole` answer."""
    text: str = namer.tokenizer.decode([i for i in ids if i not in namer.special], clean_up_tokenization_spaces=False)
    return (text if whole else text.rstrip(_CUT)).strip()


def _fresh(answered: CachedAnswer) -> CachedAnswer:
    """The same question without an answer."""
    return CachedAnswer("", answered.inputs, answered.question, answered.saying)
