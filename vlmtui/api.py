"""The Python API: a session, pictures read in it, and the lenses under the names that the command line knows.

    >>> import vlmtui
    >>> session = vlmtui.open_session("demo")
    >>> picture = session.read("sample_images/scene-town.png")
    >>> [word.text for word in picture.words(2, 3, k=3)]
    ['brown', 'roof', 'sky']
    >>> picture.norms("vision.3").shape
    (14, 14)
    >>> row, col = divmod(int(picture.find("sky").argmax()), 14)  # the patch that is nearest to a word
    >>> picture.words(row, col, k=1)[0].text
    'sky'
    >>> picture.to_html()[:15]  # the page that `vlmtui report --format html` writes; a notebook shows it by itself
    '<!doctype html>'
    >>> session.close()

Nothing here imports torch: the model lives in a process of its own, as it does for the screen.
"""

from __future__ import annotations

import hashlib
import html
import io
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.anatomy import Anatomy
from vlmtui.answers import MAX_NEW_TOKENS, Ablation, Answer, Attention, Gradient, Mask, Occlusion, Stand, check_question
from vlmtui.belief import Agreement, Null
from vlmtui.catalogue import default_model
from vlmtui.classes import Classes
from vlmtui.display.colours import Rgb
from vlmtui.display.pieces import plain
from vlmtui.display.statistics import outlier
from vlmtui.errors import UsageError
from vlmtui.image import MAX_PIXELS, SourceBytes, decode, read_source
from vlmtui.matching import Match
from vlmtui.reading import (
    RIDGE,
    Layers,
    LayerWords,
    Metric,
    ModelInfo,
    Reading,
    check_stage,
    llm_layer,
    of_layers,
    of_patches,
    stages,
)
from vlmtui.reports import Query, page
from vlmtui.reports.outliers import Looked, gathered, report
from vlmtui.reports.output import target
from vlmtui.reports.patches import PatchWords, entries_at
from vlmtui.reports.saving import saved_as, written
from vlmtui.session.client import SessionClient
from vlmtui.session.opening import Where, connect
from vlmtui.values import Components, Evidence, Find, Lens, Similarity, Values

_T = TypeVar("_T")
Picture = str | Path | bytes | Image.Image | NDArray[np.uint8]


@dataclass(frozen=True)
class Word:
    """One of the words of an image token; `explained` is the share of the norm after a pursuit's word."""

    id: int
    piece: str | None
    text: str | None
    score: float
    special: bool
    explained: float | None = None


class Session:
    """A model that is held by a session: the warm one, one on another machine, or one of its own.

    To be closed, or used as a context manager. Every method raises a `VlmtuiError` that says what to do.
    """

    def __init__(self, client: SessionClient, model: ModelInfo) -> None:
        self._client = client
        self.model = model

    def read(self, image: Picture, *, prompt: str | None = None, max_pixels: int = MAX_PIXELS) -> PictureReading:
        """Look at a picture: a path, an address, a file's bytes, a Pillow image, or uint8 [height, width, 3]."""
        source = _source(image)
        read = _result(self._client, self._client.read(source, max_pixels=max_pixels, prompt=prompt))
        return PictureReading(self._client, read, source, max_pixels)

    def outliers(self, pictures: Sequence[PictureReading], stage: str | None = None) -> dict[str, Any]:
        """Whether outliers come at the same positions in several pictures: `vlmtui outliers`' object, of every stage
        up to the tokens, or of one."""
        every = tuple(at for at in stages(self.model) if not of_layers(at))
        asked = every if stage is None else (check_stage(stage, self.model, pixels=True),)
        whole = gathered(Looked(one.data, {at: one.outliers(at).ravel() for at in asked}) for one in pictures)
        if whole is None:
            raise UsageError("outliers are compared from picture to picture: give some that were read")
        return report(whole)

    def close(self) -> None:
        """Let go of the session; one of its own ends."""
        self._client.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<vlmtui session with {self.model.name} on {self.model.device}>"


