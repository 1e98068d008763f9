"""Lens context: the interface through which a lens reads one reading at one stage. The session implements it.

Tensors are on the model's device, in its dtype; each is the lens's own copy, made without gradients. Every method may
raise `Cancelled` once nobody waits for the result any more: do not catch it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import Cancelled, NotHere
from vlmtui.geometry import Place

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Cancelled", "Context", "Generation", "NotHere", "Place", "Vocabulary"]

T = TypeVar("T")


@dataclass(frozen=True)
class Vocabulary:
    """The LLM's vocabulary: `embeddings` [rows, width] as its first layer receives them, and the ids of the rows that
    are `words` (named by the tokenizer and not special), int64 ascending."""

    embeddings: Tensor
    words: Tensor
    tokenizer: Any


@dataclass(frozen=True)
class Generation:
    """The model's answer to a question about the image: its text, and the id, text and natural log-probability of every
    token."""

    question: str
    text: str
    ids: tuple[int, ...]
    texts: tuple[str | None, ...]
    log_probs: tuple[float, ...]


class Context(Protocol):
    """One reading at one stage.

    `stage` is "vision.i", "tokens" or "llm.i"; `entries` are the indices, among all patches or tokens of the stage,
    that the result must cover, in that order; `k` is the number of words requested.
    """

    @property
    def stage(self) -> str: ...

    @property
    def entries(self) -> tuple[int, ...]: ...

    @property
    def k(self) -> int: ...

    def states(self, stage: str | None = None) -> Tensor:
        """The vectors of the entries, or of all entries of another stage [entries, width]: at `vision.i` the residual
        stream after the i-th block, at `tokens` what the LLM's first layer receives, at `llm.i` the output of its i-th
        layer. Runs the tower again or loads layers where that is needed."""
        ...

    def image(self) -> NDArray[np.uint8]:
        """The image's pixels, uint8 RGB [height, width, 3], after its EXIF turn."""
        ...

    def inputs(self) -> dict[str, Tensor]:
        """The tower's inputs, by the model's own parameter names (`pixel_values` …), on the CPU."""
        ...

    def boxes(self) -> NDArray[np.float64]:
        """The box of every entry in image pixels, x0, y0, x1, y1 [entries, 4]; NaN for an entry without one."""
        ...

    def tokens(self) -> tuple[Place, ...]:
        """The place of every entry: its kind, grid, row, column, box, and the vision patches it was made from."""
        ...

    def vocabulary(self) -> Vocabulary:
        """The LLM's vocabulary; `NotHere` for a model without one."""
        ...

    def unembed(self, states: Tensor) -> Tensor:
        """The logits of states of an LLM layer, float32 [n, rows]: final norm, unembedding, softcap or scaling."""
        ...

    def generation(self) -> Generation | None:
        """The answer under inspection; None without one."""
        ...

    def other(self) -> Context | None:
        """The second image of a comparison; None without one."""
        ...

    def progress(self, done: int, total: int) -> None:
        """Report progress; raises `Cancelled` once nobody waits for the result."""
        ...

    def keep(self, key: object, make: Callable[[], T]) -> T:
        """The value cached under a key for this reading and version of the lens; made by `make` if absent."""
        ...

    @property
    def model(self) -> Any:
        """The session's model and cached activations, for built-in lenses. May change."""
        ...
