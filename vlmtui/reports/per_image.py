"""Per-image loop: images processed one after the other in a session; a failed one is reported, and the rest go on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from vlmtui.errors import ReadingGoneError, SessionError, VlmtuiError
from vlmtui.images.image_file import ImageFile, read_source, shown_name
from vlmtui.query.options import ReadOptions
from vlmtui.reading import ModelInfo

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient

_LOOK_AGAIN = 3
SESSION_IS_BUSY = (
    "another client loads other weights in the warm session again and again: wait for it, or add --no-warm"
)
"""What to do where a session that is shared forgets an image before it has been asked about."""

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class ImageFailure:
    """An image that could not be processed, and the error."""

    source: str
    error: VlmtuiError

    @property
    def name(self) -> str:
        """Its source, escaped for display."""
        return shown_name(self.source)

    @property
    def why(self) -> str:
        """The error message, escaped for display."""
        return shown_name(str(self.error))


class ImageTask(Protocol[T_co]):
    """Work to be done for each image."""

    @property
    def read(self) -> ReadOptions:
        """How the images are read."""

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        """Have a session begin to load the model."""

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        """Prepare once the model is loaded; an error raised here concerns all images and ends the loop."""

    def look(self, client: SessionClient, source: ImageFile, index: int) -> T_co:
        """Process the image named in position `index`, from 0."""

    def done(self, client: SessionClient) -> None:
        """Finish after all images have been processed or have failed, while the session is still open."""


def run_per_image(
    sources: tuple[str, ...], task: ImageTask[T_co], start: Callable[[], SessionClient]
) -> Generator[T_co | ImageFailure, None, None]:
    """Process every image; yield its result, or its failure.

    `start` is called once the file of a first image has been read; the session is closed at the end in any case. Raises
    errors that concern all images: a model that cannot be loaded, no session.
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
                    # the session is busy loading torch and the model: a bad image is reported without waiting for that
                    task.read.decode(source)
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
                    # the session ended on this image (usually out of memory); the next image may succeed in a new one
                    client.close()
                    client, is_loaded = None, False
                yield ImageFailure(name, error)
            else:
                client.forget_all()
                yield result
        if client is not None and is_loaded:
            task.done(client)
    finally:
        if client is not None:
            client.close()


def run_task(task: ImageTask[T_co], client: SessionClient, source: ImageFile, index: int) -> T_co:
    """Process one image, retried where another client has replaced its reading in the session."""
    for again in range(_LOOK_AGAIN + 1):
        try:
            return task.look(client, source, index)
        except ReadingGoneError as error:  # another client has used the session in between
            if again == _LOOK_AGAIN:
                raise ReadingGoneError(SESSION_IS_BUSY) from error
    raise AssertionError("the last attempt returns or raises")
