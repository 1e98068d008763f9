"""Pictures read together, each answered for itself.

They are prepared in threads; those that are alike go through the tower in one pass, and the words of all tokens of
several passes are found in one sweep over the vocabulary. Which pictures go together hangs on their order and their
shapes alone. What is held at a time is bounded by bytes, however many pictures there are.
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
from vlmtui.lenses.kernels.finder import NearestWords
from vlmtui.lenses.kernels.logit_lens import logit_lens
from vlmtui.models.geometry.layout import Layout
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
from vlmtui.results.metrics import WordOrder, check_ridge
from vlmtui.session import protocol as m
from vlmtui.session import wire
from vlmtui.session.activations import ActivationCache, CachedReading
from vlmtui.session.decoder_pass import DecoderPass
from vlmtui.session.image_read import as_reading, token_norms
from vlmtui.session.model_state import ModelState
from vlmtui.session.preprocessing import PreprocessedImage
from vlmtui.session.request_control import RequestControl
from vlmtui.session.vocabulary_index import TokenNames

GROUPS_BYTES = 256 << 20
"""Bytes of prepared pictures that wait for others that are alike."""
TOKENS_BYTES = 256 << 20
"""Bytes of image tokens that wait for their words."""
_ANSWER_BYTES = wire.MAX_FRAME // 2


def read_many(state: ModelState, request: m.ReadMany, control: RequestControl) -> m.ReadManyDone:
    """What came of every picture; raises what concerns them all."""
    check_stage(request.stage, state.model.info, pixels=True)
    if request.projected or not of_patches(request.stage):
        state.word_search(request.k)
        check_ridge(request.ridge)
    if of_layers(request.stage):
        state.full_model(control.progress)
    return m.ReadManyDone(_Many(state, request, control).outcomes())


@dataclass(frozen=True)
class _Seen:
    """The `index`-th picture after the tower, without what went into it.

    `vectors` [tokens, hidden] are those of which words are still to be found.
    """

    index: int
    image: ImageInfo
    pixel_norms: Tensor
    layout: Layout
    encoded: EncodedImage
    vectors: Tensor | None = None
    layers: LayerNorms | None = None
    words: TokenWords | None = None


class _Many:
    """One such question being answered."""

    def __init__(self, state: ModelState, request: m.ReadMany, control: RequestControl) -> None:
        self._state, self._request, self._control = state, request, control
        self._model, self._index = state.model, state.vocabulary
        self._outcomes: list[m.Outcome | None] = [None] * len(request.pictures)
        self._layouts: dict[tuple[int, int, str], Layout] = {}
        self._words = 0
        self._done = 0

    def outcomes(self) -> tuple[m.Outcome, ...]:
        """What came of every picture, in their order."""
        waiting: list[_Seen] = []
        with closing(self._prepared()) as pictures:
            for group in encoding_groups(pictures, self._at_a_time):
                self._control.check()
                waiting += self._through(group)
                del group  # its tensors need not wait for the next one
                if sum(_size(one.encoded.tokens) + _size(one.vectors) for one in waiting) >= TOKENS_BYTES:
                    self._settle(waiting)
                    waiting = []
        self._settle(waiting)
        found = tuple(one for one in self._outcomes if one is not None)
        assert len(found) == len(self._request.pictures)
        return found

    def _prepared(self) -> Generator[PreprocessedImage, None, None]:
        self._progress()
        with closing(self._state.ahead.take(self._model, self._request)) as preparing:
            for one in preparing.each(self._progress):
                if isinstance(one, PreprocessedImage):
                    yield one
                else:
                    self._fail(*one)
        following = self._control.following()
        if isinstance(following, m.ReadMany):  # while the model is at the last of these
            self._state.ahead.begin(self._model, following)

    def _at_a_time(self, one: PreprocessedImage) -> int:
        model = self._model
        return images_a_pass(model.family, one.inputs, model.info.vision_hidden, model.device, model.itemsize)

    def _through(self, group: list[PreprocessedImage]) -> list[_Seen]:
        """Those pictures of a group that could be sent through the tower, together where that can be done."""
        encoded: list[EncodedImage] = []
        with self._failing(group[0].index if len(group) == 1 else None):
            encoded = self._model.encode_together([one.inputs for one in group], self._progress)
        if not encoded and len(group) > 1:
            # whose fault it is, or whether they were too many, shows when each goes alone
            return [seen for one in group for seen in self._through([one])]
        found = []
        for one, left in zip(group, encoded, strict=False):
            with self._failing(one.index):
                found.append(self._seen(one, left))
                self._done += 1
        return found

    def _seen(self, one: PreprocessedImage, encoded: EncodedImage) -> _Seen:
        stage = self._request.stage
        seen = _Seen(one.index, one.image, one.pixel_norms, self._layout(one, encoded), encoded)
        if of_layers(stage):
            layers, words = self._deep(one, encoded)
            return replace(seen, layers=layers, words=words)
        if not of_patches(stage):
            return replace(seen, vectors=encoded.tokens)
        if self._request.projected:
            return replace(seen, vectors=self._model.early_exit(one.inputs, vision_layer(stage), self._progress))
        return seen

    def _layout(self, one: PreprocessedImage, encoded: EncodedImage) -> Layout:
        """Where the tokens lie; the same for pictures that are alike and of one size."""
        key = one.image.width, one.image.height, one.alike
        if key not in self._layouts or not one.alike:
            self._layouts[key] = self._model.layout(one.image, one.inputs, encoded)
        return self._layouts[key]

    def _deep(self, one: PreprocessedImage, encoded: EncodedImage) -> tuple[LayerNorms, TokenWords]:
        """What the language model's layers made of a picture, and its words there."""
        request, drawer = self._request, ActivationCache()
        held = self._state.word_search(request.k)
        drawer.keep("", CachedReading(one.inputs, encoded.tokens, request.prompt))
        head = held.model.head
        self._check_answer(len(drawer.tokens("")) * min(request.k, head.rows))
        run = DecoderPass(held.model, drawer, "", self._control.progress)
        states = run.states(llm_layer(request.stage))
        chosen = held.index.candidates(head.rows, request.all_tokens)
        found = logit_lens(states, head.float32, head.rows, chosen, request.k, self._control.should_stop)
        named = held.index.names(found.ids.numpy())
        words = self._words_of(NearestWords(found.ids, found.scores), named, "logit", head.rows, len(chosen))
        return run.layers(), words

    def _settle(self, waiting: list[_Seen]) -> None:
        """The outcomes of pictures that wait for their words."""
        if not waiting:
            return
        tokens = [one.encoded.tokens for one in waiting]
        norms, standing = token_norms(_joined(tokens), self._index)
        ends = np.cumsum([0 if one is None or self._index is None else len(one) for one in tokens])[:-1]
        lengths = zip(np.split(norms, ends), np.split(standing, ends), strict=True)
        for one, own, words in zip(waiting, lengths, self._found(waiting), strict=True):
            prompt = self._request.prompt
            reading = as_reading(self._model, one.image, one.layout, one.encoded, own, one.pixel_norms, prompt)
            self._outcomes[one.index] = m.Outcome(reading=reading, words=words, layers=one.layers)

    def _found(self, waiting: list[_Seen]) -> list[TokenWords | None]:
        """The words of each, those that are still to be found in one sweep."""
        vectors = _joined([one.vectors for one in waiting])
        if vectors is None:
            return [one.words for one in waiting]
        request = self._request
        held = self._state.word_search(request.k)
        rows = len(held.index.vocabulary.embeddings)
        chosen = held.index.candidates(rows, request.all_tokens)
        self._check_answer(len(vectors) * min(request.k, len(chosen)))
        self._progress()
        found = held.finder.find(vectors, chosen, request.metric, request.k, request.ridge, self._control.should_stop)
        ids = found.ids.numpy()
        named = held.index.names(ids[ids >= 0])
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
        """What was found of all tokens of one picture among so many `candidates` of all `rows`."""
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
        """`UsageError` where all words found, so many more included, are too much for one message."""
        self._words += words
        if self._words * 24 > _ANSWER_BYTES:
            raise UsageError(
                f"{self._request.k} words of every token of {len(self._request.pictures)} pictures are too much for "
                "one answer: choose a smaller -k"
            )

    @contextmanager
    def _failing(self, index: int | None) -> Iterator[None]:
        """What goes wrong here is what came of the `index`-th picture, or is only noted; the others go on."""
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
        self._control.progress("reading the pictures", self._done, len(self._outcomes))


def encoding_groups(
    pictures: Iterable[PreprocessedImage], at_a_time: Callable[[PreprocessedImage], int]
) -> Iterator[list[PreprocessedImage]]:
    """Pictures that go through the tower together, each group as soon as it is full.

    Where too many bytes wait for others, those that have waited longest go as they are.
    """
    held: dict[str, list[PreprocessedImage]] = {}

    def size() -> int:
        return sum(one.size for group in held.values() for one in group)

    for one in pictures:
        if not one.alike:
            yield [one]
            continue
        group = held.setdefault(one.alike, [])
        group.append(one)
        if len(group) >= at_a_time(one):
            yield held.pop(one.alike)
        while size() >= GROUPS_BYTES:
            yield held.pop(next(iter(held)))
    yield from held.values()


def _joined(parts: list[Tensor | None]) -> Tensor | None:
    """All rows of what is there of every picture; None where it is of none."""
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None


def _size(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.numel() * tensor.element_size()
