"""What a person has chosen to look at, and what is known about it: plain data that the panels read.

`Selection` holds the choices, `Results` what has arrived. Nothing here knows Textual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from PIL import Image

from vlmtui.display import canvas
from vlmtui.display.canvas import Pixels
from vlmtui.display.entry_grids import EntryGrid, ReadingGrids
from vlmtui.display.norm_statistics import is_outlier
from vlmtui.display.pieces import visible
from vlmtui.geometry import Box, CellLayout, Place
from vlmtui.image import ImageFile
from vlmtui.lenses.base import Lens
from vlmtui.lenses.lens_source import LensCall
from vlmtui.lenses.lens_text import LensResult
from vlmtui.metrics import METRICS, Metric, WordOrder
from vlmtui.reading import ImageInfo, LayerNorms, ModelInfo, Reading, TokenLayerWords
from vlmtui.tui.state.generation import AnswerSelection, Generation
from vlmtui.tui.state.image_level import ImageLevel
from vlmtui.tui.state.lens_choice import LensChoice, overlays
from vlmtui.tui.state.noise_baseline import Belief
from vlmtui.tui.state.patch_facts import Patches
from vlmtui.tui.state.stages import ANSWER, PIXELS, llm_depth, of_tokens, vision_depth
from vlmtui.tui.state.word_table import WordRow, WordTable

NONE = "none"
NORMS = "norms"
WORDS = "words"
"""The overlays that need no lens; the others are lenses, by their names."""
MAX_K = 50

# an image token or a vision patch by its index: see `vlmtui.tui.state.marks`
Mark = tuple[Literal["token", "patch"], int]

LOOKING = "looking ..."
ANSWER_DEFAULT = AnswerSelection()


@dataclass(frozen=True)
class Selection:
    """The choices: where the cursor stands, and through which lens.

    `row` and `col` count within the page `grid` (`EntryGrid.id`; None is the list of tokens that lie in no grid, one a
    row) at the current stage. `spot` is the point of the picture, in pixels, that stays under the cursor from page to
    page and from stage to stage; None until one was left. `listed` is the row last looked at in the list. `by_layer`:
    at a stage of the language model, its first word after every layer instead of the words of this one. `marks` are
    what a person has marked, and `sought` is the word that is lit up. `early_exit`: vision stages are looked at
    through the projector. `of_answer` is how the answer is looked at.
    """

    row: int = 0
    col: int = 0
    grid: int | None = 0
    stage: str = "tokens"
    metric: Metric = "l2"
    k: int = 8
    overlay: str = NONE
    spot: tuple[float, float] | None = None
    listed: int = 0
    by_layer: bool = False
    marks: frozenset[Mark] = frozenset()
    sought: str = ""
    early_exit: bool = False
    of_answer: AnswerSelection = ANSWER_DEFAULT

    @property
    def order(self) -> WordOrder:
        """What words are ordered by at the stage: there is no choice of metric in the language model's layers."""
        return self.metric if llm_depth(self.stage) is None else "logit"

    @property
    def shows_layers(self) -> bool:
        """Whether the words panel shows all layers now."""
        return self.by_layer and llm_depth(self.stage) is not None

    @property
    def projected(self) -> bool:
        """Whether a vision stage is looked at through the projector: an early exit."""
        return self.early_exit and vision_depth(self.stage) is not None

    def next_metric(self) -> Selection:
        """The next metric, round and round."""
        return replace(self, metric=METRICS[(METRICS.index(self.metric) + 1) % len(METRICS)])

    def next_overlay(self, model: ModelInfo | None = None, own: Sequence[LensChoice] = ()) -> Selection:
        """The next overlay, round and round; without words for a model that has none, or before one was looked for.

        A person's `own` lenses come last.
        """
        if self.stage == ANSWER:
            return replace(self, of_answer=self.of_answer.next_attribution([one.name for one in own if one.of_answers]))
        words = () if model and model.wordless else (WORDS,)
        lenses = [one.name for one in overlays(model) if self._offers(one, model)]
        there = [NONE, NORMS, *words, *lenses, *(one.name for one in own if self._fits(one, model))]
        at = there.index(self.overlay) if self.overlay in there else -1
        return replace(self, overlay=there[(at + 1) % len(there)])

    def _offers(self, lens: Lens, model: ModelInfo | None) -> bool:
        """Whether `o` comes by this lens: a word was looked for where it needs one, and it looks at this stage."""
        return (not lens.offer.word or bool(self.sought)) and not (model and lens.offer.refuses(self.stage, model))

    def _fits(self, lens: LensChoice, model: ModelInfo | None) -> bool:
        """Whether `o` comes by a person's own lens: it is no way to look at answers, and it looks at this stage."""
        return not lens.of_answers and not (model and lens.refuses(self.stage, model))

    def with_k(self, k: int) -> Selection:
        """Another number of words, within bounds."""
        return replace(self, k=min(max(1, k), max(MAX_K, self.k)))


