"""Results: what has arrived from the session, by subject and lens. No Textual."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from vlmtui.display import canvas
from vlmtui.display.canvas import Pixels
from vlmtui.display.cell_layout import CellLayout
from vlmtui.display.entry_grids import EntryGrid, ReadingGrids
from vlmtui.display.norm_statistics import is_outlier, norm_summary, outlier_mark
from vlmtui.display.pieces import visible
from vlmtui.display.word_colours import WordColours
from vlmtui.geometry import Box, Place
from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.lens_source import LensCall
from vlmtui.metrics import WordOrder
from vlmtui.reading import ImageInfo, LayerNorms, ModelInfo, Reading, TokenLayerWords
from vlmtui.tui.state.generation import AnswerGeneration
from vlmtui.tui.state.image_level import ImageLevel
from vlmtui.tui.state.lens_choice import LensChoice
from vlmtui.tui.state.outlier_history import OutlierHistory
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS, llm_depth, of_tokens, path
from vlmtui.tui.state.subject import OF_LAYERS, LayerWordsLens, LensRequest, PatchLens, ResultKey, Subject, WordsLens
from vlmtui.tui.state.word_table import WordRow, WordTable

LOOKING = "looking ..."
KEPT: dict[tuple[type, bool], int] = {(LensCall, False): 128, (LensCall, True): 2048, (PatchLens, True): 256}
"""Most results that are kept of one reading, by the type of lens and whether they are of one entry each."""


@dataclass(frozen=True)
class StageNorms:
    """The norms of a stage's entries: float64 `values`, `order` from the largest, `rank` from 0, which are outliers."""

    values: np.ndarray
    order: np.ndarray
    rank: np.ndarray
    outliers: np.ndarray

    @cached_property
    def marks(self) -> dict[int, str]:
        """The mark of each entry that is an outlier: the side of the median that it is on."""
        median = norm_summary(self.values).median
        return {int(i): outlier_mark(float(self.values[i]) - median) for i in np.flatnonzero(self.outliers)}


