"""Reading of an image by a model: grids, places, norms and stages. Pure data, the same in the session and its clients.

Arrays are NumPy, float32 unless stated otherwise. Screens and reports show a `Reading` together with results about it,
such as `TokenWords`.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import UsageError, check_text
from vlmtui.geometry import Grid, Place
from vlmtui.metrics import WordOrder

Floats = NDArray[np.float32]
TemplateKind = Literal["chat", "processor", "tokenizer", "none"]
"""What makes a prompt: the chat template of the model's files, the family's processor by itself, the tokenizer's own
template, or none of them: image, newline and sentence."""
PIXELS = "pixels"
"""The stage before the model: vision patches as they enter the tower, with norms but no words."""


FIRST_STAGE = "vision.0"
"""The input of the tower's first block: projected patches with positions added."""


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A model loaded in a session.

    `name` is the name the person gave, `family` transformers' `model_type`, `revision` the commit of a hub model.
    `parts` is one line for the screen, such as "SigLIP 16/224 → MLP → Llama". `feeds` names the vision stage that the
    projector reads, such as "vision.4". `vision_layers` and `llm_layers` count blocks. `embeddings` is (rows, width),
    `vision_hidden` the width of the tower's states. `marks_words` says that the tokenizer's pieces tell where words
    begin (`▁sky` and `sky` are two pieces). `wordless` is the reason why no stage has words (a vision-only
    model, or Mllama, whose images do not enter its prompt), or "". `text_tower` and
    `classifies` say that the checkpoint has a text tower, or a classification head. `note` is a sentence
    that belongs beside every number of this model (the demo model's warning), or "".
    """

    name: str
    family: str
    revision: str | None
    dtype: str
    device: str
    processor: str | None
    parts: str
    vision_layers: int
    llm_layers: int
    feeds: str | None
    embeddings: tuple[int, int] | None
    vision_hidden: int
    marks_words: bool = False
    wordless: str = ""
    text_tower: bool = False
    classifies: bool = False
    note: str = ""


class ImageInfo(msgspec.Struct, frozen=True):
    """The image that was read: its source, the sha256 of its file's bytes, and its size after the EXIF rotation.

    `notes` are lines about how it was decoded, where that is not the usual way.
    """

    source: str
    sha256: str
    width: int
    height: int
    notes: tuple[str, ...] = ()


class GridNorms(msgspec.Struct, frozen=True):
    """L2 norms of one grid's hidden states.

    `patches` is [stages, patches], with stages vision.0 … vision.L and patches row by row; `prefix` is
    [stages, prefix tokens] (CLS and registers in order), [stages, 0] where there are none.
    """

    patches: Floats
    prefix: Floats


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One image read by one model.

    `places`, `norms` and `percentiles` run over the image tokens in the order of their positions in the prompt.
    `norms` is the L2 norm of each token as the LLM receives it [tokens]; `percentiles` the share (0–100) of the
    vocabulary's named, non-special rows whose norm is smaller [tokens], and `word_norm` the median norm of these rows,
    None without a vocabulary. `patch_places` are the vision patches of all
    grids, grid by grid, row by row: the entries of a vision stage. `seen` says in a few words how the image
    reached the model ("224×224, squashed", "336×336, centre crop") and `patch_size` is the (height, width) of a vision
    patch in those pixels. `pixel_norms` are the L2 norms of the normalised values of each vision patch, every value
    once, in the order of `patch_places` [patches]; [0] where they are not known. `placeless` says why image tokens have
    no place in the picture (the queries of a resampler, an unknown family), or "" where all have one. `timings` is
    seconds by step. `prompt_text` is the prompt with the image's placeholder, which `template` made, None where the
    model reads no prompt; `prompt_problem` is why its chat template was not used, or "". `position_ids` are (time, row,
    column) of each image token in the prompt, by which the decoder turns its heads; empty where it has one id each.
    """

    id: str
    model: ModelInfo
    image: ImageInfo
    grids: tuple[Grid, ...]
    grid_norms: tuple[GridNorms, ...]
    places: tuple[Place, ...]
    patch_places: tuple[Place, ...]
    norms: Floats
    percentiles: Floats
    hidden: int
    prompt: str | None
    seen: str
    patch_size: tuple[int, int]
    timings: dict[str, float]
    placeless: str = ""
    pixel_norms: Floats = msgspec.field(default_factory=lambda: np.zeros(0, np.float32))
    word_norm: float | None = None
    prompt_text: str | None = None
    template: TemplateKind = "none"
    prompt_problem: str = ""
    position_ids: tuple[tuple[int, int, int], ...] = ()

    @property
    def prompt_note(self) -> str:
        """What to say where the prompt is not that of the checkpoint's chat template, or ""."""
        if not self.prompt_problem:
            return ""
        return f"{self.prompt_problem}: the prompt is the image and the sentence alone instead"

    @property
    def length_ratio(self) -> float | None:
        """How many times as long as words the image tokens are: the ratio of the median norms, None without either."""
        finite = self.norms[np.isfinite(self.norms)]
        return float(np.median(finite)) / self.word_norm if len(finite) and self.word_norm else None

    def places_at(self, stage: str) -> tuple[Place, ...]:
        """The places of the stage's entries: vision patches at `pixels` and `vision.i`, else image tokens."""
        return self.patch_places if of_patches(stage) else self.places

    def norms_at(self, stage: str) -> Floats:
        """L2 norms of the stage's entries, in the order of `places_at` [entries].

        Norms of `llm.i` are NaN here: they are in `LayerNorms`, not in a reading.
        """
        if stage == "tokens":
            return self.norms
        if stage == PIXELS:
            known = len(self.pixel_norms) == len(self.patch_places)
            return self.pixel_norms if known else np.full(len(self.patch_places), np.nan, np.float32)
        if of_layers(stage):
            return np.full(len(self.places), np.nan, np.float32)
        layer = vision_layer(stage)
        found = [grid.patches[layer] for grid in self.grid_norms]
        return np.concatenate(found) if found else np.zeros(0, np.float32)


class TokenWords(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest word-pieces of some image tokens, nearest first; for matching pursuit in the order picked.

    `tokens` are indices among the image's positions [n]; `ids` int64 and `scores` float64 are [n, k]: k is smaller
    than asked where there are fewer candidates; a pursuit that ended early, and a token whose vector is not finite, is
    filled up with the id -1. `explained`
    is the share (0–1) of a token's norm that a pursuit explains after each word [n, k], `ridge` the λ of that metric.
    `pieces` and `texts` name every id that occurs (None where the tokenizer has no name for a row), `special` the ids
    that are special tokens. `candidates` rows were searched, `left_out` were not. Unless `in_vocabulary`, ids are no
    rows of the vocabulary, but number texts that a lens gave.
    """

    metric: WordOrder
    k: int
    all_tokens: bool
    tokens: NDArray[np.int64]
    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    pieces: dict[int, str | None]
    texts: dict[int, str | None]
    special: frozenset[int]
    candidates: int
    left_out: int
    seconds: float
    explained: NDArray[np.float64] | None = None
    ridge: float | None = None
    in_vocabulary: bool = True

    def at(self, row: int) -> list[tuple[int, float]]:
        """Id and score of every word of one row of `tokens`."""
        pairs = zip(self.ids[row].tolist(), self.scores[row].tolist(), strict=True)
        return [(id_, score) for id_, score in pairs if id_ >= 0]

    def share(self, row: int) -> float | None:
        """The share (0–1) of the norm that all words of one row explain; None except for matching pursuit."""
        if self.explained is None:
            return None
        there = len(self.at(row))
        return float(self.explained[row, there - 1]) if there else 0.0


class LayerNorms(msgspec.Struct, frozen=True, kw_only=True):
    """Norms of a reading's image tokens after each layer of the language model, in the prompt of that reading.

    `norms` are the L2 norms of the residual stream as it leaves each layer, at the image's positions
    [llm stages 1 … M, tokens]. `positions` is the length of the prompt, image tokens included.
    """

    reading: str
    norms: Floats
    positions: int


class TokenLayerWords(msgspec.Struct, frozen=True, kw_only=True):
    """The words with the largest logits for one image token after every layer of the language model (logit lens).

    `ids` int64 and `scores` float64 (the logits) are [M, k], largest first; `pieces`, `texts` and `special` as in
    `TokenWords`. `entropy` float64 [M] is that of the softmax over all rows of the head, in nats. `settled` is the
    first layer, counted from 1, from which on the last layer's first word is first in every layer; None without words.
    """

    token: int
    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    pieces: dict[int, str | None]
    texts: dict[int, str | None]
    special: frozenset[int]
    entropy: NDArray[np.float64]
    settled: int | None
    seconds: float
    in_vocabulary: bool = True


def of_patches(stage: str) -> bool:
    """Whether the stage's entries are vision patches; else they are image tokens."""
    return stage == PIXELS or stage.startswith("vision.")


def of_layers(stage: str) -> bool:
    """Whether the stage is `llm.i`, after a layer of the language model."""
    return stage.startswith("llm.")


def vision_layer(stage: str) -> int:
    """The i of `vision.i`."""
    return int(stage.removeprefix("vision."))


def llm_layer(stage: str) -> int:
    """The i of `llm.i`."""
    return int(stage.removeprefix("llm."))


def stages(model: ModelInfo) -> tuple[str, ...]:
    """Every stage of a model, in the order of the forward pass: `vision.0` … `vision.L`, `tokens`, `llm.1` …"""
    vision = tuple(f"vision.{i}" for i in range(model.vision_layers + 1))
    if model.embeddings is None:
        return vision
    if model.wordless:  # no image tokens enter the prompt
        return (*vision, "tokens")
    return (*vision, "tokens", *(f"llm.{i}" for i in range(1, model.llm_layers + 1)))


def default_stage(model: ModelInfo) -> str:
    """The stage shown first: `tokens`, or the last vision stage of a vision-only model."""
    return "tokens" if model.embeddings else f"vision.{model.vision_layers}"


def check_stage(stage: str, model: ModelInfo, pixels: bool = False) -> str:
    """Return `stage`, or raise a `UsageError` that lists the stages; `pixels` allows the stage of that name too."""
    check_text("stage", stage)
    there = stages(model)
    if stage in there or (pixels and stage == PIXELS):
        return stage
    words = f"vision.0 … vision.{model.vision_layers}"
    words += ", tokens" if "tokens" in there else ""
    words += f", llm.1 … llm.{model.llm_layers}" if "llm.1" in there else ""
    if stage == PIXELS:
        raise UsageError(f"at pixels, before the model, there are norms only: choose {words}")
    raise UsageError(f"there is no stage {stage!r} in {model.name}: choose {words}")
