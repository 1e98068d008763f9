"""`vlmtui ask`: the answer to a question about an image, streamed as text, or as JSON with attributions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import msgspec

from vlmtui.display.numbers import count
from vlmtui.display.pieces import plain
from vlmtui.errors import ReadingGoneError, UsageError
from vlmtui.images.image_file import ImageFile, read_source
from vlmtui.query.options import LoadOptions, ReadOptions, load_model, read_image
from vlmtui.reading import Reading
from vlmtui.reports.commands.attribution import (
    AnswerAttributions,
    AttributionOptions,
    ablation_lines,
    answer_object,
    attributions_object,
    check_attributions,
    compute_attributions,
)
from vlmtui.reports.formats import json
from vlmtui.reports.formats.json import Object
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.reports.output.target import Target, check_sources, check_target, target
from vlmtui.reports.per_image import SESSION_IS_BUSY
from vlmtui.results.answers import MAX_NEW_TOKENS, Answer, empty_note
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import connect
from vlmtui.session.protocol import AnswerProgress, Progress

SCHEMA = "vlmtui/answer/1"
FORMATS = ("text", "json")
_READ_AGAIN = 3


@dataclass(frozen=True)
class AskOptions:
    """A question about one image, how its answer is generated, and which attributions to compute."""

    image: str
    text: str
    max_new_tokens: int = MAX_NEW_TOKENS
    temperature: float | None = None
    seed: int = 0
    wanted: AttributionOptions = field(default_factory=AttributionOptions)


def check_format(format: str, wanted: AttributionOptions) -> None:
    """Raise `UsageError` for an unknown format, and for one that cannot show what is wanted."""
    if format not in FORMATS:
        raise UsageError(f"no answer format {format!r}: choose {', '.join(FORMATS)}")
    if wanted.only_numbers and format != "json":
        raise UsageError("--attention, --gradient and --occlude give numbers for every patch: add --format json")


def run_ask(
    question: AskOptions,
    load: LoadOptions,
    read: ReadOptions,
    format: str,
    output: str | None,
    quiet: bool,
    tell: Callable[[str], object] = lambda note: None,
) -> int:
    """Write the answer, text while it is generated; return the exit status. `tell` receives notes for the user.

    An interrupt ends the generation and the line being written.
    """
    if output is not None and output != "-":
        check_target(output)
        check_sources(output, (question.image,))
    source = read_source(question.image)
    progress = ProgressLine(quiet)
    client = connect(load.where, on_line=lambda sentence: progress(Progress(sentence)) if sentence else None)
    try:
        if client.note:
            tell(client.note)
        loading = load_model(client, load, progress, layers=True)
        read.decode(source)  # a bad image fails now, not after torch is imported
        loading.result()
        with target(output) as to:
            streamed = _Streamed(to, progress) if format == "text" else None
            reading, answer, grounds = _asked(client, source, question, read, progress, streamed)
            progress.clear()
            if format == "json":
                to.write(msgspec.json.encode(answer_report(reading, answer, grounds)).decode() + "\n")
            elif grounds.ablation is not None:
                for line in ablation_lines(answer, grounds.ablation):
                    to.write(line)
            to.flush()
    finally:
        client.close()
        progress.clear()
    if reading.prompt_note and not quiet:
        tell(reading.prompt_note)
    if not answer.finished and not quiet:
        tell(f"the answer was cut after {count(len(answer.tokens), 'token')}: raise --max-new-tokens for a longer one")
    return 0


def _asked(
    client: SessionClient,
    source: ImageFile,
    question: AskOptions,
    read: ReadOptions,
    progress: ProgressLine,
    streamed: _Streamed | None,
) -> tuple[Reading, Answer, AnswerAttributions]:
    for again in range(_READ_AGAIN):
        try:
            return _asked_once(client, source, question, read, progress, streamed)
        except ReadingGoneError as error:  # another client has used the session in between
            if again == _READ_AGAIN - 1 or (streamed and streamed.begun):
                raise ReadingGoneError(SESSION_IS_BUSY) from error
    raise AssertionError("the last attempt returns or raises")


def _asked_once(
    client: SessionClient,
    source: ImageFile,
    question: AskOptions,
    read: ReadOptions,
    progress: ProgressLine,
    streamed: _Streamed | None,
) -> tuple[Reading, Answer, AnswerAttributions]:
    def counted(said: AnswerProgress) -> None:
        progress(Progress("answering", said.number, question.max_new_tokens))

    reading = read_image(client, source, replace(read, prompt=question.text), progress).result()
    check_attributions(reading, question.wanted)
    asking: Future[Answer] = client.answer(
        reading.id,
        question.text,
        max_new_tokens=question.max_new_tokens,
        temperature=question.temperature,
        seed=question.seed,
        on_progress=progress,
        on_token=streamed.heard if streamed else counted,
    )
    try:
        answer = asking.result()
    except ReadingGoneError:  # asked again where nothing of the answer was written
        if streamed and streamed.begun:
            streamed.end()
        raise
    except BaseException:  # usually an interrupt: the session stops generating, and the line is ended here
        client.cancel(asking)
        if streamed:
            streamed.end()
        raise
    if streamed:
        streamed.end(answer.text, empty_note(answer.text, answer.tokens, answer.finished))
    return reading, answer, compute_attributions(client, reading, answer, question.wanted, progress)


class _Streamed:
    """Incremental writer of an answer while it is generated."""

    def __init__(self, to: Target, progress: ProgressLine) -> None:
        self._to, self._progress = to, progress
        self._lock = threading.Lock()
        self._written = 0
        self._ended = False

    @property
    def begun(self) -> bool:
        """Whether any text was written."""
        return self._written > 0

    def heard(self, update: AnswerProgress) -> None:
        """Write one more token; called in the thread that reads from the session."""
        with self._lock:
            self._write(update.text)

    def end(self, text: str | None = None, note: str = "") -> None:
        """Write the rest of the finished answer `text` and a note, and end the line; nothing is written afterwards."""
        with self._lock:
            if text is not None:
                self._write(text + note)
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
            self._ended = True  # the reader of the pipe has gone
            raise
        self._written = len(text)


def answer_report(reading: Reading, answer: Answer, attributions: AnswerAttributions) -> Object:
    """The JSON object of one answer: `vlmtui/answer/1`."""
    return {
        "schema": SCHEMA,
        **json.model_and_image(reading),
        "query": {
            "question": answer.question,
            "max_new_tokens": answer.max_new_tokens,
            "temperature": answer.temperature,
            "seed": None if answer.temperature is None else answer.seed,
        },
        "answer": answer_object(answer, attributions),
        **attributions_object(reading, attributions),
    }