def open_session(
    model: str | None = None,
    *,
    revision: str | None = None,
    processor: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    remote: str | None = None,
    warm: bool = True,
) -> Session:
    """Hold a model: a hub name, a folder or an alias; without one `VLMTUI_MODEL`, or the demo model.

    The warm session is used where there is one, unless `warm` is False; `remote` names a host to be reached by ssh.
    """
    client = connect(Where(remote, warm=warm))
    try:
        name = default_model() if model is None else model
        held = _result(client, client.load(name, revision=revision, processor=processor, device=device, dtype=dtype))
    except BaseException:
        client.close()
        raise
    return Session(client, held)


class PictureReading:
    """One picture through one model. `data` is all that was seen: grids, places, norms.

    Patches are named by `row` and `col` of the model's tokens (of vision patches where a stage or a model has no
    tokens), from 0, in `grid`, which is the whole picture's or else the first.
    """

    def __init__(self, client: SessionClient, data: Reading, source: SourceBytes, max_pixels: int = MAX_PIXELS) -> None:
        self._client = client
        self.data = data
        self._source, self._max_pixels = source, max_pixels
        self._layers: Layers | None = None

    def words(
        self,
        row: int,
        col: int,
        grid: int | None = None,
        *,
        k: int = 8,
        metric: Metric = "l2",
        stage: str = "tokens",
        all_tokens: bool = False,
        ridge: float = RIDGE,
    ) -> list[Word]:
        """The k nearest word-pieces of one token, nearest first; at `llm.i` those of the largest logits, by any metric.

        At `vision.i` those of the token that the projector makes of that stage there: an early exit.
        """
        projected = of_patches(stage)
        tokens = self._entries("tokens" if projected else stage, row, col, grid)
        asked = self._client.words(
            self.data.id,
            metric,
            k,
            tokens=tokens,
            all_tokens=all_tokens,
            stage=stage,
            ridge=ridge,
            projected=projected,
        )
        found = _result(self._client, asked)
        shares = [None] * found.k if found.explained is None else found.explained[0].tolist()
        return [
            Word(i, found.pieces[i], found.texts[i], score, i in found.special, share)
            for (i, score), share in zip(found.at(0), shares, strict=False)
        ]

    def layer_words(self, row: int, col: int, grid: int | None = None, *, k: int = 1) -> LayerWords:
        """The k words of the largest logits of one token after every layer of the language model (logit lens)."""
        (token,) = self._entries("tokens", row, col, grid)
        return _result(self._client, self._client.layer_words(self.data.id, token, k))

    def norms(self, stage: str = "tokens") -> NDArray[np.float32]:
        """L2 norms of a stage's entries: [rows, cols] where they fill one grid, else [entries] in `places_at`'s order.

        At `pixels` those of what the model is given of each patch, normalised. At `llm.i` the picture is first run
        through the language model, whose layers are loaded for it.
        """
        check_stage(stage, self.data.model, pixels=True)
        if of_layers(stage):
            if self._layers is None:
                self._layers = _result(self._client, self._client.layers(self.data.id))
            return self._laid_out(stage, self._layers.norms[llm_layer(stage) - 1])
        return self._laid_out(stage, self.data.norms_at(stage))

    def outliers(self, stage: str = "tokens") -> NDArray[np.bool_]:
        """Which of a stage's norms are outliers: those whose robust z-score is beyond 3.5; laid out as `norms` are."""
        norms = self.norms(stage)
        found: NDArray[np.bool_] = outlier(norms.ravel()) if norms.size else np.zeros(0, bool)
        return found.reshape(norms.shape)

    def anatomy(self, row: int, col: int, grid: int | None = None) -> list[Anatomy]:
        """A token's vision patches as they enter the tower: their pixels as the model gets them, their projection."""
        entries = self._entries("vision.0", row, col, grid)
        return [_result(self._client, self._client.patch(self.data.id, entry)) for entry in entries]

    def values(self, lens: Lens, stage: str = "tokens") -> Values:
        """What a lens of `vlmtui.values` makes of all of a stage's entries, with what must be known to read it."""
        return _result(self._client, self._client.values(self.data.id, stage, lens))

    def similarity(self, *patches: tuple[int, int], stage: str = "tokens") -> NDArray[np.float32]:
        """The cosine of every entry with these patches, (row, col) each; laid out as `norms` are."""
        to = {entry for row, col in patches for entry in self._entries(stage, row, col, None)}
        return self._laid_out(stage, self.values(Similarity(tuple(sorted(to))), stage).numbers)

    def find(self, word: str, stage: str = "tokens") -> NDArray[np.float32]:
        """How near every entry is to a word: its cosine, at `llm.i` the logit; laid out as `norms` are."""
        return self._laid_out(stage, self.values(Find(word), stage).numbers)

    def pca(self, stage: str = "tokens") -> NDArray[np.float32]:
        """The first three principal components of a stage, as multiples of what the largest reach [..., 3]."""
        return self._laid_out(stage, self.values(Components(), stage).numbers)

    def evidence(self, label: str) -> NDArray[np.float32]:
        """What every patch says for a class of the model's classification head, by its label or number."""
        stage = f"vision.{self.data.model.vision_layers}"
        return self._laid_out(stage, self.values(Evidence(label), stage).numbers)

    def classify(self, k: int = 5) -> Classes:
        """The first k classes of a model with a classification head."""
        return _result(self._client, self._client.classes(self.data.id, k))

    def match(self, texts: Sequence[str]) -> Match:
        """The picture against texts, by a CLIP or SigLIP model."""
        return _result(self._client, self._client.match(self.data.id, texts))

    def null(self, metric: Metric = "l2", *, k: int = 8, stage: str = "tokens") -> Null:
        """The words of noise: of the picture with its pixels shuffled, and of random vectors.

        At a vision stage sent through the projector.
        """
        found = self._client.null(self.data.id, metric, k, stage=stage, projected=of_patches(stage))
        return _result(self._client, found)

    def agreement(self, row: int, col: int, grid: int | None = None, *, k: int = 8) -> Agreement:
        """Which words each of several metrics names for one token."""
        (token,) = self._entries("tokens", row, col, grid)
        return _result(self._client, self._client.agreement(self.data.id, token, k))

    def ask(
        self,
        question: str | None = None,
        *,
        max_new_tokens: int = MAX_NEW_TOKENS,
        temperature: float | None = None,
        seed: int = 0,
    ) -> Answer:
        """The model's own answer, greedy without a `temperature`; "Describe the image." without a question."""
        if question is not None:
            check_question(question)
        return _result(
            self._client,
            self._client.answer(
                self.data.id, question, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed
            ),
        )

    def attention(
        self, answer: Answer, *, layer: int | None = None, head: int | None = None, rollout: bool = False
    ) -> Attention:
        """Where every token of the latest answer looked: weights [answer tokens, image tokens]."""
        return _result(
            self._client, self._client.attention(self.data.id, answer.id, layer=layer, head=head, rollout=rollout)
        )

    def gradient(self, answer: Answer, token: int | None = None) -> Gradient:
        """Gradient × input of one token of the latest answer, or of the whole of it, for every image token."""
        return _result(self._client, self._client.gradient(self.data.id, answer.id, token))

    def mask(self, layer: int = 1) -> Mask:
        """What each position of prompt and latest answer may look at in a layer, from 1, as the model makes it."""
        return _result(self._client, self._client.mask(self.data.id, layer))

    def ablate(self, answer: Answer, patches: Sequence[tuple[int, int]], by: Stand = "mean") -> Ablation:
        """The question asked again with these patches replaced by their `mean`, `zero` or a `blur`red picture."""
        tokens = {entry for row, col in patches for entry in self._entries("tokens", row, col, None)}
        return _result(self._client, self._client.ablate(self.data.id, answer.id, tuple(sorted(tokens)), by))

    def occlude(self, answer: Answer, block: int = 1, by: Stand = "mean") -> Occlusion:
        """Which patches carry the latest answer: each block of `block` × `block` replaced in turn."""
        return _result(self._client, self._client.occlude(self.data.id, answer.id, block, by))

    def to_html(
        self,
        *,
        stage: str | None = None,
        stages: Sequence[str] = (),
        metric: Metric = "l2",
        metrics: Sequence[Metric] = page.METRICS,
        k: int = 8,
        all_tokens: bool = False,
        ridge: float = RIDGE,
    ) -> str:
        """The reading as a page for a browser, one file that needs no network.

        It opens at `stage` and `metric`, and can be switched to all `metrics`, to the norms of every vision stage, and
        to the words of further `stages`, such as ["llm.12"], or ["all"].
        """
        query = self._query(stage=stage, stages=tuple(stages), metric=metric, k=k, all_tokens=all_tokens, ridge=ridge)
        return page.document(page.glance(self._client, self._rgb(), self.data, query, tuple(metrics)))

    def save(
        self,
        path: str | Path,
        *,
        stage: str | None = None,
        metric: Metric = "l2",
        k: int = 8,
        all_tokens: bool = False,
        ridge: float = RIDGE,
    ) -> None:
        """Write the report to a file, whole or not at all; its ending chooses the format: .html, .json, .png, …"""
        kind = saved_as(str(path))
        query = self._query(stage=stage, metric=metric, k=k, all_tokens=all_tokens, ridge=ridge)
        with target(str(path)) as file:
            for piece in written(self._client, self.data, query, kind, self._rgb):
                file.write(piece)

    def _rgb(self) -> Rgb:
        return decode(self._source.data, self._source.source, self._max_pixels).rgb

    def _query(self, **asked: Any) -> Query:
        return Query(self.data.model.name, max_pixels=self._max_pixels, **asked)

    def _repr_html_(self) -> str:
        """What a notebook shows: the page, in a frame, so that its style and its policy are its own."""
        srcdoc = html.escape(self.to_html())
        return (
            f'<iframe srcdoc="{srcdoc}" sandbox="allow-scripts allow-modals" title="{html.escape(plain(repr(self)))}" '
            'style="width: 100%; height: 52rem; border: 0"></iframe>'
        )

    def _entries(self, stage: str, row: int, col: int, grid: int | None) -> tuple[int, ...]:
        check_stage(stage, self.data.model)
        if min(row, col) < 0:
            raise UsageError(f"there is no row {row} and column {col}: they count from 0")
        return entries_at(self.data, stage, PatchWords(grid, row, col))

    def _laid_out(self, stage: str, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """On the rows and columns of the one grid that the entries fill, where it is so."""
        places = self.data.places_at(stage)
        rows, cols = (
            max((getattr(place, way) or 0) + 1 for place in places) if places else 0 for way in ("row", "col")
        )
        in_order = all(
            place.grid == places[0].grid and place.row is not None and (place.row, place.col) == divmod(i, cols)
            for i, place in enumerate(places)
        )
        filled = bool(places) and in_order and rows * cols == len(places)
        return numbers.reshape(rows, cols, *numbers.shape[1:]) if filled else numbers

    def __repr__(self) -> str:
        image = self.data.image
        return f"<{image.source}, {image.width}×{image.height}, read by {self.data.model.name}>"


def _result(client: SessionClient, future: Future[_T]) -> _T:
    """What was asked for, when it is there; the question is withdrawn where the person does not wait for it."""
    try:
        return future.result()
    except KeyboardInterrupt:
        client.cancel(future)
        raise


def _source(image: Any) -> SourceBytes:
    if isinstance(image, str | Path):
        return read_source(str(image))
    if isinstance(image, bytes):
        return SourceBytes("bytes", image, hashlib.sha256(image).hexdigest())
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise UsageError(f"an array of {image.dtype} {image.shape} is no picture: give uint8 [height, width, 3]")
        image = Image.fromarray(image)
    if not isinstance(image, Image.Image):
        raise UsageError(
            f"{type(image).__name__} is no picture: give a path, an address, bytes, a Pillow image or an array"
        )
    file = io.BytesIO()
    image.save(file, "PNG")
    data = file.getvalue()
    return SourceBytes("image", data, hashlib.sha256(data).hexdigest())
