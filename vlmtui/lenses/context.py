"""What a lens is given: one reading at one stage, as the session holds it. The session implements it.

Tensors are on the model's device, in its dtype; what a lens is given is its own copy, made without gradients. Every
method may raise `Cancelled` where nobody waits for the result any more: let it pass.
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
    """The LLM's vocabulary: `embeddings` [rows, width] as its first layer receives them, and which rows are `words`
    (named by the tokenizer and not special), int64 ascending."""

    embeddings: Tensor
    words: Tensor
    tokenizer: Any


@dataclass(frozen=True)
class Generation:
    """The model's answer to a question about the image: its text, and of every token its id, its text and its natural
    log-probability."""

    question: str
    text: str
    ids: tuple[int, ...]
    texts: tuple[str | None, ...]
    log_probs: tuple[float, ...]


class Context(Protocol):
    """One reading at one stage.

    `stage` is "vision.i", "tokens" or "llm.i"; `entries` are the indices, among all of the stage's patches or tokens,
    that the result is about, in their order; `k` is how many words were asked for.
    """

    @property
    def stage(self) -> str: ...

    @property
    def entries(self) -> tuple[int, ...]: ...

    @property
    def k(self) -> int: ...

    def states(self, stage: str | None = None) -> Tensor:
        """The vectors of the entries, or of all entries of another stage [entries, width]; at `vision.i` the residual
        stream after the i-th block, at `tokens` what the LLM's first layer receives, at `llm.i` what its i-th layer
        put out. What they need is done first: the tower run again, the layers loaded."""
        ...

    def image(self) -> NDArray[np.uint8]:
        """The image's pixels, uint8 RGB [height, width, 3], after its EXIF turn."""
        ...

    def inputs(self) -> dict[str, Tensor]:
        """What the tower was given, by the names of the model's own parameters (`pixel_values` …), on the CPU."""
        ...

    def boxes(self) -> NDArray[np.float64]:
        """The box of every entry in pixels of the image, x0, y0, x1, y1 [entries, 4]; NaN where it has none."""
        ...

    def tokens(self) -> tuple[Place, ...]:
        """What every entry is: its kind, grid, row, column, box, and the vision patches it was made of."""
        ...

    def vocabulary(self) -> Vocabulary:
        """The LLM's vocabulary; `NotHere` for a model without one."""
        ...

    def unembed(self, states: Tensor) -> Tensor:
        """The logits of states of an LLM layer, float32 [n, rows]: final norm, unembedding, softcap or scaling."""
        ...

    def generation(self) -> Generation | None:
        """The answer that is looked at; None without one."""
        ...

    def other(self) -> Context | None:
        """The second image of a comparison; None without one."""
        ...

    def progress(self, done: int, total: int) -> None:
        """Say how far it is; raises `Cancelled` where nobody waits any more."""
        ...

    def keep(self, key: object, make: Callable[[], T]) -> T:
        """What was kept under a key for this reading by this version of the lens, or what `make` makes, kept now."""
        ...

    @property
    def model(self) -> Any:
        """For built-in lenses: the model behind it, and what is kept of the reading. May change."""
        ...
