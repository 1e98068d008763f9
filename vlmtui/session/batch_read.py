"""Batch read: images read together, with an outcome for each.

They are preprocessed in threads; images with inputs of the same shapes go through the tower in one pass, and the words
of all tokens of several passes are found in one search of the vocabulary. Which images go together depends only on
their order and their shapes. The memory in use is bounded, however many images there are.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vlmtui.errors import CancelledError, UsageError, VlmtuiError
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.logit_lens import logit_lens
from vlmtui.lenses.kernels.word_finder import NearestWords
from vlmtui.memory import return_freed_memory
from vlmtui.metrics import WordOrder, check_ridge
from vlmtui.models.geometry.layout import Layout
from vlmtui.models.loading.chat_templates import PromptText
from vlmtui.models.vision.batching import images_a_pass
from vlmtui.models.vlm import EncodedImage
from vlmtui.reading import (
    ImageInfo,
    LayerNorms,
    TokenWords,
    check_stage,
    llm_layer,
    of_layers,
    of_patches,
    vision_layer,
)
from vlmtui.session import protocol as m
from vlmtui.session import wire
from vlmtui.session.activations import ActivationCache, CachedReading
from vlmtui.session.decoder_pass import DecoderPass
from vlmtui.session.image_read import as_reading, positions_of, token_lengths
from vlmtui.session.model_state import ModelState
from vlmtui.session.preprocessing import PreprocessedImage
from vlmtui.session.request_control import RequestControl
from vlmtui.session.vocabulary_index import TokenNames

GROUPS_BYTES = 256 << 20
"""Bytes of preprocessed images that wait for others of the same shapes."""
TOKENS_BYTES = 256 << 20
"""Bytes of image tokens that wait for the search of their words."""
TOKENS_A_SEARCH = 2048
"""Image tokens that wait for the search of their words: enough for a search to cost as little for each as it can."""
_ANSWER_BYTES = wire.MAX_FRAME // 2
"""Bytes that the words of an answer may take."""


def read_many(state: ModelState, request: m.ReadMany, control: RequestControl) -> m.ReadManyDone:
    """The outcome of every image; raises an error that concerns all of them."""
    check_stage(request.stage, state.model.info, pixels=True)
    if request.projected or not of_patches(request.stage):
        state.word_search(request.k)
        check_ridge(request.ridge)
    if of_layers(request.stage):
        state.full_model(control.progress)
    return m.ReadManyDone(_BatchRead(state, request, control).outcomes())


@dataclass(frozen=True)
class _ReadImage:
    """The `index`-th image after the tower, without its inputs.

    `vectors` [tokens, hidden] are those whose words are still to be found.
    """

    index: int
    image: ImageInfo
    pixel_norms: Tensor
    layout: Layout
    encoded: EncodedImage
    prompt: PromptText | None
    position_ids: Tensor | None
    vectors: Tensor | None = None
    layers: LayerNorms | None = None
    words: TokenWords | None = None


class _BatchRead:
    """A batch read in progress."""

    def __init__(self, state: ModelState, request: m.ReadMany, control: RequestControl) -> None:
        self._state, self._request, self._control = state, request, control
        self._model, self._index = state.model, state.vocabulary
        self._outcomes: list[m.Outcome | None] = [None] * len(request.pictures)
        self._layouts: dict[tuple[int, int, str], Layout] = {}
        self._words = 0
        self._done = 0

    def outcomes(self) -> tuple[m.Outcome, ...]:
        """The outcome of every image, in their order."""
        waiting: list[_ReadImage] = []
        with closing(self._preprocessed()) as images:
            for group in encoding_groups(images, self._at_a_time):
                self._control.check()
                waiting += self._encode(group)
                del group  # release its tensors before the next one is made
                if _enough(waiting):
                    self._finish(waiting)
                    waiting = []
        self._finish(waiting)
        outcomes = tuple(one for one in self._outcomes if one is not None)
        assert len(outcomes) == len(self._request.pictures)
        return outcomes

    def _preprocessed(self) -> Generator[PreprocessedImage, None, None]:
        """The preprocessed images in their order; failures go to the outcomes."""
        self._progress()
        with closing(self._state.ahead.take(self._model, self._request)) as preparing:
            for one in preparing.each(self._progress):
                if isinstance(one, PreprocessedImage):
                    yield one
                else:
                    self._fail(*one)
        following = self._control.following()
        if isinstance(following, m.ReadMany):  # while the model runs on the last of these
            self._state.ahead.begin(self._model, following)

    def _at_a_time(self, one: PreprocessedImage) -> int:
        model = self._model
        return images_a_pass(model.family, one.inputs, model.info.vision_hidden, model.device, model.itemsize)

    def _encode(self, group: list[PreprocessedImage]) -> list[_ReadImage]:
        """Send a group through the tower, in one pass where possible; without the images that fail."""
        encoded: list[EncodedImage] = []
        with self._catch(group[0].index if len(group) == 1 else None):
            encoded = self._model.encode_together([one.inputs for one in group], self._progress)
        if not encoded and len(group) > 1:
            # which of them fails, or whether they were too many, shows when each is encoded alone
            return [each for one in group for each in self._encode([one])]
        found = []
        for one, each in zip(group, encoded, strict=False):
            with self._catch(one.index):
                found.append(self._read_image(one, each))
                self._done += 1
        return found

    def _read_image(self, one: PreprocessedImage, encoded: EncodedImage) -> _ReadImage:
        stage = self._request.stage
        positions = positions_of(self._model, one.inputs, encoded)
        layout, prompt = self._layout(one, encoded), one.inputs.prompt
        read = _ReadImage(one.index, one.image, one.pixel_norms, layout, encoded, prompt, positions)
        if of_layers(stage):
            layers, words = self._decode(one, encoded)
            return replace(read, layers=layers, words=words)
        if not of_patches(stage):
            return replace(read, vectors=encoded.tokens)
        if self._request.projected:
            return replace(read, vectors=self._model.early_exit(one.inputs, vision_layer(stage), self._progress))
        return read

    def _layout(self, one: PreprocessedImage, encoded: EncodedImage) -> Layout:
        """The places of the tokens; the same for images with the same size and the same shapes of inputs."""
        key = one.image.width, one.image.height, one.alike
        if key not in self._layouts or not one.alike:
            self._layouts[key] = self._model.layout(one.image, one.inputs, encoded)
        return self._layouts[key]

    def _decode(self, one: PreprocessedImage, encoded: EncodedImage) -> tuple[LayerNorms, TokenWords]:
        """The norms after the language model's layers, and the words at the layer that is asked for."""
        request, cache = self._request, ActivationCache()
        search = self._state.word_search(request.k)
        cache.keep("", CachedReading(one.inputs, encoded.tokens, request.prompt))
        head = search.model.head
        self._check_answer(len(cache.tokens("")) * min(request.k, head.rows))
        run = DecoderPass(search.model, cache, "", self._control.progress)
        states = run.states(llm_layer(request.stage))
        chosen = search.index.candidates(head.rows, request.all_tokens)
        found = logit_lens(states, head.float32, head.rows, chosen, request.k, self._control.should_stop)
        named = search.index.names(found.ids.numpy())
        words = self._words_of(NearestWords(found.ids, found.scores), named, "logit", head.rows, len(chosen))
        return run.layers(), words

    def _finish(self, waiting: list[_ReadImage]) -> None:
        """Set the outcomes of images that wait for their words."""
        if not waiting:
            return
        return_freed_memory()
        tokens = [one.encoded.tokens for one in waiting]
        lengths = token_lengths(_joined(tokens), self._index)
        ends = np.cumsum([0 if one is None or self._index is None else len(one) for one in tokens])[:-1]
        for one, own, words in zip(waiting, lengths.split(ends), self._find_words(waiting), strict=True):
            reading = as_reading(
                self._model,
                one.image,
                one.layout,
                one.encoded,
                own,
                one.pixel_norms,
                one.position_ids,
                self._request.prompt,
                one.prompt,
            )
            self._outcomes[one.index] = m.Outcome(reading=reading, words=words, layers=one.layers)

    def _find_words(self, waiting: list[_ReadImage]) -> list[TokenWords | None]:
        """The words of each image; those that are still to be found are found in one search."""
        vectors = _joined([one.vectors for one in waiting])
        if vectors is None:
            return [one.words for one in waiting]
        request = self._request
        search = self._state.word_search(request.k)
        rows = len(search.index.vocabulary.embeddings)
        chosen = search.index.candidates(rows, request.all_tokens)
        self._check_answer(len(vectors) * min(request.k, len(chosen)))
        self._progress()
        found = search.finder.find(vectors, chosen, request.metric, request.k, request.ridge, self._control.should_stop)
        ids = found.ids.numpy()
        named = search.index.names(ids[ids >= 0])
        words: list[TokenWords | None] = []
        start = 0
        for one in waiting:
            part = slice(start, start + (0 if one.vectors is None else len(one.vectors)))
            own = NearestWords(
                found.ids[part], found.scores[part], None if found.explained is None else found.explained[part]
            )
            theirs = ids[part]
            words.append(self._words_of(own, named.of(theirs[theirs >= 0]), request.metric, rows, len(chosen)))
            start = part.stop
        return words

    def _words_of(
        self, found: NearestWords, named: TokenNames, order: WordOrder, rows: int, candidates: int
    ) -> TokenWords:
        """The words of all tokens of one image, found among so many `candidates` of all `rows`."""
        ids, request = array(found.ids), self._request
        return TokenWords(
            metric=order,
            k=ids.shape[1],
            all_tokens=request.all_tokens,
            tokens=np.arange(len(ids)),
            ids=ids,
            scores=array(found.scores),
            pieces=named.pieces,
            texts=named.texts,
            special=named.special,
            candidates=candidates,
            left_out=rows - candidates,
            seconds=0.0,
            explained=None if found.explained is None else array(found.explained),
            ridge=request.ridge if order == "ridge" else None,
        )

    def _check_answer(self, words: int) -> None:
        """Count words of the answer; `UsageError` where they become too many for one message."""
        self._words += words
        if self._words * 24 > _ANSWER_BYTES:
            raise UsageError(
                f"{self._request.k} words for every token of {len(self._request.pictures)} images are too many for "
                "one answer: choose a smaller -k"
            )

    @contextmanager
    def _catch(self, index: int | None) -> Iterator[None]:
        """An error in this block is the outcome of the `index`-th image, or is only logged; the other images go on."""
        try:
            yield
        except CancelledError:
            raise
        except Exception as error:
            if index is None:
                traceback.print_exc()
            else:
                self._fail(index, error)

    def _fail(self, index: int, error: Exception) -> None:
        if not isinstance(error, VlmtuiError):
            traceback.print_exception(error)
            error = self._state.explain(error)
        self._outcomes[index] = m.Outcome.failed(error)
        self._done += 1

    def _progress(self, *_: object) -> None:
        self._control.progress("reading the images", self._done, len(self._outcomes))


