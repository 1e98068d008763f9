"""Content of a page, computed in a session: words of an image by several metrics, at several stages."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vlmtui.display.colours import Rgb
from vlmtui.errors import UsageError
from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.folded_token_words import FoldedTokenWords, search_folded
from vlmtui.metrics import Metric, WordOrder
from vlmtui.query.options import Query, ReadOptions, load_model, read_image
from vlmtui.query.patches import entries_at
from vlmtui.reading import (
    LayerNorms,
    ModelInfo,
    Reading,
    TokenWords,
    check_stage,
    default_stage,
    of_layers,
    of_patches,
    stages,
    vision_layer,
)
from vlmtui.reports.page.lens import PageLens, look_for_page
from vlmtui.reports.per_image import ImageFailure, run_per_image
from vlmtui.results.early_exit import (
    no_exit_in_reading,
    token_of_patch,
    words_of_patches,
)
from vlmtui.results.noise_baseline import NoiseBaseline
from vlmtui.session.reconnecting import OnProgress

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient

METRICS: tuple[Metric, ...] = ("cosine", "cosine-centred", "l2", "dot", "omp", "omp-positive")
"""Metrics that a page can be switched to, besides the one asked for."""
TOKENS = "tokens"
ALL = "all"
"""Value of `--stages` that stands for every stage with words."""


@dataclass(frozen=True)
class PageContent:
    """An image [height, width, 3] uint8, and everything that its page shows.

    `words` are by stage and metric (or logit), each for all entries of the stage; the norms of every vision stage are
    part of the reading; `folded` are the lists that are shown, where spellings are folded, and `noise` what the words
    are compared with, where that is known. The page opens at `stage`, with `entry` selected where one was asked for.
    """

    query: Query
    rgb: Rgb
    reading: Reading
    stage: str
    words: dict[str, dict[WordOrder, TokenWords]] = field(default_factory=dict)
    layers: LayerNorms | None = None
    entry: int | None = None
    lens: PageLens | None = None
    folded: dict[str, dict[WordOrder, FoldedTokenWords]] = field(default_factory=dict)
    noise: dict[str, dict[WordOrder, NoiseBaseline]] = field(default_factory=dict)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that the page can be switched to, in model order: those with words, and those with norms only."""
        norms = self.reading.grid_norms
        num_vision_stages = len(norms[0].patches) if norms else 0  # the patches of an unknown family may not be known
        return tuple(
            stage
            for stage in stages(self.reading.model)
            if stage == TOKENS or stage in self.words or (of_patches(stage) and vision_layer(stage) < num_vision_stages)
        )


def collect_pages(
    sources: tuple[str, ...],
    query: Query,
    start: Callable[[], SessionClient],
    on_progress: OnProgress | None = None,
    metrics: tuple[Metric, ...] = METRICS,
) -> Generator[PageContent | ImageFailure, None, None]:
    """Read the image and compute all that its page shows. Raises `UsageError` for options that a page does not take."""
    if len(sources) > 1:
        raise UsageError("a page shows one image: give one IMAGE, or choose another --format")
    check_page_query(query)
    return run_per_image(sources, _PageTask(query, metrics, on_progress), start)


def check_page_query(query: Query) -> None:
    """Raise `UsageError` for options of other formats."""
    built_in = query.lens.built_in if query.lens is not None else None
    if built_in is not None and not (built_in.offer.page or built_in.offer.projects):
        reason = "a page shows words and norms, and finds words itself"
        raise UsageError(f"{reason}: leave --lens, --find and --marked out, or choose --format json")
    if query.selection.rows or query.selection.condition is not None or query.output.fields:
        raise UsageError("a page shows every patch: leave --rows, --where and --fields out, or choose --format json")


