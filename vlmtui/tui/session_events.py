"""Session events: what every message of the session worker changes in the state of the explorer."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from textual.message import Message

from vlmtui.display.norm_statistics import not_finite_note
from vlmtui.display.numbers import count
from vlmtui.display.pieces import plain
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.lenses.noise_call import NOISE
from vlmtui.reading import LayerNorms, Reading, TokenWords
from vlmtui.results.answers import Ablation, Answer, Attention, AttentionMask
from vlmtui.tui import messages, navigation
from vlmtui.tui.initial_selection import choose_own_lens, initial_selection
from vlmtui.tui.notices import IMAGE, MODEL, READING, SESSION, Notices, matter_of
from vlmtui.tui.requests import Requests
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.explorer_state import ExplorerState
from vlmtui.tui.state.image_scores import take_image_level
from vlmtui.tui.state.lens_choice import LensChoice, name_of
from vlmtui.tui.state.stages import TOKENS, llm_depth
from vlmtui.tui.state.status import READY, Work
from vlmtui.tui.state.subject import (
    AHEAD,
    OF_IMAGE,
    AblateAnswer,
    AgreementLens,
    AttentionLens,
    GenerateAnswer,
    GradientLens,
    HeadLens,
    LayersLens,
    LayerWordsLens,
    LensRequest,
    NoiseLens,
    OcclusionLens,
    ResultKey,
    Subject,
    TextsLens,
    WordsLens,
)

SAID_OF: dict[type, str] = {
    WordsLens: "the words could not be found",
    LayerWordsLens: "the words could not be found",
    AgreementLens: "the metrics could not be compared",
    TextsLens: "texts cannot be matched with the image",
    HeadLens: "the image has no classes",
    LayersLens: "the language model's layers could not be read",
    NoiseLens: "the words of noise could not be found",
    GenerateAnswer: "no answer",
    AblateAnswer: "no answer",
}
"""What is said of a request that failed; of others it is said where their result would stand."""
TIMED: dict[type, str] = {
    WordsLens: "words",
    LayerWordsLens: "layers",
    AttentionLens: "attention",
    GradientLens: "gradient",
    OcclusionLens: "occlusion map",
    GenerateAnswer: "answer",
    AblateAnswer: "ablation",
}
"""What is timed, on the line of state."""
OF_ANSWERS = (GenerateAnswer, AblateAnswer, OcclusionLens)
"""What Escape stops, and says so."""


class SessionEvents:
    """Takes in messages; what they need to be asked for is the requests' matter, and to be shown the screen's."""

    def __init__(self, state: ExplorerState, requests: Requests, worker: SessionWorker, notify: Notices) -> None:
        self._state, self._requests, self._worker, self._notify = state, requests, worker, notify
        self._occluding: tuple[LensRequest, int, float] | None = None

    def handle(self, message: Message) -> None:
        """Take in a message."""
        match message:
            case messages.ModelLoaded(model):
                self._state.results.model = model
                self._state.status.trouble = ""
                self._worker.status()
            case messages.ImageRead(reading):
                self._read(reading)
            case messages.ImageOpened(source, picture):
                self._opened(source, picture)
            case messages.SessionProgressed():
                self._progressed(message)
            case messages.RequestAnswered(request, result):
                self._computed(request, result)
            case messages.RequestFailed(request, sentence):
                self._not_computed(request, sentence)
            case messages.TokenGenerated():
                self._token_generated(message)
            case messages.LensDescribed():
                self._described(message)
            case messages.SessionFailed():
                self._failed(message)
            case messages.StatusReported(status):
                self._state.status.reported = status
            case messages.SessionLost(reason, alive):
                self._lost(reason, alive)

    def idle(self) -> None:
        """Nothing that the person waits for is under way any more, unless something is."""
        waits = self._state.generation.under_way or self._requests.of_answer() or self._requests.has(LayersLens)
        if not waits:
            self._state.status.work = READY

    def _read(self, reading: Reading) -> None:
        state, results = self._state, self._state.results
        before, answered = navigation.with_spot(state.selection, results), state.generation.begun
        if results.reading and results.reading.model.name != reading.model.name and llm_depth(before.stage):
            # another model's layers may be gigabytes: they are read when somebody goes there
            before = navigation.at_stage(before, results, TOKENS)
        if results.reading is not None and results.reading.id != reading.id:
            self._worker.forget(results.reading.id)
        results.take(reading)
        self._requests.forget()
        self._notify.over(IMAGE, READING)
        state.connected, state.playing, state.status.trouble, state.status.work = True, False, "", READY
        state.status.seconds = ("read", sum(reading.timings.values()))
        for note in reading.image.notes:
            self._notify(note, timeout=8, about=(READING,))
        if note := not_finite_note(reading.norms, TOKENS):
            state.status.trouble = note
        if state.first:
            state.selection, wrong = initial_selection(state.selection, results, self._worker.options.query)
            for sentence in wrong:
                self._notify(sentence, severity="error", timeout=12, about=(READING,))
        else:
            state.selection = navigation.carry_over(replace(before, marks=frozenset()), results)
        if answered:
            again = "" if reading.model.embeddings is None else ": a asks again"
            said = f"the answer was about the reading before, and is gone{again}"
            self._notify(said, timeout=8, about=(READING, GenerateAnswer))
        state.first = False
        self._worker.status()

    def _opened(self, source: Any, picture: Any) -> None:
        state = self._state
        self._notify.over(IMAGE, READING)
        state.results = state.results.of_another(source, picture)
        state.selection = replace(state.selection, spot=None)
        state.connected = False
        self._worker.read(source)
        if self._worker.alive:
            state.status.work = Work("reading the image")

    def _progressed(self, message: messages.SessionProgressed) -> None:
        request, doing = message.request, message.doing
        if request is not None and isinstance(request.lens, LayersLens) and not self._requests.expects(request):
            return
        if request is not None and (request.subject.answer or isinstance(request.lens, OF_ANSWERS)):
            if not (self._state.generation.under_way or self._requests.of_answer()):
                return
            stops = self._state.generation.under_way or self._requests.has(OcclusionLens)
            doing = f"{doing} (Esc stops)" if stops else doing
        work = Work(doing, message.done, message.total)
        if request is not None and isinstance(request.lens, OcclusionLens):
            now = time.monotonic()
            if self._occluding is None or self._occluding[0] != request or message.done < self._occluding[1]:
                self._occluding = request, message.done, now
            _, before, began = self._occluding
            work = replace(work, of="block", before=before, seconds=now - began)
        self._state.status.work = work

    def _computed(self, request: LensRequest, result: Any) -> None:
        state, results = self._state, self._state.results
        expected = self._requests.expects(request)
        self._requests.done(request)
        if not results.belongs(request) or (isinstance(request.lens, LayersLens) and not expected):
            return
        self._notify.over(matter_of(request))
        if isinstance(result, LayerNorms | Answer) and results.reading and results.reading.prompt_note:
            self._notify(results.reading.prompt_note, severity="warning", timeout=12, about=(READING,))
        match result:
            case TokenWords():
                table = results.words_at(request.subject.stage, result.metric)
                if table is None:
                    return
                table.add(result)
            case Answer():
                if not state.generation.speaking:
                    return
                state.generation.end(result)
                self._worker.status()
            case Ablation():
                if state.generation.again is None or not expected:
                    return
                state.generation.again.ablation, state.generation.again.text = result, result.again.text
                self._worker.status()
            case _:
                results.keep(request.key, result)
                take_image_level(results, state.selection)
        of_stage = not request.subject.answer and request.subject.entry is None
        if (
            isinstance(result, LensResult)
            and of_stage
            and result.stage == state.selection.stage
            and NOISE not in result.call.given
        ):
            results.latest = result
        if isinstance(result, Attention):
            state.generation.latest = result
        self._timed(request, result)
        if isinstance(request.lens, LayersLens) or (request.subject == OF_IMAGE and request.key in results.found):
            self._worker.status()
        if not isinstance(request.lens, WordsLens | LayerWordsLens) and request.when != AHEAD:
            self.idle()

    def _timed(self, request: LensRequest, result: Any) -> None:
        looked_at = bool(request.subject.answer) or request.subject.stage == self._state.selection.stage
        if isinstance(result, LensResult) and looked_at:
            self._state.status.seconds = (plain(result.call.name or result.call.lens.shown), result.seconds)
        elif type(request.lens) in TIMED and not isinstance(result, AttentionMask):
            self._state.status.seconds = (TIMED[type(request.lens)], result.seconds)

    def _not_computed(self, request: LensRequest, sentence: str) -> None:
        state, results, lens = self._state, self._state.results, request.lens
        expected = self._requests.expects(request)
        self._requests.done(request)
        if not sentence or not results.belongs(request) or request.when == AHEAD:
            return
        match lens:
            case LayersLens():
                state.leave_layers()
            case GenerateAnswer() if state.generation.speaking:
                state.no_generation()
            case AblateAnswer() if expected:
                state.generation.again = None
            case GenerateAnswer() | AblateAnswer():
                return
            case _:
                results.refused[_refused_key(request)] = sentence
        said = SAID_OF.get(type(lens), "")
        if isinstance(lens, LensCall) and (own := self._own(lens.lens)) is not None:
            said = own.name if request.subject.answer or request.subject.stage == state.selection.stage else ""
        if said:
            mild = isinstance(lens, NoiseLens)
            severity, timeout = ("warning", 8) if mild else ("error", 12)
            about = READING, matter_of(request)
            self._notify.over(matter_of(request))
            self._notify(sentence, title=said, severity=severity, timeout=timeout, about=about)
        if not isinstance(lens, NoiseLens):
            self.idle()

    def _token_generated(self, message: messages.TokenGenerated) -> None:
        request, said, generation = message.request, message.said, self._state.generation
        if not self._state.results.belongs(request):
            return
        if isinstance(request.lens, GenerateAnswer) and generation.speaking:
            generation.say(said.number, said.token, said.text, said.answer)
            self._state.status.work = Work(f"answering (Esc stops): {count(said.number, 'token')}")
        elif (
            isinstance(request.lens, AblateAnswer) and generation.again is not None and self._requests.expects(request)
        ):
            generation.again.text = said.text

    def _described(self, message: messages.LensDescribed) -> None:
        results, name, described = self._state.results, name_of(message.source), message.described
        sentence = message.sentence or (described.trouble if described is not None else "")
        self._notify.over(message.source)
        if described is None or sentence:
            results.unusable[name] = sentence
            self._notify(sentence, title=name, severity="error", timeout=12, about=(message.source,))
            return
        before = results.lenses.get(name)
        if before is not None and (before.source, before.described) == (message.source, described):
            return  # of a session that was started again
        query = self._worker.options.query
        given = query.lens.options if query.lens is not None else ()
        results.unusable.pop(name, None)
        results.lenses[name] = lens = LensChoice(name, message.source, described, given=given)
        self._state.ask_stopped_again()
        self._state.selection = choose_own_lens(self._state.selection, results, name)
        if lens.of_answers:
            self._notify("is for answers: a asks the model a question", title=name, timeout=8, about=(GenerateAnswer,))

    def _failed(self, message: messages.SessionFailed) -> None:
        status = self._state.status
        status.work = READY
        status.trouble = message.sentence if self._state.results.reading is None else ""
        about = MODEL if message.of_model else IMAGE
        self._notify.over(about)
        self._notify(message.sentence, title=message.what, severity="error", timeout=12, about=(about,))

    def _lost(self, reason: str, alive: bool) -> None:
        """Nothing more is asked of the session until the image is read again."""
        state = self._state
        self._notify.over(SESSION)
        if not alive:
            state.status.work, state.status.reported = READY, None
        key = "r reads the image again" if alive else "R restarts it"
        state.connected = state.playing = False
        state.results.followed = None
        state.results.waiting = key if alive else f"the model session is gone: {key}"
        state.status.trouble = f"{key}: {reason}"
        if self._requests.has(LayersLens):
            state.status.work = READY
        self._requests.forget()
        state.generation.stop()
        state.leave_layers()

    def _own(self, source: LensSource) -> LensChoice | None:
        """The person's own lens of this source."""
        return next((one for one in self._state.results.lenses.values() if one.source == source), None)


def _refused_key(request: LensRequest) -> ResultKey:
    """What a lens refuses of one entry of a stage it refuses of all."""
    if isinstance(request.lens, LensCall) and not request.subject.answer:
        return Subject(request.subject.stage), request.lens
    return request.key