@dataclass(frozen=True)
class StageNorms:
    """The norms of a stage's entries: float64 `values`, `order` from the largest, `rank` from 0, which are outliers."""

    values: np.ndarray
    order: np.ndarray
    rank: np.ndarray
    outliers: np.ndarray


@dataclass
class Results:
    """What has arrived so far: the picture first, then the model, then the reading, then words.

    `waiting` is said in the place of words that have not arrived. `word_tables` are by stage and order; `layers` is
    None until the language model has read the picture, and `by_layer` has the words of tokens after each of its layers:
    those of `followed` are shown for a moment where those of the token under the cursor have not come. `values` are
    what lenses found at stages, `singles` of one entry each, `latest` the last of them to come, and `refused` says why
    some will not. `belief` is how much to believe the words, and `patches` what is known of patches beside; `whole` is
    what a vision tower says of the whole picture. `lenses` are a person's own by their names in the explorer, and
    `unusable` says why one of them is none.
    """

    image: ImageInfo
    picture: Image.Image
    model: ModelInfo | None = None
    reading: Reading | None = None
    word_tables: dict[tuple[str, WordOrder], WordTable] = field(default_factory=dict)
    layers: LayerNorms | None = None
    by_layer: dict[int, TokenLayerWords] = field(default_factory=dict)
    followed: int | None = None
    values: dict[tuple[str, LensCall], LensResult] = field(default_factory=dict)
    singles: dict[tuple[str, LensCall, int], LensResult] = field(default_factory=dict)
    latest: LensResult | None = None
    refused: dict[tuple[str, LensCall], str] = field(default_factory=dict)
    belief: Belief = field(default_factory=Belief)
    generation: Generation = field(default_factory=Generation)
    patches: Patches = field(default_factory=Patches)
    image_level: ImageLevel = field(default_factory=ImageLevel)
    lenses: dict[str, LensChoice] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    waiting: str = LOOKING
    _atlas: ReadingGrids | None = None
    _canvas: tuple[tuple[CellLayout, Box, bytes], Pixels] | None = None
    _norms: dict[str, StageNorms] = field(default_factory=dict)

    @classmethod
    def of(cls, source: ImageFile, picture: Image.Image, model: ModelInfo | None = None) -> Results:
        """What is known as soon as a picture is decoded."""
        return cls(ImageInfo(source.source, source.sha256, picture.width, picture.height), picture, model)

    def take(self, reading: Reading) -> None:
        """A reading has arrived: nothing that was known of another is true of it."""
        self.reading, self.model = reading, reading.model
        self.layers = self.followed = self.latest = None
        self.waiting, self.belief, self.generation, self.image_level = LOOKING, Belief(), Generation(), ImageLevel()
        for of_before in (self.word_tables, self.by_layer, self.values, self.singles, self.refused, self._norms):
            of_before.clear()

    @property
    def atlas(self) -> ReadingGrids | None:
        """The reading's pages."""
        if self.reading is None:
            return None
        if self._atlas is None or self._atlas.reading is not self.reading:
            self._atlas = ReadingGrids(self.reading)
        return self._atlas

    def pages(self, stage: str) -> tuple[EntryGrid, ...]:
        """What can be walked at a stage; none before there is a reading."""
        atlas = self.atlas
        if atlas is None:
            return ()
        return atlas.tokens if of_tokens(stage) else atlas.patches

    def page(self, selection: Selection) -> EntryGrid | None:
        """The page that is walked."""
        return next((page for page in self.pages(selection.stage) if page.id == selection.grid), None)

    def shown(self, selection: Selection) -> EntryGrid | None:
        """The page whose cells the picture is drawn on: the one walked; for the list, the first of patches."""
        page = self.page(selection)
        if page is not None and page.grid is not None:
            return page
        return next((page for page in (self.atlas.patches if self.atlas else ()) if page.grid), None)

    def canvas(self, layout: CellLayout, box: Box, holes: np.ndarray | None = None) -> Pixels:
        """The picture on the cells of a layout, remembered (large ones take their time); read-only.

        What the model cut away, the `holes` of a page, is dimmed as what it does not see.
        """
        key = layout, box, holes.tobytes() if holes is not None else b""
        if self._canvas is None or self._canvas[0] != key:
            self._canvas = key, canvas.draw_image(self.picture, layout, box, holes)
        return self._canvas[1]

    def word_table(self, selection: Selection) -> WordTable | None:
        """The words that have arrived at the view's stage, under its metric."""
        return (
            self.word_tables.get((selection.stage, selection.order))
            if of_tokens(selection.stage) or selection.projected
            else None
        )

    def places_at(self, stage: str) -> tuple[Place, ...]:
        """What a stage of the path has entries for; at `pixels` the vision patches that they are cut into."""
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

    def words(self, selection: Selection) -> tuple[WordRow, ...] | None:
        """The words of the token under the cursor, or that the patch under it goes into, as far as they have come."""
        token = self.token(selection)
        table = self.word_table(selection)
        if table is None or token is None:
            return None
        rows = table.rows.get(token)
        return rows[: selection.k] if rows is not None else None

    def first_word(self, found: TokenLayerWords, layer: int) -> str:
        """The first word of a token after a layer, as it is shown."""
        first = int(found.ids[layer - 1, 0])
        joins = bool(self.model and self.model.marks_words)
        return visible(found.pieces.get(first), found.texts.get(first), joins=joins)

    def norms_at(self, stage: str) -> StageNorms | None:
        """The norms of a stage's entries on all pages, remembered; None where there are none, or none yet."""
        reading = self.reading
        if reading is None or stage in (PIXELS, ANSWER) or not self.places_at(stage):
            return None
        if llm_depth(stage) and not self.layers:
            return None
        if stage not in self._norms:
            layer = llm_depth(stage)
            norms = reading.norms_at(stage) if layer is None or not self.layers else self.layers.norms[layer - 1]
            values = norms.astype(np.float64)
            order = np.argsort(-values, kind="stable")
            self._norms[stage] = StageNorms(values, order, np.argsort(order), is_outlier(values))
        return self._norms[stage]

    def column(self, selection: Selection) -> tuple[np.ndarray | None, np.ndarray] | None:
        """Norms through the vision tower: of the patches under the cursor [stages], and of all [stages, patches].

        A token made of several patches has their mean, one that is made of none in particular None.
        """
        if self.atlas is None:
            return None
        place = self.place(selection)
        patches = self.atlas.columns(place) if place else []
        everything = self.atlas.depth
        return (everything[:, patches].mean(axis=1) if patches else None), everything

    def token(self, selection: Selection) -> int | None:
        """The index of the token under the cursor, or of the one that the patch under it goes into, if one does."""
        entry = self.entry(selection)
        return None if entry is None else self.token_of(selection.stage, entry)

    def token_of(self, stage: str, entry: int) -> int | None:
        """The index of a stage's entry among the tokens, or of the token that this patch goes into, if it does."""
        if of_tokens(stage) or self.atlas is None:
            return entry
        return self.atlas.token(self.places_at(stage)[entry])
