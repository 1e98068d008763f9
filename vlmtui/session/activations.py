"""Activation cache: what a session keeps of its recent readings, within budgets of bytes (least recently used out)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import Tensor

from vlmtui.errors import ReadingGoneError, UsageError
from vlmtui.geometry import Place
from vlmtui.images.decoding import RgbImage, decode
from vlmtui.images.levels import Levels
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.vision.position_embedding import PositionEmbedding
from vlmtui.models.vision.tower_output import TowerOutput
from vlmtui.session.answer_cache import CachedAnswer

READINGS_BYTES = 512 << 20
"""Default budget of readings without their layers."""
LAYERS_BYTES = 1 << 30
"""Default budget of states of layers."""


@dataclass(frozen=True)
class StoredImage:
    """An image file: where it is from, its bytes, how many pixels the image may have, and how its levels are scaled."""

    source: str
    data: bytes
    max_pixels: int
    levels: Levels = "auto"

    def picture(self) -> RgbImage:
        """The decoded image."""
        return decode(self.data, self.source, self.max_pixels, self.levels)


@dataclass
class CachedReading:
    """What is kept of a reading: its inputs, on the CPU, and its image tokens [tokens, hidden], on the model's device.

    `prompt` is the sentence it was read with, None for the default. `file` is the image file, for further questions;
    `places` and `patch_places` are those of the image tokens and of the vision patches.
    `vision` are states of the tower by stage, each [patches, hidden], as far as they were needed and the budget allows;
    `projected` are the tokens that the projector makes of such a stage, each [tokens, hidden]. `own` is what lenses
    keep, by lens and key.
    `norms` float32 [M, tokens] are those of the language model's layers, and `layers` their outputs at the image's
    positions, each [tokens, hidden]; None until the layers were run, `layers` also where the budget does not allow.
    `answered` is the latest answer about the reading. `copy_of` is the reading of which this is an altered copy, such
    as for a noise baseline, or "". `final` is the final output of a tower without a language model, `positions` the
    position embedding of its patches.
    """

    inputs: Inputs
    tokens: Tensor | None
    prompt: str | None = None
    file: StoredImage | None = None
    places: tuple[Place, ...] = ()
    vision: dict[int, Tensor] = field(default_factory=dict)
    own: dict[tuple[str, object], object] = field(default_factory=dict)
    norms: Tensor | None = None
    layers: list[Tensor] | None = None
    answered: CachedAnswer | None = None
    patch_places: tuple[Place, ...] = ()
    projected: dict[int, Tensor] = field(default_factory=dict)
    copy_of: str = ""
    final: TowerOutput | None = None
    positions: PositionEmbedding | None = None

    @property
    def size(self) -> int:
        """Its size in bytes, without the states of layers."""
        ids = [] if self.inputs.input_ids is None else [self.inputs.input_ids]
        tokens = [] if self.tokens is None else [self.tokens]
        file = len(self.file.data) if self.file else 0
        final = self.final.size if self.final else 0
        return file + final + sum(map(_size, [*tokens, *ids, *self.inputs.pixels.values()]))

    @property
    def layers_size(self) -> int:
        """The size in bytes of the states of layers, of the tower and of the tokens projected from these."""
        return sum(map(_size, [*(self.layers or ()), *self.vision.values(), *self.projected.values()]))


class ActivationCache:
    """Recent readings by their ids. The newest is always kept, whatever its size."""

    def __init__(self, budget: int = READINGS_BYTES, layers_budget: int = LAYERS_BYTES) -> None:
        self._budget = budget
        self._kept: OrderedDict[str, CachedReading] = OrderedDict()
        self.layers_budget = layers_budget

    def __getitem__(self, reading: str) -> CachedReading:
        """What is kept of a reading, now the most recently used; `ReadingGoneError` where it was discarded."""
        if reading not in self._kept:
            raise ReadingGoneError("that image is no longer in memory: read it again")
        self._kept.move_to_end(reading)
        return self._kept[reading]

    def __contains__(self, reading: str) -> bool:
        return reading in self._kept

    def tokens(self, reading: str) -> Tensor:
        """The image tokens of a reading [tokens, hidden]; `UsageError` for a model that puts none into its prompt."""
        tokens = self[reading].tokens
        if tokens is None:
            raise UsageError("no image tokens of this model enter a prompt: choose a vision stage")
        return tokens

    def keep(self, reading: str, kept: CachedReading) -> None:
        """Keep a new reading, and discard the oldest beyond the budget; a copy never displaces its original."""
        if kept.copy_of in self._kept:
            self._kept.move_to_end(kept.copy_of)
        self._kept[reading] = kept
        least = 2 if kept.copy_of in self._kept else 1
        while len(self._kept) > least and sum(one.size for one in self._kept.values()) > self._budget:
            self._kept.popitem(last=False)

    def layers_room(self, kept: CachedReading) -> int:
        """How many bytes the layers of a reading may take; a copy may displace nothing of other readings."""
        if not kept.copy_of:
            return self.layers_budget
        return self.layers_budget - sum(one.layers_size for one in self._kept.values() if one is not kept)

    def keep_layers(self, kept: CachedReading, layers: list[Tensor]) -> None:
        """Keep the layers' outputs for a reading, where the budget allows; other readings lose theirs for it."""
        size = sum(map(_size, layers))
        if size > self.layers_budget:
            return
        total = sum(one.layers_size for one in self._kept.values())
        for other in self._oldest_first():
            if total + size <= self.layers_budget:
                break
            total -= other.layers_size
            other.layers = None
            other.vision.clear()
            other.projected.clear()
        kept.layers = layers

    def keep_vision(self, kept: CachedReading, states: dict[int, Tensor]) -> None:
        """Keep states of the tower for a reading, where the budget allows; other readings lose theirs for it."""
        if sum(map(_size, states.values())) <= self.layers_budget:
            for other in self._kept.values():
                other.vision.clear()
            kept.vision.update(states)

    def keep_projected(self, kept: CachedReading, stage: int, tokens: Tensor) -> None:
        """Keep the tokens projected from a stage, where the budget allows; other readings and stages lose theirs.

        For a copy no other reading loses anything.
        """
        room = self.layers_room(kept)
        if _size(tokens) > room:
            return
        for other in self._kept.values():
            if other is not kept and not kept.copy_of:
                other.projected.clear()
        kept.projected[stage] = tokens
        while sum(map(_size, kept.projected.values())) > room:
            del kept.projected[next(iter(kept.projected))]

    def keep_answer(self, kept: CachedReading, answered: CachedAnswer) -> None:
        """Keep the latest answer about a reading; what was derived from other readings' answers is discarded."""
        for other in self._kept.values():
            if other.answered is not None:
                other.answered.forget()
        kept.answered = answered

    def forget(self, reading: str) -> None:
        """Discard a reading and its copies, as far as they are kept."""
        for name in [name for name, one in self._kept.items() if reading in (name, one.copy_of)]:
            del self._kept[name]

    def clear(self) -> None:
        """Discard all readings."""
        self._kept.clear()

    def _oldest_first(self) -> Iterator[CachedReading]:
        return iter(self._kept.values())


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