class _PageTask:
    def __init__(self, query: Query, metrics: tuple[Metric, ...], on_progress: OnProgress | None) -> None:
        self._query, self._metrics, self._on_progress = query, metrics, on_progress

    @property
    def read(self) -> ReadOptions:
        return self._query.read

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load_model(client, self._query.load, self._on_progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        stages_with_words(self._query, model)
        if self._query.lens is not None:
            self._query.lens.check(self._query.selection.stage or default_stage(model), model)

    def look(self, client: SessionClient, source: ImageFile, index: int) -> PageContent:
        query = self._query
        rgb = query.read.decode(source).rgb
        reading = read_image(client, source, query.read, self._on_progress).result()
        return page_content(client, rgb, reading, query, self._metrics, self._on_progress)

    def done(self, client: SessionClient) -> None:
        pass


def stages_with_words(query: Query, model: ModelInfo) -> tuple[str, ...]:
    """The stages whose words the page has: the one asked for, the default one, and those of `--stages`.

    A vision stage has words only through the projector. Raises `UsageError` for a stage that the model does not have.
    """
    projected = query.lens is not None and query.lens.uses_projector
    opening_stage = default_stage(model) if query.selection.stage is None else check_stage(query.selection.stage, model)
    asked_stages = {opening_stage, default_stage(model)} | {
        check_stage(s, model) for s in query.selection.stages if s != ALL
    }
    return tuple(
        stage
        for stage in stages(model)
        if (projected or not of_patches(stage)) and (ALL in query.selection.stages or stage in asked_stages)
    )


def page_content(
    client: SessionClient,
    rgb: Rgb,
    reading: Reading,
    query: Query,
    metrics: tuple[Metric, ...] = METRICS,
    on_progress: OnProgress | None = None,
) -> PageContent:
    """Compute the page of a reading: the words at every stage that has some, by `metrics` and the metric asked for."""
    stage = query.selection.stage or default_stage(reading.model)
    if query.selection.stage is None and not reading.places_at(stage) and reading.patch_places:
        stage = f"vision.{reading.model.vision_layers}"  # without image tokens there are only vision stages to show
    entry = entries_at(reading, stage, query.selection.patches[0])[0] if query.selection.patches else None
    orders: tuple[WordOrder, ...] = tuple(dict.fromkeys((*metrics, query.search.metric)))
    words: dict[str, dict[WordOrder, TokenWords]] = {}
    folded: dict[str, dict[WordOrder, FoldedTokenWords]] = {}
    noise: dict[str, dict[WordOrder, NoiseBaseline]] = {}
    by_logit: tuple[WordOrder, ...] = ("logit",)
    layers = None
    for word_stage in stages_with_words(query, reading.model):
        if not reading.places_at(word_stage):
            continue
        if of_layers(word_stage):
            layers = layers or client.layers(reading.id, on_progress=on_progress).result()
        found = {
            order: _words(client, reading, query, order, word_stage, on_progress)
            for order in (by_logit if of_layers(word_stage) else orders)
        }
        words[word_stage] = {order: listed for order, (listed, _) in found.items()}
        folded[word_stage] = {order: lines for order, (_, lines) in found.items() if lines is not None}
        if query.search.noise:
            noise[word_stage] = {
                order: _noise(client, reading, query, order, word_stage, on_progress) for order in found
            }
    lens = query.lens
    page_lens = None
    if lens is not None and not lens.uses_projector:
        if of_layers(stage) and layers is None:
            layers = client.layers(reading.id, on_progress=on_progress).result()
        page_lens = look_for_page(client, reading, lens, stage, query.search, on_progress)
    return PageContent(query, rgb, reading, stage, words, layers, entry, page_lens, folded, noise)


def _words(
    client: SessionClient, reading: Reading, query: Query, order: WordOrder, stage: str, on_progress: OnProgress | None
) -> tuple[TokenWords, FoldedTokenWords | None]:
    """The words of all entries of a stage, and the lines that they fold into."""
    projected = of_patches(stage)
    if projected and (refusal := no_exit_in_reading(reading)):
        raise UsageError(refusal)
    patch_tokens = token_of_patch(reading.patch_places, reading.places) if projected else None
    metric = _metric(query, order)

    def search(k: int) -> TokenWords:
        words = client.words(
            reading.id,
            metric,
            k,
            all_tokens=query.search.all_tokens,
            stage=stage,
            ridge=query.search.ridge,
            projected=projected,
            on_progress=on_progress,
        ).result()
        if patch_tokens is not None:
            words = words_of_patches(words, patch_tokens, range(len(reading.patch_places)))
        assert np.array_equal(words.tokens, np.arange(len(reading.places_at(stage))))
        return words

    if query.search.fold is False:
        return search(query.search.k), None
    return search_folded(search, query.search.k, order)


def _noise(
    client: SessionClient, reading: Reading, query: Query, order: WordOrder, stage: str, on_progress: OnProgress | None
) -> NoiseBaseline:
    """The words of noise at a stage, by the same search."""
    return client.null(
        reading.id,
        _metric(query, order),
        query.search.k,
        query.search.all_tokens,
        stage,
        query.search.ridge,
        projected=of_patches(stage),
        on_progress=on_progress,
    ).result()


def _metric(query: Query, order: WordOrder) -> Metric:
    """The metric to ask for: at the language model's layers the logits are taken, whatever it is."""
    return query.search.metric if order == "logit" else order
