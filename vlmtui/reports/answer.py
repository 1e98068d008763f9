"""`vlmtui ask`: a question about a picture, its answer as it is said, or as JSON with what it looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import msgspec

from vlmtui.answers import MAX_NEW_TOKENS, Answer, AnswerToken, Attention
from vlmtui.display.pieces import plain
from vlmtui.errors import ReadingGoneError, UsageError
from vlmtui.image import SourceBytes, decode, read_source
from vlmtui.reading import Reading
from vlmtui.reports import json
from vlmtui.reports.json import Object
from vlmtui.reports.output import Target, check_target, target
from vlmtui.reports.progress import ProgressLine
from vlmtui.reports.source import Query
from vlmtui.session.client import SessionClient
from vlmtui.session.messages import Progress, Said
from vlmtui.session.opening import connect

SCHEMA = "vlmtui/answer/1"
FORMATS = ("text", "json")
_READ_AGAIN = 3


@dataclass(frozen=True)
class Question:
    """What is asked of one picture, and how it is to be answered; with `attention` where the answer looked, too."""

    image: str
    text: str
    max_new_tokens: int = MAX_NEW_TOKENS
    temperature: float | None = None
    seed: int = 0
    attention: bool = False


def run_ask(
    question: Question,
    query: Query,
    format: str,
    output: str | None,
    quiet: bool,
    tell: Callable[[str], object] = lambda note: None,
) -> int:
    """Write the answer, as text while it is said; the exit status. `tell` is told what else a person should know.

    An interrupt ends the answer, and the line that it had begun.
    """
    if format not in FORMATS:
        raise UsageError(f"no answer format {format!r}: choose {', '.join(FORMATS)}")
    if question.attention and format != "json":
        raise UsageError("--attention is numbers for every patch and token: add --format json")
    if output is not None and output != "-":
        check_target(output)
    source = read_source(question.image)
    progress = ProgressLine(quiet)
    client = connect(query.where, on_line=lambda sentence: progress(Progress(sentence)) if sentence else None)
    try:
        if client.note:
            tell(client.note)
        loading = client.load(
            query.model,
            revision=query.revision,
            processor=query.processor,
            device=query.device,
            dtype=query.dtype,
            layers=True,
            on_progress=progress,
        )
        decode(source.data, source.source, query.max_pixels)  # said at once, not when torch is imported
        loading.result()
        with target(output) as to:
            streamed = _Streamed(to, progress) if format == "text" else None
            reading, answer, attention = _asked(client, source, question, query, progress, streamed)
            progress.clear()
            if format == "json":
                to.write(msgspec.json.encode(report(reading, answer, attention)).decode() + "\n")
            to.flush()
    finally:
        client.close()
        progress.clear()
    if not answer.finished and not quiet:
        tell(f"the answer was cut after {len(answer.tokens)} tokens: --max-new-tokens allows for more")
    return 0


def _asked(
    client: SessionClient,
    source: SourceBytes,
    question: Question,
    query: Query,
    progress: ProgressLine,
    streamed: _Streamed | None,
) -> tuple[Reading, Answer, Attention | None]:
    for again in range(_READ_AGAIN):
        try:
            return _asked_once(client, source, question, query, progress, streamed)
        except ReadingGoneError:  # another front end has used the session in between
            if again == _READ_AGAIN - 1 or (streamed and streamed.begun):
                raise
    raise AssertionError("the last attempt returns or raises")


def _asked_once(
    client: SessionClient,
    source: SourceBytes,
    question: Question,
    query: Query,
    progress: ProgressLine,
    streamed: _Streamed | None,
) -> tuple[Reading, Answer, Attention | None]:
    def counted(said: Said) -> None:
        progress(Progress("answering", said.number, question.max_new_tokens))

    reading = client.read(source, max_pixels=query.max_pixels, prompt=question.text, on_progress=progress).result()
    asking: Future[Answer] = client.answer(
        reading.id,
        question.text,
        max_new_tokens=question.max_new_tokens,
        temperature=question.temperature,
        seed=question.seed,
        on_progress=progress,
        on_said=streamed.heard if streamed else counted,
    )
    try:
        answer = asking.result()
    except BaseException:  # an interrupt, most often: the session ends the answer, and this the line
        client.cancel(asking)
        if streamed:
            streamed.end()
        raise
    if streamed:
        streamed.end(answer.text)
    attention = client.attention(reading.id, answer.id, on_progress=progress).result() if question.attention else None
    return reading, answer, attention


class _Streamed:
    """Writes an answer as it is said, each time what is new of it."""

    def __init__(self, to: Target, progress: ProgressLine) -> None:
        self._to, self._progress = to, progress
        self._lock = threading.Lock()
        self._written = 0
        self._ended = False

    @property
    def begun(self) -> bool:
        """Whether anything was written."""
        return self._written > 0

    def heard(self, said: Said) -> None:
        """One more token; called in the thread that hears the session."""
        with self._lock:
            self._write(said.text)

    def end(self, text: str | None = None) -> None:
        """The rest of the answer `text`, where it came to its end, and that of the line; nothing is written after."""
        with self._lock:
            if text is not None:
                self._write(text)
            if not self._ended and (self.begun or text is not None):
                self._to.write("\n")
                self._to.flush()
            self._ended = True

    def _write(self, text: str) -> None:
        new = text[self._written :]
        if self._ended or not new:
            return
        self._progress.clear()
        try:
            self._to.write("".join(c if c in "\n\t" else plain(c) for c in new))
            self._to.flush()
        except BaseException:
            self._ended = True  # whoever read it has gone
            raise
        self._written = len(text)


def report(reading: Reading, answer: Answer, attention: Attention | None) -> Object:
    """The object of one answer: `vlmtui/answer/1`."""
    return {
        "schema": SCHEMA,
        **json.about(reading),
        "query": {
            "question": answer.question,
            "max_new_tokens": answer.max_new_tokens,
            "temperature": answer.temperature,
            "seed": None if answer.temperature is None else answer.seed,
        },
        "answer": {
            "text": answer.text,
            "finished": answer.finished,
            "log_prob": answer.log_prob,
            "tokens": [_said(token, row, attention) for row, token in enumerate(answer.tokens)],
        },
        **({} if attention is None else _looked(reading, attention)),
    }


def _said(token: AnswerToken, row: int, attention: Attention | None) -> Object:
    said = {name: getattr(token, name) for name in ("id", "piece", "text", "log_prob", "special")}
    return said if attention is None else said | {"attention": attention.weights[row].tolist()}


def _looked(reading: Reading, attention: Attention) -> Object:
    """What the numbers under `attention` of each token of the answer belong to, in their order."""
    places = zip(reading.places, attention.sinks.tolist(), strict=True)
    sunk = [{"position": sink.position, "piece": sink.piece, "share": sink.share} for sink in attention.sunk]
    return {
        "attention": {
            "over": "layers and heads, averaged",
            "layers": attention.layers,
            "heads": attention.heads,
            "sink_rule": attention.rule,
            "sinks": sunk,
        },
        "tokens": [json.placed(place) | {"sink": sink} for place, sink in places],
    }