@dataclass
class Results:
    """What has arrived so far: the image first, then the model, then the reading, then what lenses found.

    `found` has every result of the reading by its subject and lens, and `refused` why one will not come. `latest` is
    the result of a lens that came last for the stage looked at, `image_level` the scores of the whole image. Where the
    words of all layers for the token under the cursor have not come, those of `followed` are shown for a moment;
    `waiting` is said in the place of words that have not arrived. `lenses` are a person's own by their names in the
    explorer, and `unusable` says why one of them cannot be used. `outliers` are counted over all images opened.
    `word_colours` are those that words have been given over this image.
    """

    image: ImageInfo
    picture: Image.Image
    model: ModelInfo | None = None
    reading: Reading | None = None
    found: dict[ResultKey, Any] = field(default_factory=dict)
    refused: dict[ResultKey, str] = field(default_factory=dict)
    latest: LensResult | None = None
    followed: int | None = None
    image_level: ImageLevel = field(default_factory=ImageLevel)
    generation: AnswerGeneration = field(default_factory=AnswerGeneration)
    outliers: OutlierHistory = field(default_factory=OutlierHistory)
    lenses: dict[str, LensChoice] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    waiting: str = LOOKING
    word_colours: WordColours = field(default_factory=WordColours)
    _kept: dict[tuple[type, bool], dict[ResultKey, None]] = field(default_factory=dict)
    _grids: ReadingGrids | None = None
    _canvas: tuple[tuple[CellLayout, Box, bytes], Pixels] | None = None
    _norms: dict[str, StageNorms] = field(default_factory=dict)

    @classmethod
    def of(cls, source: ImageFile, picture: Image.Image, model: ModelInfo | None = None) -> Results:
        """What is known as soon as an image is decoded."""
        return cls(ImageInfo(source.source, source.sha256, picture.width, picture.height), picture, model)

    def of_another(self, source: ImageFile, picture: Image.Image) -> Results:
        """What is known once another image is decoded: the model, the lenses and the outliers counted stay."""
        after = Results.of(source, picture, self.model)
        after.lenses, after.unusable, after.outliers = self.lenses, self.unusable, self.outliers
        return after

    def take(self, reading: Reading) -> None:
        """A reading has arrived: nothing that was found in another is true of it."""
        self.reading, self.model = reading, reading.model
        self.followed = self.latest = None
        self.waiting, self.generation, self.image_level = LOOKING, AnswerGeneration(), ImageLevel()
        self.found.clear()
        self.refused.clear()
        self._kept.clear()
        self._norms.clear()
        self.outliers.add(reading)

    def keep(self, key: ResultKey, result: Any) -> None:
        """Take in a result; of those that are many the oldest is dropped."""
        self.found[key] = result
        kind = type(key[1]), key[0].entry is not None
        if kind in KEPT:
            kept = self._kept.setdefault(kind, {})
            kept[key] = None
            while len(kept) > KEPT[kind]:
                oldest = next(iter(kept))
                del kept[oldest]
                self.found.pop(oldest, None)

    def belongs(self, request: LensRequest) -> bool:
        """Whether a request is about this reading, and about the answer that there is now."""
        answer = request.subject.answer
        of_reading = self.reading is not None and self.reading.id == request.reading
        return of_reading and (not answer or answer == self.generation.number)

    # what can be looked at

    @property
    def grids(self) -> ReadingGrids | None:
        """The reading's pages."""
        if self.reading is None:
            return None
        if self._grids is None or self._grids.reading is not self.reading:
            self._grids = ReadingGrids(self.reading)
        return self._grids

    @property
    def stages(self) -> tuple[str, ...]:
        """Every stage that can be chosen now: the answer where there is one."""
        if self.reading is None:
            return ()
        return (*path(self.reading.model), *((ANSWER,) if self.generation.begun else ()))

    def pages(self, stage: str) -> tuple[EntryGrid, ...]:
        """The pages of a stage; none before there is a reading."""
        grids = self.grids
        if grids is None:
            return ()
        return grids.tokens if of_tokens(stage) else grids.patches

    def page(self, selection: Selection) -> EntryGrid | None:
        """The page with the cursor."""
        return next((page for page in self.pages(selection.stage) if page.id == selection.grid), None)

    def shown(self, selection: Selection) -> EntryGrid | None:
        """The page whose cells the image is drawn on: the one with the cursor; for the list, the first of patches."""
        page = self.page(selection)
        if page is not None and page.grid is not None:
            return page
        return next((page for page in (self.grids.patches if self.grids else ()) if page.grid), None)

    def canvas(self, layout: CellLayout, box: Box, holes: np.ndarray | None = None) -> Pixels:
        """The image on the cells of a layout, remembered (large ones take their time); read-only.

        All of the layout is kept, so that another part of it is only cut out. What the model cut away, the `holes` of a
        page, is dimmed as what it does not see.
        """
        whole = layout.whole
        key = whole, box, holes.tobytes() if holes is not None else b""
        if self._canvas is None or self._canvas[0] != key:
            self._canvas = key, canvas.draw_image(self.picture, whole, box, holes)
        return canvas.in_view(self._canvas[1], layout)

    def places_at(self, stage: str) -> tuple[Place, ...]:
        """The entries of a stage; at `pixels` the vision patches that they are cut into."""
        if self.reading is None:
            return ()
        return self.reading.places if of_tokens(stage) else self.reading.patch_places

    def entry(self, selection: Selection) -> int | None:
        """The index of what is under the cursor among `places_at(stage)`."""
        page = self.page(selection)
        return page.entries.get((selection.row, selection.col)) if page else None

    def place(self, selection: Selection) -> Place | None:
        """The token or patch under the cursor."""
        entry = self.entry(selection)
        return None if entry is None else self.places_at(selection.stage)[entry]

    def token(self, selection: Selection) -> int | None:
        """The index of the token under the cursor, or of the one that the patch under it goes into, if one does."""
        entry = self.entry(selection)
        return None if entry is None else self.token_of(selection.stage, entry)

    def token_of(self, stage: str, entry: int) -> int | None:
        """The index of a stage's entry among the tokens, or of the token that this patch goes into, if it does."""
        if of_tokens(stage) or self.grids is None:
            return entry
        return self.grids.token(self.places_at(stage)[entry])

    # what was found

    @property
    def layers(self) -> LayerNorms | None:
        """The norms after every layer of the language model; None until it has read the image."""
        found = self.found.get(OF_LAYERS)
        return found if isinstance(found, LayerNorms) else None

    def by_layer(self, token: int | None) -> TokenLayerWords | None:
        """The top-1 of a token after every layer, where they have come."""
        found = None if token is None else self.found.get((Subject("llm", token), LayerWordsLens()))
        return found if isinstance(found, TokenLayerWords) else None

    def words_at(self, stage: str, order: WordOrder) -> WordTable | None:
        """The words that have arrived at a stage, in an order."""
        found = self.found.get((Subject(stage), WordsLens(order)))
        return found if isinstance(found, WordTable) else None

    def word_table(self, selection: Selection) -> WordTable | None:
        """The words that have arrived at the stage looked at, by its metric."""
        worded = of_tokens(selection.stage) or selection.projected
        return self.words_at(selection.stage, selection.order) if worded else None

    def word_tables(self) -> Iterator[WordTable]:
        """All words that have arrived, stage by stage."""
        return (table for table in self.found.values() if isinstance(table, WordTable))

    def words(self, selection: Selection) -> tuple[WordRow, ...] | None:
        """The words of the token under the cursor, or that the patch under it goes into, as far as they have come."""
        token = self.token(selection)
        table = self.word_table(selection)
        if table is None or token is None:
            return None
        return table.lines(token, selection.k, selection.folds)

    def hubs(self, selection: Selection) -> dict[int, float]:
        """Hub words of the stage looked at with their shares of the lists, once all lists have come."""
        table = self.word_table(selection)
        return table.hubs(len(self.places_at(selection.stage))) if table else {}

    def first_word(self, found: TokenLayerWords, layer: int) -> str:
        """The top-1 of a token after a layer, as it is shown."""
        first = int(found.ids[layer - 1, 0])
        joins = bool(self.model and self.model.marks_words)
        return visible(found.pieces.get(first), found.texts.get(first), joins=joins)

    def norms_at(self, stage: str) -> StageNorms | None:
        """The norms of a stage's entries on all pages, remembered; None where there are none, or none yet."""
        reading, layers = self.reading, self.layers
        if reading is None or stage in (PIXELS, ANSWER) or not self.places_at(stage):
            return None
        layer = llm_depth(stage)
        if layer is not None and layers is None:
            return None
        if stage not in self._norms:
            norms = reading.norms_at(stage) if layer is None or layers is None else layers.norms[layer - 1]
            values = norms.astype(np.float64)
            order = np.argsort(-values, kind="stable")
            self._norms[stage] = StageNorms(values, order, np.argsort(order), is_outlier(values))
        return self._norms[stage]

    def column(self, selection: Selection) -> tuple[np.ndarray | None, np.ndarray] | None:
        """Norms through the vision tower: of the patches under the cursor [stages], and of all [stages, patches].

        A token made of several patches has their mean, one that is made of none in particular None.
        """
        if self.grids is None:
            return None
        place = self.place(selection)
        patches = self.grids.columns(place) if place else []
        everything = self.grids.depth
        return (everything[:, patches].mean(axis=1) if patches else None), everything