def encoding_groups(
    images: Iterable[PreprocessedImage], at_a_time: Callable[[PreprocessedImage], int]
) -> Iterator[list[PreprocessedImage]]:
    """Groups of images that go through the tower together, each as soon as it is full.

    Where the images that wait take too many bytes, the group that has waited longest goes as it is.
    """
    waiting: dict[str, list[PreprocessedImage]] = {}

    def size() -> int:
        return sum(one.size for group in waiting.values() for one in group)

    for one in images:
        if not one.alike:
            yield [one]
            continue
        group = waiting.setdefault(one.alike, [])
        group.append(one)
        if len(group) >= at_a_time(one):
            yield waiting.pop(one.alike)
        while size() >= GROUPS_BYTES:
            yield waiting.pop(next(iter(waiting)))
    yield from waiting.values()


def _enough(waiting: list[_ReadImage]) -> bool:
    """Whether so many image tokens wait that their words are to be found now."""
    vectors = sum(0 if one.vectors is None else len(one.vectors) for one in waiting)
    size = sum(_size(one.encoded.tokens) + _size(one.vectors) for one in waiting)
    return vectors >= TOKENS_A_SEARCH or size >= TOKENS_BYTES


def _joined(parts: list[Tensor | None]) -> Tensor | None:
    """The rows of all parts that are not None; None where all are."""
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None


def _size(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.numel() * tensor.element_size()
