"""Preprocessing of images in threads, while the model runs on others; they are taken in their order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from vlmtui.errors import CancelledError
from vlmtui.images.decoding import RgbImage, decode
from vlmtui.images.image_file import ImageFile
from vlmtui.images.levels import Levels
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.vision.batching import batch_key, input_bytes
from vlmtui.models.vlm import LARGE, VisionLanguageModel
from vlmtui.reading import ImageInfo
from vlmtui.session.protocol import Read, ReadMany

HELD_BYTES = 32 << 20
"""Bytes of preprocessed images that may wait for the model; beyond, only the next one is preprocessed."""
_MOST_THREADS = 4
_CHECK_S = 0.1


@dataclass(frozen=True)
class PreprocessedImage:
    """The `index`-th image as the processor returns it; `alike` is the key from `batching.alike`."""

    index: int
    image: ImageInfo
    inputs: Inputs
    pixel_norms: Tensor
    alike: str

    @property
    def size(self) -> int:
        """The size of its inputs in bytes."""
        return input_bytes(self.inputs)


class ImagePreprocessing:
    """The images of one question, preprocessed from now on, until all have been taken or it is closed."""

    def __init__(self, model: VisionLanguageModel, question: ReadMany, budget: int = HELD_BYTES) -> None:
        self.question = question
        self._model = model
        self._gate = _Gate(budget)
        # one core is left to the model, which may have to wait
        threads = min(_MOST_THREADS, max(1, (os.cpu_count() or 1) - 1))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="preprocessing")
        self._waiting = deque(self._pool.submit(self._preprocess, index) for index in range(len(question.pictures)))

    def each(self, check: Callable[[], object]) -> Iterator[PreprocessedImage | tuple[int, Exception]]:
        """Every image in its order, or its index and why it failed. `check` may raise to end it."""
        for index in range(len(self._waiting)):
            future = self._waiting.popleft()  # what was taken is not kept here
            error = _error(future, check)
            self._gate.take(0 if error else future.result().size)
            if error is None:
                yield future.result()
            elif isinstance(error, Exception):
                yield index, error
            else:
                raise error
            del future

    def close(self, wait: bool = True) -> None:
        """Discard the images that have not been taken; those that are being preprocessed may be waited for."""
        self._gate.close()
        self._pool.shutdown(wait, cancel_futures=True)

    def _preprocess(self, index: int) -> PreprocessedImage:
        self._gate.enter(index)
        model, question = self._model, self.question
        sent = question.pictures[index]
        picture, info = decoded(sent, question.max_pixels, question.levels)
        inputs = model.prepare(picture, question.prompt, sent.source)
        del picture
        model.measure(info, inputs)
        image = PreprocessedImage(
            index, info, inputs, model.patch_embedding.norms(inputs), batch_key(model.family, inputs)
        )
        self._gate.put(image.size)
        return image


def decoded(sent: ImageFile | Read, max_pixels: int, levels: Levels) -> tuple[Image.Image | RgbImage, ImageInfo]:
    """An upright RGB image as processors take it, and what is known of it. Of its pixels nothing else is held.

    A large one stays an array: processors make one of what they are given, which is 4 bytes a pixel more.
    """
    picture = decode(sent.data, sent.source, max_pixels, levels)
    info = ImageInfo(sent.source, sent.sha256, picture.width, picture.height, picture.notes)
    return (Image.fromarray(picture.rgb) if picture.width * picture.height <= LARGE else picture), info


class PreprocessingAhead:
    """The preprocessing of the images that the next question will probably be about, begun before it is asked."""

    def __init__(self) -> None:
        self._begun: ImagePreprocessing | None = None

    def begin(self, model: VisionLanguageModel, question: ReadMany) -> None:
        """Begin with the images of what is probably the next question; any other question ends that."""
        self.discard()
        self._begun = ImagePreprocessing(model, question)

    def take(self, model: VisionLanguageModel, question: ReadMany) -> ImagePreprocessing:
        """The images of a question, as far as they have been begun with, or begun with now."""
        begun, self._begun = self._begun, None
        return begun or ImagePreprocessing(model, question)

    def discard_unless(self, question: object) -> None:
        """Discard what was begun, unless it is for this question."""
        if self._begun is not None and self._begun.question is not question:
            self.discard()

    def discard(self, wait: bool = True) -> None:
        """Discard what was begun; images that are being preprocessed may be waited for."""
        if self._begun is not None:
            self._begun.close(wait)
            self._begun = None


def _error(future: Future[PreprocessedImage], check: Callable[[], object]) -> BaseException | None:
    """The error of an image, None for success; waits until it is ready."""
    while True:
        try:
            return future.exception(_CHECK_S)
        except NotDone:
            check()


class _Gate:
    """Lets threads begin an image while those that wait do not take too many bytes, and always the next one."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._changed = threading.Condition()
        self._held = 0
        self._next = 0
        self._closed = False

    def enter(self, index: int) -> None:
        """Wait until an image may be preprocessed; `CancelledError` where the gate has been closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._held < self._budget or index <= self._next)
            if self._closed:
                raise CancelledError("the request was cancelled")

    def put(self, size: int) -> None:
        """Count an image of so many bytes that waits."""
        with self._changed:
            self._held += size

    def take(self, size: int) -> None:
        """Count the next image as taken; `size` is its bytes, 0 for one that failed."""
        with self._changed:
            self._held -= size
            self._next += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let no image pass any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
