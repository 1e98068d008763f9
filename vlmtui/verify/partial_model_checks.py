"""Checks of the partial model that vlmtui reads with, and the record of it for the checks of the full one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vlmtui.errors import ImageError
from vlmtui.geometry import Place
from vlmtui.images.decoding import RgbImage
from vlmtui.lenses.kernels.distances import EmbeddingMatrix, Near
from vlmtui.lenses.kernels.nearest_neighbours import NearestRows, nearest_rows
from vlmtui.models.geometry.layout import Layout
from vlmtui.models.loading.checkpoint import Progress
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.loading.token_ids import candidate_ids
from vlmtui.models.vision.classifier import has_classifier
from vlmtui.models.vision.dual_encoder import why_no_text_tower
from vlmtui.models.vlm import EncodedImage, VisionLanguageModel
from vlmtui.reading import ModelInfo
from vlmtui.verify import check_table as t
from vlmtui.verify import vector_comparison
from vlmtui.verify.box_trials import BoxCounts, BoxReach, ChangedPlaces, PixelTrial, count_changes, run_trials
from vlmtui.verify.check_table import CheckTable

SHAPES = {"wide": (640, 280), "tall": (220, 500), "small": (36, 27)}
_SAMPLE = 64
_METRICS: tuple[Near, ...] = ("l2", "cosine")
_K = 8


def noise_images() -> dict[str, RgbImage]:
    """Images of noise in several shapes, the same every time."""
    rng = np.random.default_rng(0)
    return {
        name: RgbImage(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for name, (width, height) in SHAPES.items()
    }


@dataclass(frozen=True)
class ImageRecord:
    """The record of one image, on the CPU: a prompt with it, its tokens, and their words."""

    inputs: Inputs
    tokens: Tensor | None
    words: NearestRows | None
    position_ids: Tensor | None = None


@dataclass(frozen=True)
class PartialModelRecord:
    """The record of the partial model. `words` are the ids that words are searched among.

    `without` are the checks of parts that a tower alone does not have: a head, or a text tower.
    """

    info: ModelInfo
    tower_alone: bool
    without: tuple[str, ...]
    images: dict[str, ImageRecord]
    digests: dict[str, bytes]
    words: Tensor | None


class PartialModelChecks:
    """The checks that need only the partial model, and the images that it has encoded."""

    def __init__(self, loaded: LoadedModel, table: CheckTable, progress: Progress) -> None:
        self._loaded, self._table, self._progress = loaded, table, progress
        self.model = VisionLanguageModel(loaded)
        self._pictures = noise_images()
        self._encoded: dict[str, tuple[Inputs, EncodedImage, Layout]] = {}
        self._words = self._vocabulary = None
        if self.model.embeddings is not None:
            self._vocabulary = EmbeddingMatrix.of(self.model.embeddings)
            self._words = candidate_ids(self.model.tokenizer, len(self.model.embeddings), all_tokens=False)

    def check(self) -> PartialModelRecord:
        """Carry out these checks; the record of the model."""
        table, family = self._table, self.model.family
        if not family.projector:
            table.not_applicable(t.OF_WORDS)
        else:
            table.not_applicable((*t.OF_HEADS, *t.OF_TEXTS))
            if family.wordless:
                table.not_applicable((t.TOKENS, t.POSITIONS, t.TOKEN_BOXES, t.OWN_VECTORS, t.WORDS))
        if not hasattr(family.base, "get_rope_index"):
            table.not_applicable([t.POSITIONS])
        with table.check(t.TOKENS if table.open(t.TOKENS) else t.PATCH_BOXES):
            self._encode_images()
        if not self._encoded:
            of_images = t.TOKEN_BOXES, t.PATCH_BOXES, t.NORMS, t.LOGITS, t.WORDS, t.POSITIONS
            table.unchecked(of_images, "no image could be read")
        with table.check(t.PATCH_BOXES, t.TOKEN_BOXES):
            self._check_boxes()
        with table.check(t.NORMS):
            self._check_norms()
        with table.check(t.OWN_VECTORS):
            self._check_own_vectors()
        return self._make_record()

    def _encode_images(self) -> None:
        refused: ImageError | None = None
        for name, picture in self._pictures.items():
            self._progress(f"reading a {name} image", 0, 0)
            try:
                inputs = self.model.prepare(picture, None, f"the {name} image")
            except ImageError as error:
                refused = error
                continue
            encoded = self.model.encode(inputs)
            self._encoded[name] = inputs, encoded, self.model.layout(picture, inputs, encoded)
        if refused and not self._encoded:
            raise refused

    def _check_boxes(self) -> None:
        if why := self.model.family.mixed_patches:
            self._table.unchecked([t.TOKEN_BOXES, t.PATCH_BOXES], why)
            return
        processor, exact = self._loaded.processing.image_processor, self.model.info.dtype == "float32"
        tokens, patches, unplaced = BoxCounts(), BoxCounts(), []
        why = ""
        for name, (_, _, layout) in self._encoded.items():
            if not layout.patch_places:
                unplaced.append(name)
                why = layout.placeless
                continue
            doing = f"changing pixels of a {name} image"

            def on_pass(done: int, total: int, doing: str = doing) -> None:
                self._progress(doing, done, total)

            found = run_trials(self.model, self._pictures[name], layout, on_pass)
            reach = BoxReach(layout, processor, exact)
            patches += _tally(found, layout.patch_places, lambda trial: trial.patches, reach)
            if layout.placeless:
                why = layout.placeless
            else:
                tokens += _tally(found, layout.places, lambda trial: trial.tokens, reach)
        self._judge_boxes(t.TOKEN_BOXES, tokens, why, unplaced)
        self._judge_boxes(t.PATCH_BOXES, patches, why, unplaced)

    def _judge_boxes(self, name: str, tally: BoxCounts, why: str, unplaced: list[str]) -> None:
        if not tally.hits and not tally.extra:
            self._table.unchecked([name], why or "no changed square lies well inside a box")
            return
        without = f"; no positions in the {' and the '.join(unplaced)} image" if unplaced else ""
        self._table.judged(
            name,
            not tally.missed and not tally.extra,
            f"{tally.squares} squares changed, {tally.hits} changes predicted: {tally.missed} missed, "
            f"{tally.extra} extra{without}",
            tally.hits + tally.extra,
        )

    def _check_norms(self) -> None:
        self._progress("comparing norms", 0, 0)
        worst, count = 0.0, 0
        for inputs, encoded, _ in self._encoded.values():
            library = vector_comparison.library_norms(self.model, inputs)
            if library is None:
                self._table.unchecked([t.NORMS], "its tower does not return hidden states to compare with")
                return
            worst = max(worst, vector_comparison.largest_norm_difference(encoded, library))
            count += sum(norms.numel() for norms in library)
        self._table.judged(
            t.NORMS,
            worst <= vector_comparison.rounding(torch.float32),
            f"{count:,} norms compared with the tower's own hidden states: largest difference {relative(worst)}",
            count,
        )

    def _check_own_vectors(self) -> None:
        if self._vocabulary is None or self._words is None:
            return
        self._progress("searching for words by their own vectors", 0, 0)
        finite = self._words[torch.isfinite(self._vocabulary.norms[self._words])]
        ids = finite[torch.linspace(0, len(finite) - 1, min(_SAMPLE, len(finite))).long()]
        lost = {m: vector_comparison.not_found_first(self.model, self._vocabulary, ids, m) for m in _METRICS}
        figure = ", ".join(f"{len(ids) - len(lost[m])} of {len(ids)} found as top-1 under {m}" for m in _METRICS)
        first = next((rows[0] for rows in lost.values() if rows), None)
        self._table.judged(
            t.OWN_VECTORS, first is None, figure + ("" if first is None else f"; not id {first}"), len(ids)
        )

    def _make_record(self) -> PartialModelRecord:
        self._progress("hashing the weights", 0, 0)
        return PartialModelRecord(
            info=self.model.info,
            tower_alone=not self.model.family.projector,
            without=self._without(),
            images={name: self._record_image(inputs, encoded) for name, (inputs, encoded, _) in self._encoded.items()},
            digests=vector_comparison.weight_digests(
                self._loaded.model if self.model.family.projector else self.model.family.tower
            ),
            words=self._words,
        )

    def _without(self) -> tuple[str, ...]:
        family = self.model.family
        heads = () if has_classifier(self.model.network, family) else t.OF_HEADS
        # a tower without texts is loaded whole in any case
        texts = (*t.OF_TEXTS, t.WEIGHTS) if why_no_text_tower(family) else ()
        return (*heads, *texts)

    def _record_image(self, inputs: Inputs, encoded: EncodedImage) -> ImageRecord:
        if encoded.tokens is None or self._vocabulary is None or self._words is None:
            return ImageRecord(inputs, None, None)
        inputs = self.model.prompted(inputs, len(encoded.tokens), None)
        self._progress("searching for words", 0, 0)
        words = nearest_rows(encoded.tokens, self._vocabulary, self._words, "l2", _K)
        return ImageRecord(inputs, encoded.tokens.cpu(), words, self.model.position_ids(inputs, len(encoded.tokens)))


def nearest_words(tokens: Tensor, embeddings: Tensor, words: Tensor) -> NearestRows:
    """The words of tokens, found as those in the record of the partial model are."""
    return nearest_rows(tokens, EmbeddingMatrix.of(embeddings), words, "l2", _K)


def _tally(
    found: list[PixelTrial], places: tuple[Place, ...], which: Callable[[PixelTrial], ChangedPlaces], reach: BoxReach
) -> BoxCounts:
    return count_changes(places, [which(trial) for trial in found], [trial.squares for trial in found], reach)


def relative(value: float) -> str:
    """A relative difference in few characters."""
    return "0" if value == 0 else f"{value:.1e}"
