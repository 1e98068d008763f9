"""What a session keeps of its recent readings, within budgets of bytes: the longest unused goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from vlmtui.errors import ReadingGoneError
from vlmtui.models.processing import Inputs

READINGS_BYTES = 512 << 20
LAYERS_BYTES = 1 << 30


@dataclass
class Kept:
    """Of one reading: its inputs, on the CPU, and its image tokens [tokens, hidden], on the model's device.

    `prompt` is the sentence it was read with, None for the usual one.
    `norms` float32 [M, tokens] are those of the language model's layers, and `layers` what they put out at the image's
    positions, each [tokens, hidden]; None until they were run, `layers` also where they are too many to keep.
    """

    inputs: Inputs
    tokens: Tensor
    prompt: str | None = None
    norms: Tensor | None = None
    layers: list[Tensor] | None = None

    @property
    def size(self) -> int:
        """In bytes, without the layers."""
        ids = [] if self.inputs.input_ids is None else [self.inputs.input_ids]
        return sum(map(_size, [self.tokens, *ids, *self.inputs.pixels.values()]))

    @property
    def layers_size(self) -> int:
        """What is kept of the layers, in bytes."""
        return sum(map(_size, self.layers or ()))


class Readings:
    """The readings kept, by their ids. The newest is always among them, whatever its size."""

    def __init__(self, budget: int = READINGS_BYTES, layers_budget: int = LAYERS_BYTES) -> None:
        self._budget = budget
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self.layers_budget = layers_budget

    def __getitem__(self, reading: str) -> Kept:
        """What is kept of a reading, which is used with that; `ReadingGoneError` where it has gone."""
        if reading not in self._kept:
            raise ReadingGoneError("that reading is no longer kept in memory: read the picture again")
        self._kept.move_to_end(reading)
        return self._kept[reading]

    def keep(self, reading: str, kept: Kept) -> None:
        """Keep a new reading."""
        self._kept[reading] = kept
        while len(self._kept) > 1 and sum(one.size for one in self._kept.values()) > self._budget:
            self._kept.popitem(last=False)

    def keep_layers(self, kept: Kept, layers: list[Tensor]) -> None:
        """Keep what the layers put out for a reading, where the budget allows; others lose theirs for it."""
        size = sum(map(_size, layers))
        if size > self.layers_budget:
            return
        held = sum(one.layers_size for one in self._kept.values())
        for other in self._oldest_first():
            if held + size <= self.layers_budget:
                break
            held -= other.layers_size
            other.layers = None
        kept.layers = layers

    def clear(self) -> None:
        """Keep none any more."""
        self._kept.clear()

    def _oldest_first(self) -> Iterator[Kept]:
        return iter(self._kept.values())


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
