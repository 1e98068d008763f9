"""Messages of the session worker: what can happen to the explorer from outside its keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image
from textual.message import Message

from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.description import LensDescription
from vlmtui.lenses.lens_source import LensSource
from vlmtui.reading import ModelInfo, Reading
from vlmtui.session.protocol import AnswerProgress, Status
from vlmtui.tui.state.subject import LensRequest


@dataclass
class ImageOpened(Message):
    """Another image was fetched and decoded."""

    source: ImageFile
    picture: Image.Image


@dataclass
class ModelLoaded(Message):
    """The session holds a model."""

    model: ModelInfo


@dataclass
class ImageRead(Message):
    """The model has read the image."""

    reading: Reading


@dataclass
class SessionProgressed(Message):
    """What the session does, and how far it has come; of a request, or of loading and reading."""

    doing: str
    done: int = 0
    total: int = 0
    request: LensRequest | None = None

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress of a matter counts."""
        return isinstance(message, SessionProgressed) and message.request == self.request


@dataclass
class RequestAnswered(Message):
    """The answer to a request."""

    request: LensRequest
    result: Any


@dataclass
class RequestFailed(Message):
    """A request failed, with a sentence for the person; without one it gave way to another."""

    request: LensRequest
    sentence: str = ""


@dataclass
class TokenGenerated(Message):
    """One more token of an answer."""

    request: LensRequest
    said: AnswerProgress


@dataclass
class LensDescribed(Message):
    """What a lens that is not built in is; None and a sentence where it cannot be used."""

    source: LensSource
    described: LensDescription | None
    sentence: str = ""


@dataclass
class SessionFailed(Message):
    """Something could not be done; the sentence is for the person.

    `error` is given where that leaves nothing to show: the first model could not be loaded. It is the model that could
    not be loaded where that is `of_model`, and else the image.
    """

    what: str
    sentence: str
    error: Exception | None = None
    of_model: bool = False


@dataclass
class StatusReported(Message):
    """What the session holds."""

    status: Status


@dataclass
class SessionLost(Message):
    """The session is gone; or, where it is `alive`, it keeps the reading no longer."""

    reason: str
    alive: bool = False
