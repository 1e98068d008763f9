"""Reading several pictures with one question, of which each is answered for itself."""

from __future__ import annotations

import msgspec

from vlmtui.errors import VlmtuiError, from_kind
from vlmtui.image import MAX_PIXELS
from vlmtui.reading import RIDGE, LayerNorms, Metric, Reading, TokenWords

MANY_PICTURES = 64
"""So many pictures at most are to go into one `ReadMany`: several passes of the model, and an answer of some MB."""
MANY_BYTES = 256 << 20
"""So many bytes of files, too; a single file may have more."""


class Sent(msgspec.Struct, frozen=True):
    """A picture's file: where from, its bytes, and their sha256 in hex."""

    source: str
    data: bytes
    sha256: str


class ReadMany(msgspec.Struct, frozen=True, tag=True):
    """Look at pictures with the model held, and find the words of all of their tokens; answered by `ManyRead`.

    The words are those that the lens `nearest-tokens` finds at `stage`, k a token; `pixels` has none, nor has
    `vision.i` where it is not `projected`. Nothing is kept: no question can be asked about these readings. Several may
    wait for the model, and none takes another's place. The answer hangs on the message, the model
    and the machine alone, never on the time that anything took: the same question has the same answer, byte for byte.
    """

    pictures: tuple[Sent, ...]
    stage: str
    metric: Metric
    k: int
    all_tokens: bool = False
    ridge: float = RIDGE
    projected: bool = False
    max_pixels: int = MAX_PIXELS
    prompt: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one picture: its `reading`, or why there is none.

    The reading has no id and no timings, the words took 0 seconds. `words` are those of all image tokens, None where
    the stage has none; `layers` the language model's, at `llm.i` alone. `kind` and `message` are those of an error.
    """

    reading: Reading | None = None
    words: TokenWords | None = None
    layers: LayerNorms | None = None
    kind: str = ""
    message: str = ""

    @classmethod
    def failed(cls, error: VlmtuiError) -> Outcome:
        """That of a picture of which nothing can be said."""
        return cls(kind=error.kind, message=str(error))

    @property
    def error(self) -> VlmtuiError | None:
        """Why there is no reading; None where there is one."""
        return from_kind(self.kind, self.message) if self.reading is None else None


class ManyRead(msgspec.Struct, frozen=True, tag=True):
    """What came of every picture, in the order asked."""

    outcomes: tuple[Outcome, ...]
