"""What the model's own answers bring to the explorer: posted by the conversation with the session.

`number` counts the questions put to the model, so that what comes late of one before is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from vlmtui.results.answers import Ablation, Answer
from vlmtui.session.protocol import AnswerProgress
from vlmtui.tui.state.generation import Found, Wanted


@dataclass
class AnswerProgressed(Message):
    """How far an answer, or what was asked about it, has come."""

    doing: str
    done: int = 0
    total: int = 0

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, AnswerProgressed)


@dataclass
class TokenSaid(Message):
    """One more token was said, of an answer or of the one without some patches."""

    number: int
    said: AnswerProgress


@dataclass
class AnswerGiven(Message):
    """The whole answer."""

    number: int
    answer: Answer


@dataclass
class AblationArrived(Message):
    """The question was asked again without some image tokens."""

    number: int
    ablation: Ablation


@dataclass
class AnswerFailed(Message):
    """There is no answer; the sentence is for the person."""

    number: int
    sentence: str


@dataclass
class FindingArrived(Message):
    """What was asked about an answer (the `number`-th question; of none the mask alone)."""

    number: int
    wanted: Wanted
    found: Found


@dataclass
class FindingFailed(Message):
    """It could not be had; the sentence is for the person."""

    number: int
    wanted: Wanted
    sentence: str
