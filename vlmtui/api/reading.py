"""The reading of an image, and the lenses that can be applied to it."""

from __future__ import annotations

import html
import os
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.api.answers import AnswerableReading
from vlmtui.api.arguments import check_list, check_patches, check_path, check_type, lens_source
from vlmtui.api.progress import wait_for
from vlmtui.display.colours import Rgb
from vlmtui.display.norm_statistics import is_outlier
from vlmtui.display.pieces import plain
from vlmtui.errors import ArgumentTypeError, UsageError, type_name
from vlmtui.files import expand_path
from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.base import Lens
from vlmtui.lenses.kinds import ResultKind
from vlmtui.lenses.lens_source import LensCall, lens_call
from vlmtui.lenses.registry import find_lens
from vlmtui.lenses.validation import validated
from vlmtui.metrics import DEFAULT_METRIC, RIDGE, Metric
from vlmtui.query.options import EntrySelection, LoadOptions, Query, ReadOptions, SearchOptions
from vlmtui.reading import (
    FIRST_STAGE,
    LayerNorms,
    Reading,
    TokenLayerWords,
    check_stage,
    llm_layer,
    of_layers,
    of_patches,
)
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.formats.saving import SessionReading, format_of_file, write_reading
from vlmtui.reports.output.target import check_sources, target
from vlmtui.reports.page.content import METRICS, page_content
from vlmtui.reports.page.document import page_document
from vlmtui.results.answers import Answer
from vlmtui.results.classification import TopClasses
from vlmtui.results.image_text import ImageTextMatch
from vlmtui.results.local_words import PatchLocalWords
from vlmtui.results.noise_baseline import MetricAgreement, NoiseBaseline
from vlmtui.results.patch_embedding import PatchEmbeddingResult
from vlmtui.session.client import SessionClient
from vlmtui.session.typed_lenses.values import Components, Evidence, Find, Position, Similarity, Values

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Word:
    """One of the words of an image token; `explained` is the share of the norm after a pursuit's word."""

    id: int
    piece: str | None
    text: str | None
    score: float
    special: bool
    explained: float | None = None


class _ReportOptions(msgspec.Struct):
    """Types of a report's options; which stages and metrics exist is checked elsewhere."""

    stage: str | None
    metric: str
    k: int
    all_tokens: bool
    ridge: float
    stages: tuple[str, ...] = ()


