"""Options of the explorer, from the command line."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.image import ImageFile
from vlmtui.query.options import Query


@dataclass(frozen=True)
class ExplorerOptions:
    """The image, which has been read already, what is asked of it, and how it is to be shown."""

    image: ImageFile
    query: Query
    color: str = "auto"
    debug: bool = False
