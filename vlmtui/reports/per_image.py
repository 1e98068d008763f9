"""Pictures looked at one after the other in a session; one that fails is named, and the rest go on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from vlmtui.errors import ReadingGoneError, SessionError, VlmtuiError
from vlmtui.image import ImageFile, decode, encodable_name, read_source
from vlmtui.reading import ModelInfo

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient

_LOOK_AGAIN = 3

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class ImageFailure:
    """A picture of which nothing can be reported, and why."""

    source: str
    error: VlmtuiError

    @property
    def name(self) -> str:
        """Its source, as a text that can be written."""
        return encodable_name(self.source)

    @property
    def why(self) -> str:
        """The error's sentence, as a text that can be written."""
        return encodable_name(str(self.error))


class ImageTask(Protocol[T_co]):
    """What is done with the pictures."""

    @property
    def max_pixels(self) -> int:
        """Larger pictures are refused."""

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        """Have a session begin to load the model."""

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        """The model is held. What is raised here concerns all pictures, and ends it."""

    def look(self, client: SessionClient, source: ImageFile, index: int) -> T_co:
        """Look at the picture that was named as the `index`-th, from 0."""

    def done(self, client: SessionClient) -> None:
        """All pictures were looked at, or have failed; the session is still there."""


def run_per_image(
    sources: tuple[str, ...], task: ImageTask[T_co], start: Callable[[], SessionClient]
) -> Generator[T_co | ImageFailure, None, None]:
    """What `task` makes of every picture.

    `start` is called when there is a first picture worth a session, which is closed at the end, however that comes.
    Raises what concerns all pictures: a model that cannot be loaded, no session to be had.
    """
    client: SessionClient | None = None
    is_loaded = False
    try:
        for index, name in enumerate(sources):
            try:
                source = read_source(name)
                if client is None:
                    client = start()
                    loading = task.load(client)
                if not is_loaded:
                    # the session is busy with torch and the model meanwhile: a bad picture need not wait for them
                    decode(source.data, source.source, task.max_pixels)
            except VlmtuiError as error:
                if isinstance(error, SessionError):
                    raise
                yield ImageFailure(name, error)
                continue
            if not is_loaded:
                task.ready(client, loading.result())
                is_loaded = True
            try:
                result = run_task(task, client, source, index)
            except VlmtuiError as error:
                if isinstance(error, SessionError):
                    # this picture was its end (memory, most often); the next one may do with a new one
                    client.close()
                    client, is_loaded = None, False
                yield ImageFailure(name, error)
            else:
                yield result
        if client is not None and is_loaded:
            task.done(client)
    finally:
        if client is not None:
            client.close()


def run_task(task: ImageTask[T_co], client: SessionClient, source: ImageFile, index: int) -> T_co:
    """What `task` makes of one picture, with a session that others may use in between."""
    for _ in range(_LOOK_AGAIN):
        try:
            return task.look(client, source, index)
        except ReadingGoneError:
            continue  # another front end has used the session in between
    return task.look(client, source, index)