class ImageReading(AnswerableReading):
    """One image read by one model. `data` has its grids, places and norms.

    Patches are named by `row` and `col` of the model's tokens (of vision patches where a stage or a model has no
    tokens), from 0, in `grid`: without one that of the whole image, or else the first.
    """

    def __init__(self, client: SessionClient, data: Reading, source: ImageFile, how: ReadOptions | None = None) -> None:
        super().__init__(client, data)
        self._source, self._read = source, how or ReadOptions()
        # the session keeps what nobody can ask about any more no longer than until the next image
        weakref.finalize(self, client.let_go, data.id).atexit = False
        self._file = os.path.abspath(expand_path(source.source))  # the working folder may change
        self._layers: LayerNorms | None = None

    def words(
        self,
        row: int,
        col: int,
        grid: int | None = None,
        *,
        k: int = 8,
        metric: Metric = DEFAULT_METRIC,
        stage: str = "tokens",
        all_tokens: bool = False,
        ridge: float = RIDGE,
    ) -> list[Word]:
        """The k nearest word-pieces of one token, nearest first; at `llm.i` those of the largest logits, by any metric.

        At `vision.i` those of the token that the projector makes of that stage (projector lens).
        """
        projected = of_patches(check_stage(stage, self.data.model))
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
        found = wait_for(self._client, asked)
        shares = [None] * found.k if found.explained is None else found.explained[0].tolist()
        return [
            Word(i, found.pieces[i], found.texts[i], score, i in found.special, share)
            for (i, score), share in zip(found.at(0), shares, strict=False)
        ]

    def local_words(
        self,
        *,
        k: int = 8,
        metric: Metric = DEFAULT_METRIC,
        stage: str = "tokens",
        all_tokens: bool = False,
        ridge: float = RIDGE,
    ) -> PatchLocalWords:
        """Words of the lists of k whose patches lie together more than chance, and that of every image token."""
        check_stage(stage, self.data.model)
        return wait_for(self._client, self._client.local_words(self.data.id, metric, k, all_tokens, stage, ridge))

    def layer_words(self, row: int, col: int, grid: int | None = None, *, k: int = 1) -> TokenLayerWords:
        """The k words of the largest logits of one token after every layer of the language model (logit lens)."""
        (token,) = self._entries("tokens", row, col, grid)
        return wait_for(self._client, self._client.layer_words(self.data.id, token, k))

    def norms(self, stage: str = "tokens") -> NDArray[np.float32]:
        """L2 norms of a stage's entries: [rows, cols] where they fill one grid, else [entries] in `places_at`'s order.

        At `pixels` those of each patch's normalised pixels. At `llm.i` the image is first run through the language
        model, whose layers are loaded for it.
        """
        check_stage(stage, self.data.model, pixels=True)
        if of_layers(stage):
            if self._layers is None:
                self._layers = wait_for(self._client, self._client.layers(self.data.id))
            return self._laid_out(stage, self._layers.norms[llm_layer(stage) - 1])
        return self._laid_out(stage, self.data.norms_at(stage))

    def vectors(self, stage: str = "tokens") -> NDArray[np.float32]:
        """A stage's vectors: [rows, cols, hidden] where they fill one grid, else [entries, hidden]."""
        check_stage(stage, self.data.model)
        return self._laid_out(stage, wait_for(self._client, self._client.vectors(self.data.id, stage)))

    def outliers(self, stage: str = "tokens") -> NDArray[np.bool_]:
        """Which of a stage's norms are outliers: those whose robust z-score is beyond 3.5; laid out as `norms` are."""
        norms = self.norms(stage)
        found: NDArray[np.bool_] = is_outlier(norms.ravel()) if norms.size else np.zeros(0, bool)
        return found.reshape(norms.shape)

    def anatomy(self, row: int, col: int, grid: int | None = None) -> list[PatchEmbeddingResult]:
        """The patch embedding of a token's vision patches: the pixels that enter the model, and their projection."""
        entries = self._entries("vision.0", row, col, grid)
        return [wait_for(self._client, self._client.patch(self.data.id, entry)) for entry in entries]

    def look(
        self,
        lens: str | os.PathLike[str] | Lens | Callable[..., Any],
        stage: str = "tokens",
        *,
        entries: Sequence[int] | None = None,
        k: int = 8,
        answer: Answer | None = None,
        **options: Any,
    ) -> ResultKind:
        """The result of a lens at a stage: one of the kinds of `vlmtui.lenses`, such as `Scalars`.

        `lens` is the name of one that is built in or installed, the path of a file (`many.py:second` where it defines
        several) or folder, or a function that comes from a file; `options` are its own. `entries` are indices among
        `data.places_at(stage)`, all without.
        """
        source = lens_source(lens)
        known = None if source.foreign else find_lens(source.name)
        if known and (only := known.offer.only_at(self.data.model)) and stage != only:
            raise UsageError(f"the lens {known.name} looks at one stage only: give {only!r}")
        check_stage(stage, self.data.model)
        some = None if entries is None else check_list("entries", entries, int)
        there = len(self.data.places_at(stage))
        if wrong := [entry for entry in some or () if not 0 <= entry < there]:
            raise UsageError(f"there is no entry {wrong[0]} at {stage}: it has {there}, counted from 0")
        of = check_type("answer", answer, Answer).id if answer is not None else ""
        plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in options.items()}
        asked = self._client.look(self.data.id, stage, lens_call(source, **plain), entries=some, answer=of, k=k)
        return wait_for(self._client, asked).result

    def values(self, lens: LensCall, stage: str = "tokens") -> Values:
        """The values of a lens of `vlmtui.values` at all of a stage's entries, with its note."""
        if not isinstance(lens, LensCall):
            raise ArgumentTypeError(f"lens must be one of vlmtui.values, such as Find('sky'), not {type_name(lens)}")
        return Values.of(wait_for(self._client, self._client.look(self.data.id, stage, lens)))

    def similarity(self, *patches: tuple[int, int], stage: str = "tokens") -> NDArray[np.float32]:
        """Cosine similarity of every entry to these patches, (row, col) each; laid out as `norms` are."""
        check_stage(stage, self.data.model)
        if not patches:
            raise UsageError("similarity compares with patches: give one or more as (row, col), such as (3, 4)")
        to = {entry for row, col in check_patches(patches) for entry in self._entries(stage, row, col, None)}
        return self._laid_out(stage, self.values(Similarity(tuple(sorted(to))), stage).numbers)

    def find(self, word: str, stage: str = "tokens") -> NDArray[np.float32]:
        """Similarity of every entry to a word: its cosine, at `llm.i` the logit; laid out as `norms` are."""
        return self._laid_out(stage, self.values(Find(check_type("word", word, str)), stage).numbers)

    def pca(self, stage: str = "tokens") -> NDArray[np.float32]:
        """The first three principal components of a stage [..., 3], scaled so that nearly all of it is in -1 … 1."""
        return self._laid_out(stage, self.values(Components(), stage).numbers)

    def position(self) -> NDArray[np.float32]:
        """The L2 norm of the learned position embedding at every patch; laid out as `norms` of `vision.0` are."""
        return self._laid_out(FIRST_STAGE, self.values(Position(), FIRST_STAGE).numbers)

    def evidence(self, label: str) -> NDArray[np.float32]:
        """Class evidence: the logit of every patch for a class of the classification head, by its label or number."""
        stage = f"vision.{self.data.model.vision_layers}"
        return self._laid_out(stage, self.values(Evidence(label), stage).numbers)

    def classify(self, k: int = 5) -> TopClasses:
        """The top k classes of a model with a classification head."""
        return wait_for(self._client, self._client.classes(self.data.id, k))

    def match(self, texts: Sequence[str]) -> ImageTextMatch:
        """Zero-shot scores of the image for texts, by a CLIP or SigLIP model."""
        return wait_for(self._client, self._client.match(self.data.id, check_list("texts", texts, str)))

    def null(self, metric: Metric = DEFAULT_METRIC, *, k: int = 8, stage: str = "tokens") -> NoiseBaseline:
        """The noise baseline: nearest words of the image with its pixels shuffled, and of random vectors.

        At a vision stage, sent through the projector.
        """
        projected = isinstance(stage, str) and of_patches(stage)
        return wait_for(self._client, self._client.null(self.data.id, metric, k, stage=stage, projected=projected))

    def agreement(self, row: int, col: int, grid: int | None = None, *, k: int = 8) -> MetricAgreement:
        """Metric agreement: the nearest words of one token by each of several metrics."""
        (token,) = self._entries("tokens", row, col, grid)
        return wait_for(self._client, self._client.agreement(self.data.id, token, k))

    def to_html(
        self,
        *,
        stage: str | None = None,
        stages: Sequence[str] = (),
        metric: Metric = DEFAULT_METRIC,
        metrics: Sequence[Metric] = METRICS,
        k: int = 8,
        all_tokens: bool = False,
        ridge: float = RIDGE,
    ) -> str:
        """The reading as a page for a browser, one file that needs no network.

        It opens at `stage` and `metric`, and can be switched to all `metrics`, to the norms of every vision stage, and
        to the words of further `stages`, such as ["llm.12"], or ["all"].
        """
        further, switched = (
            check_list("stages", stages, str),
            cast(tuple[Metric, ...], check_list("metrics", metrics, str)),
        )
        query = self._query(stage=stage, stages=further, metric=metric, k=k, all_tokens=all_tokens, ridge=ridge)
        query = format_named("html").usual(query)
        return page_document(page_content(self._client, self._rgb(), self.data, query, switched))

    def to_table(
        self,
        *,
        stage: str | None = None,
        metric: Metric = DEFAULT_METRIC,
        k: int = 8,
        all_tokens: bool = False,
        ridge: float = RIDGE,
    ) -> pa.Table:
        """The reading as a table of pyarrow, a row an image token: the schema `vlmtui/table/1` (`docs/table.md`).

        `to_pandas()` of it is a data frame, and `pyarrow.concat_tables` joins those of several pictures.
        """
        from pyarrow import BufferReader, parquet

        query = self._query(stage=stage, metric=metric, k=k, all_tokens=all_tokens, ridge=ridge)
        pieces = write_reading(format_named("parquet"), self._contents(query), query)
        file = b"".join(piece for piece in pieces if isinstance(piece, bytes))
        return parquet.read_table(BufferReader(file))

    def save(
        self,
        path: str | Path,
        *,
        stage: str | None = None,
        metric: Metric = DEFAULT_METRIC,
        k: int = 8,
        all_tokens: bool = False,
        ridge: float = RIDGE,
    ) -> None:
        """Write the report to a file, whole or not at all; its ending chooses the format: .html, .json, .png, …"""
        name = check_path("path", path)
        kind = format_of_file(name)
        check_sources(name, (self._file,))
        query = kind.usual(self._query(stage=stage, metric=metric, k=k, all_tokens=all_tokens, ridge=ridge))
        with target(name) as file:
            for piece in write_reading(kind, self._contents(query), query):
                file.write(piece)

    def _rgb(self) -> Rgb:
        return self._read.decode(self._source).rgb

    def _contents(self, query: Query) -> SessionReading:
        return SessionReading(self._client, self.data, query, self._rgb)

    def _query(self, **asked: Any) -> Query:
        known = validated(_ReportOptions(**asked))
        return Query(
            LoadOptions(self.data.model.name),
            replace(self._read, prompt=None),
            SearchOptions(known.k, cast(Metric, known.metric), known.ridge, known.all_tokens),
            EntrySelection(known.stage, known.stages),
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame, which keeps its style and its content security policy apart."""
        srcdoc = html.escape(self.to_html())
        return (
            f'<iframe srcdoc="{srcdoc}" sandbox="allow-scripts allow-modals" title="{html.escape(plain(repr(self)))}" '
            'style="width: 100%; height: 52rem; border: 0"></iframe>'
        )

    def _laid_out(self, stage: str, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Reshape to [rows, cols, ...] where the entries fill one grid in order; otherwise unchanged."""
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
