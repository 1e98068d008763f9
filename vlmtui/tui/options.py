"""What the command line tells the explorer."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.image import MAX_PIXELS, SourceBytes
from vlmtui.reading import Metric


@dataclass(frozen=True)
class ExplorerOptions:
    """The words of the command line that the explorer heeds; `image` has been read already."""

    image: SourceBytes
    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    k: int = 8
    metric: Metric = "l2"
    stage: str | None = None
    all_tokens: bool = False
    patch: tuple[int, int] | None = None
    prompt: str | None = None
    max_pixels: int = MAX_PIXELS
    color: str = "auto"
    debug: bool = False
