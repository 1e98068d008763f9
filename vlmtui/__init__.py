"""vlmtui: see what a vision-language model's image tokens say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlmtui._version import __version__
from vlmtui.errors import VlmtuiError

if TYPE_CHECKING:
    from vlmtui.api import ImageReading, PictureReading, Session, Word, open_session

__all__ = ["ImageReading", "PictureReading", "Session", "VlmtuiError", "Word", "__version__", "open_session"]


def __getattr__(name: str) -> Any:
    """The API is imported when it is first asked for: the command line starts without it."""
    if name in __all__:
        from vlmtui import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
